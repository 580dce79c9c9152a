"""Which margins of an account's open positions may be old, and what they are then. Pure.

The broker's word counts. It says a position's margin with the position, and seldom again: where a
close or a fill moved the tiers that other positions of the symbol and side fill, theirs are in
doubt until the broker says them anew. Until then, and where it says none, they are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from fxpool.account.events import (
    BookEvent,
    PositionChanged,
    PositionClosed,
    PositionPartiallyClosed,
)
from fxpool.account.margins import Stake, margins_of
from fxpool.domain.accounts import Trader
from fxpool.domain.symbols import Asset, LeverageTier, Symbol
from fxpool.domain.trades import Position

USD: Final = "USD"
"""What the asset is called that tiers count in; brokers have others with a longer name."""

_ONE: Final = Decimal(1)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class MarginBook:
    """The margins of one account.

    Attributes:
        doubted: positions whose margin the broker has to say anew.
        tiers: dynamic leverages by their id.
        is_old: a leverage changed since the broker said the margins: some recompute them then.
    """

    def __init__(self, rate: Callable[[int], Decimal | None]) -> None:
        """``rate`` says what a unit of an asset is worth in the account's currency."""
        self.doubted: set[int] = set()
        self.tiers: dict[int, tuple[LeverageTier, ...]] = {}
        self.is_old = False
        self._rate = rate

    def hear(
        self,
        events: Iterable[BookEvent],
        positions: Callable[[], Iterable[Position]],
        symbols: Mapping[int, Symbol],
    ) -> None:
        """Take note of what changed: ``positions`` gives those that are open after it."""
        for event in events:
            match event:
                case PositionPartiallyClosed(_, changed) | PositionClosed(changed):
                    self._doubt_others(changed, positions, symbols)
                case PositionChanged(old, changed) if old.volume_cents != changed.volume_cents:
                    self._doubt_others(changed, positions, symbols)
                case _:
                    continue

    def tiers_wanted(
        self, positions: Iterable[Position], symbols: Mapping[int, Symbol]
    ) -> set[int]:
        """Return the dynamic leverages that a margin has to be computed with, and nobody read."""
        needed = {
            symbol.leverage_id
            for position in positions
            if self.is_open_question(position)
            and (symbol := symbols.get(position.symbol_id)) is not None
            and symbol.leverage_id is not None
        }
        return needed - self.tiers.keys()

    def wants_dollars(self, positions: Iterable[Position]) -> bool:
        """Whether the worth of a dollar is needed to compute a margin."""
        return any(self.is_open_question(position) for position in positions)

    def completed(
        self,
        position: Position,
        positions: Iterable[Position],
        symbols: Mapping[int, Symbol],
        trader: Trader,
        assets: Mapping[int, Asset],
    ) -> Position:
        """Return a position with its margin as it is now; with what the broker said last, or none,
        where it cannot be computed."""
        if not self.is_open_question(position):
            return position
        symbol = symbols.get(position.symbol_id)
        tiers = None if symbol is None else self._tiers_of(symbol)
        if symbol is None or tiers is None or not trader.leverage:
            return position
        side = sorted(
            (
                each
                for each in positions
                if (each.symbol_id, each.side) == (position.symbol_id, position.side)
            ),
            key=lambda each: (each.opened_at or _LONG_AGO, each.position_id),
        )
        stakes = [stake for each in side if (stake := self._stake(each, symbol, trader, assets))]
        if len(stakes) < len(side):
            return position
        margins = margins_of(stakes, trader.leverage, tiers, trader.money_digits)
        margin = margins.get(position.position_id)
        return position if margin is None else replace(position, used_margin=margin)

    def is_open_question(self, position: Position) -> bool:
        """Whether a position's margin is to be computed: the broker's word of it is none or old."""
        return position.used_margin is None or position.position_id in self.doubted

    def _tiers_of(self, symbol: Symbol) -> tuple[LeverageTier, ...] | None:
        return () if symbol.leverage_id is None else self.tiers.get(symbol.leverage_id)

    def _stake(
        self, position: Position, symbol: Symbol, trader: Trader, assets: Mapping[int, Asset]
    ) -> Stake | None:
        if position.margin_rate is None:
            return None
        units = Decimal(position.volume_cents).scaleb(-2)
        dollars = self._dollars(position, symbol, trader, assets)
        return Stake(
            position.position_id,
            units * position.margin_rate,
            None if dollars is None else units * dollars,
        )

    def _dollars(
        self, position: Position, symbol: Symbol, trader: Trader, assets: Mapping[int, Asset]
    ) -> Decimal | None:
        """Return the dollars that a unit of the base asset was worth at the opening.

        Where neither side of the symbol nor the account is in dollars it is taken at the present
        rate, which the broker's own number then corrects.
        """
        usd = usd_asset(assets)
        light = symbol.light
        if light.base_asset_id == usd:
            return _ONE
        if light.quote_asset_id == usd:
            return position.price
        if trader.deposit_asset_id == usd or usd is None:
            return None if usd is None else position.margin_rate
        worth = self._rate(usd)
        return position.margin_rate / worth if worth and position.margin_rate else None

    def _doubt_others(
        self,
        changed: Position,
        positions: Callable[[], Iterable[Position]],
        symbols: Mapping[int, Symbol],
    ) -> None:
        self.doubted.discard(changed.position_id)  # the event itself said its margin
        symbol = symbols.get(changed.symbol_id)
        if symbol is None or symbol.leverage_id is None:
            return
        self.doubted.update(
            each.position_id
            for each in positions()
            if each.position_id != changed.position_id
            and (each.symbol_id, each.side) == (changed.symbol_id, changed.side)
        )


def usd_asset(assets: Mapping[int, Asset]) -> int | None:
    """Return the dollar's asset id, the lowest of several, or None."""
    return min((one.asset_id for one in assets.values() if one.name == USD), default=None)
