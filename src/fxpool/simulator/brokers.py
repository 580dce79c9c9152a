"""Simulated brokers that offer the same under different names, as real ones do.

Ids differ between them, too. The names are those that live brokers were seen to use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fxpool.errors import SettingsError
from fxpool.simulator.catalogue import (
    DEFAULT_CATALOGUE,
    EUR,
    USD,
    ArchivedSymbol,
    AssetClass,
    Catalogue,
    Category,
)
from fxpool.simulator.engine.symbols import Asset, DayOfWeek, DynamicLeverage, LeverageTier, Symbol
from fxpool.simulator.offers import Kind, Offer, all_offers

DEMO = "demo"
"""The small broker that a simulator is unless told otherwise."""


@dataclass(frozen=True, slots=True)
class _Naming:
    """How a broker calls what it offers.

    Attributes:
        first_id: of its symbols.
        separator: between the two assets of a pair, a metal or a coin.
        suffix: after every name.
        own: names of its own, by the offer's key; the suffix is not added.
    """

    first_id: int
    separator: str = ""
    suffix: str = ""
    own: Mapping[str, str] = field(default_factory=dict)

    def name(self, offer: Offer) -> str:
        if offer.key in self.own:
            return self.own[offer.key]
        parts = [offer.base] if offer.kind is Kind.INDEX else [offer.base, offer.quote]
        return self.separator.join(parts) + self.suffix


_CASH = {offer.key: f"{offer.key}.cash" for offer in all_offers() if offer.kind is Kind.INDEX} | {
    "XTIUSD": "USOIL.cash",
    "XBRUSD": "UKOIL.cash",
    "XNGUSD": "NATGAS.cash",
}

_NAMINGS = {
    "plain": _Naming(1),
    "cash": _Naming(1, own=_CASH),
    "slashed": _Naming(
        2_001,
        separator="/",
        own={
            "US100": "US TECH 100",
            "GER40": "GERMANY 40",
            "US30": "WALL STREET 30",
            "XTIUSD": "WTI",
            "XBRUSD": "BRENT",
        },
    ),
    "gold": _Naming(
        5_001,
        own={
            "XAUUSD": "GOLD",
            "XAGUSD": "SILVER",
            "XPTUSD": "PLATINUM",
            "XPDUSD": "PALLADIUM",
            "US100": "USTEC",
            "GER40": "DE40",
            "XTIUSD": "WTI",
            "XBRUSD": "BRENT",
            "BTCUSD": "Bitcoin",
            "ETHUSD": "Ethereum",
        },
    ),
    "suffixed": _Naming(9_001, suffix=".r", own={"US100": "NAS100.r", "GER40": "DE30.r"}),
}

BROKER_NAMES = (DEMO, *_NAMINGS)
"""What ``broker`` knows."""

_CLASSES = {
    Kind.MAJOR: AssetClass(1, "Forex"),
    Kind.CROSS: AssetClass(1, "Forex"),
    Kind.EXOTIC: AssetClass(1, "Forex"),
    Kind.METAL: AssetClass(2, "Metals"),
    Kind.CRYPTO: AssetClass(3, "Crypto Currency"),
    Kind.INDEX: AssetClass(4, "Indices"),
    Kind.ENERGY: AssetClass(5, "Energies"),
}
_CATEGORIES = {
    kind: Category(11 + index, _CLASSES[kind].class_id, kind.value)
    for index, kind in enumerate(Kind)
}

_LEVERAGES = {
    Kind.INDEX: DynamicLeverage(
        1, (LeverageTier(10_000_000, 5_000), LeverageTier(100_000_000, 2_000))
    ),
    Kind.CRYPTO: DynamicLeverage(2, (LeverageTier(10_000_000, 333), LeverageTier(50_000_000, 100))),
}
"""Tiers in cents of a dollar and hundredths (SW-26): indices 1:50, then 1:20; coins 1:3.33, 1:1."""


def broker(name: str) -> Catalogue:
    """Return what the broker of this name offers. Raises SettingsError where there is none."""
    if name == DEMO:
        return DEFAULT_CATALOGUE
    naming = _NAMINGS.get(name)
    if naming is None:
        raise SettingsError(
            f"there is no simulated broker {name!r}; there are {', '.join(BROKER_NAMES)}"
        )
    return _catalogue(naming)


def _catalogue(naming: _Naming) -> Catalogue:
    offers = all_offers()
    asset_ids = _asset_ids(offers, naming)
    symbols = tuple(
        _symbol(naming.first_id + index, offer, naming, asset_ids)
        for index, offer in enumerate(offers)
    )
    ids = [one.symbol_id for one in symbols]
    gone = ArchivedSymbol(
        ids[-1] + 100, f"EURLTL{naming.suffix}", "Euro vs Lithuanian Litas", 1_420_070_400_000
    )
    return Catalogue(
        assets=tuple(Asset(asset_id, name, _digits(name)) for name, asset_id in asset_ids.items()),
        asset_classes=tuple(dict.fromkeys(_CLASSES.values())),
        categories=tuple(_CATEGORIES.values()),
        symbols=symbols,
        start_prices=dict(zip(ids, (offer.price for offer in offers), strict=True)),
        spreads=dict(zip(ids, (offer.spread for offer in offers), strict=True)),
        leverages=tuple(_LEVERAGES.values()),
        archived=(gone,),
    )


def _asset_ids(offers: list[Offer], naming: _Naming) -> dict[str, int]:
    """Return an id for each asset; those that accounts are held in are the same everywhere."""
    ids = {"EUR": EUR, "USD": USD}
    free = iter(range(100, 100 + 2 * len(offers)))
    for offer in offers:
        for name in (_base_name(offer, naming), offer.quote):
            if name not in ids:
                ids[name] = next(free)
    return ids


def _base_name(offer: Offer, naming: _Naming) -> str:
    """Return the base asset's name; an index is an asset under the broker's own name."""
    return naming.name(offer) if offer.kind is Kind.INDEX else offer.base


def _digits(asset_name: str) -> int:
    return {"JPY": 0, "HUF": 0, "BTC": 8, "ETH": 8}.get(asset_name, 2)


def _symbol(symbol_id: int, offer: Offer, naming: _Naming, asset_ids: Mapping[str, int]) -> Symbol:
    leverage = _LEVERAGES.get(offer.kind)
    return Symbol(
        symbol_id=symbol_id,
        name=naming.name(offer),
        description=offer.description,
        base_asset_id=asset_ids[_base_name(offer, naming)],
        quote_asset_id=asset_ids[offer.quote],
        category_id=_CATEGORIES[offer.kind].category_id,
        digits=offer.digits,
        pip_position=offer.pip_position,
        lot_size=offer.lot_size,
        min_volume=offer.min_volume,
        step_volume=offer.step_volume,
        max_volume=offer.max_volume,
        commission_type=offer.commission_type,
        commission_rate=offer.commission_rate,
        swap_long=offer.swap_long,
        swap_short=offer.swap_short,
        swap_triple_day=DayOfWeek.FRIDAY if offer.kind is Kind.INDEX else DayOfWeek.WEDNESDAY,
        measurement_units=offer.units,
        leverage_id=None if leverage is None else leverage.leverage_id,
    )
