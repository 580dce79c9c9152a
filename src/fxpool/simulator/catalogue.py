"""The broker that a simulator is unless told otherwise: its assets, symbols and accounts.

EURUSD, the metal and the indices carry parameters recorded from a real server; hours are around
the clock, so that a Sunday can be traded too.
"""

from __future__ import annotations

from dataclasses import dataclass

from fxpool.simulator.engine.accounts import AccountSpec, AccountType
from fxpool.simulator.engine.symbols import Asset, CommissionType, DynamicLeverage, Symbol

BROKER_NAME = "fxpool-simulator"
BROKER_TITLE = "Simulated"

USD, EUR = 15, 5
"""Asset ids that the accounts are held in."""


@dataclass(frozen=True, slots=True)
class AssetClass:
    """A group of categories."""

    class_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Category:
    """A group of symbols."""

    category_id: int
    class_id: int
    name: str


@dataclass(frozen=True, slots=True)
class ArchivedSymbol:
    """A symbol that is not offered any more; ``archived_ms`` is since when."""

    symbol_id: int
    name: str
    description: str
    archived_ms: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a broker offers.

    Attributes:
        start_prices: where the synthetic market begins, by symbol id: middle price in 1/100000.
        spreads: ask less bid, by symbol id, in 1/100000.
        leverages: the dynamic leverages that symbols name.
        archived: symbols of the past.
    """

    assets: tuple[Asset, ...]
    asset_classes: tuple[AssetClass, ...]
    categories: tuple[Category, ...]
    symbols: tuple[Symbol, ...]
    start_prices: dict[int, int]
    spreads: dict[int, int]
    leverages: tuple[DynamicLeverage, ...] = ()
    archived: tuple[ArchivedSymbol, ...] = ()


_ASSETS = (
    Asset(1, "AUD", 2),
    Asset(2, "CAD", 2),
    Asset(3, "CHF", 2),
    Asset(EUR, "EUR", 2),
    Asset(6, "GBP", 2),
    Asset(8, "JPY", 0),
    Asset(11, "NZD", 2),
    Asset(USD, "USD", 2),
    Asset(20, "XAU", 2),
    Asset(30, "BTC", 8),
    Asset(40, "US100.cash", 2),
    Asset(41, "GER40.cash", 2),
)
_ASSET_IDS = {asset.name: asset.asset_id for asset in _ASSETS}

_ASSET_CLASSES = (
    AssetClass(1, "Forex"),
    AssetClass(2, "Metals"),
    AssetClass(3, "Crypto Currency"),
    AssetClass(4, "Indices"),
)
_CATEGORIES = (
    Category(11, 1, "Forex Majors"),
    Category(12, 1, "Forex Crosses"),
    Category(13, 2, "Metals"),
    Category(14, 3, "Crypto"),
    Category(15, 4, "Cash Indices"),
)


def _pair(symbol_id: int, name: str, description: str, *, digits: int = 5) -> Symbol:
    is_major = "USD" in name
    return Symbol(
        symbol_id=symbol_id,
        name=name,
        description=description,
        base_asset_id=_ASSET_IDS[name[:3]],
        quote_asset_id=_ASSET_IDS[name[3:]],
        category_id=11 if is_major else 12,
        digits=digits,
        pip_position=digits - 1,
        lot_size=10_000_000,
        min_volume=100_000,
        step_volume=100_000,
        max_volume=10_000_000_000,
        commission_type=CommissionType.USD_PER_LOT,
        commission_rate=250_000_000,
        swap_long=-1.106,
        swap_short=0.059,
    )


def _index(symbol_id: int, name: str, description: str, quote: str) -> Symbol:
    return Symbol(
        symbol_id=symbol_id,
        name=name,
        description=description,
        base_asset_id=_ASSET_IDS[name],
        quote_asset_id=_ASSET_IDS[quote],
        category_id=15,
        digits=2,
        pip_position=0,
        lot_size=100,
        min_volume=1,
        step_volume=1,
        max_volume=100_000,
        swap_long=-6.3431,
        swap_short=0.2737,
        measurement_units="Contracts",
    )


_GOLD = Symbol(
    symbol_id=22,
    name="GOLD",
    description="Gold vs United States Dollar",
    base_asset_id=_ASSET_IDS["XAU"],
    quote_asset_id=USD,
    category_id=13,
    digits=2,
    pip_position=0,
    lot_size=10_000,
    min_volume=100,
    step_volume=100,
    max_volume=1_000_000_000,
    commission_type=CommissionType.PERCENTAGE_OF_VALUE,
    commission_rate=70,
    swap_long=-0.83,
    swap_short=-0.083,
    measurement_units="Ounces",
)

_BITCOIN = Symbol(
    symbol_id=100,
    name="Bitcoin",
    description="Bitcoin vs United States Dollar",
    base_asset_id=_ASSET_IDS["BTC"],
    quote_asset_id=USD,
    category_id=14,
    digits=2,
    pip_position=0,
    lot_size=100,
    min_volume=1,
    step_volume=1,
    max_volume=100_000,
    swap_long=-20.0,
    swap_short=-20.0,
    measurement_units="Coins",
)

_OFFERS: tuple[tuple[Symbol, int, int], ...] = (
    (_pair(1, "EURUSD", "Euro vs United States Dollar"), 112_568, 6),
    (_pair(2, "GBPUSD", "Great Britain Pound vs United States Dollar"), 131_240, 8),
    (_pair(3, "EURJPY", "Euro vs Japanese Yen", digits=3), 16_390_000, 1_500),
    (_pair(4, "USDJPY", "United States Dollar vs Japanese Yen", digits=3), 14_560_000, 900),
    (_pair(5, "AUDUSD", "Australian Dollar vs United States Dollar"), 65_310, 7),
    (_pair(6, "USDCHF", "United States Dollar vs Swiss Franc"), 80_120, 9),
    (_pair(7, "GBPJPY", "Great Britain Pound vs Japanese Yen", digits=3), 19_108_000, 2_000),
    (_pair(8, "USDCAD", "United States Dollar vs Canadian Dollar"), 138_450, 9),
    (_pair(9, "EURGBP", "Euro vs Great Britain Pound"), 85_773, 8),
    (_pair(12, "NZDUSD", "New Zealand Dollar vs United States Dollar"), 58_940, 9),
    (_GOLD, 398_500_000, 25_000),
    (_BITCOIN, 9_642_000_000, 1_500_000),
    (_index(275, "US100.cash", "US Tech 100 index", "USD"), 2_481_000_000, 120_000),
    (_index(279, "GER40.cash", "Germany 40 index", "EUR"), 2_403_000_000, 150_000),
)

DEFAULT_CATALOGUE = Catalogue(
    assets=_ASSETS,
    asset_classes=_ASSET_CLASSES,
    categories=_CATEGORIES,
    symbols=tuple(symbol for symbol, _, _ in _OFFERS),
    start_prices={symbol.symbol_id: price for symbol, price, _ in _OFFERS},
    spreads={symbol.symbol_id: spread for symbol, _, spread in _OFFERS},
)

DEFAULT_ACCOUNTS = (
    AccountSpec(10_012_345, 12_345, deposit_asset_id=USD, balance=1_000_000),
    AccountSpec(10_012_346, 12_346, deposit_asset_id=EUR, balance=1_000_000),
    AccountSpec(
        10_012_347,
        12_347,
        deposit_asset_id=USD,
        balance=1_000_000,
        account_type=AccountType.NETTED,
    ),
    AccountSpec(10_022_345, 22_345, deposit_asset_id=USD, balance=1_000_000, is_live=True),
)
