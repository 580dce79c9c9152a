"""What holding a position over night costs or earns: swap, or rollover on swap-free accounts. Pure.

Formulas: the comments of the message schema. A percentage is a year's, of 360 days, on the present
price; the protocol says neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import assert_never

from fxpool.simulator.engine import money
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.model import CashKind, ExecutionKind, Position, Side
from fxpool.simulator.engine.notices import Cause, Execution, Notice
from fxpool.simulator.engine.symbols import (
    PRICE_SCALE,
    VOLUME_SCALE,
    DayOfWeek,
    SwapKind,
    Symbol,
)

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_YEAR_DAYS = 360


def charge_count(symbol: Symbol, at_ms: int) -> int:
    """Return how many charges of a symbol there have been since the epoch, up to an instant."""
    period_ms = symbol.swap_period_hours * _HOUR_MS
    return (at_ms - symbol.swap_time_minutes * _MINUTE_MS) // period_ms


def charges_between(symbol: Symbol, after_ms: int, until_ms: int) -> Iterator[int]:
    """Yield the instants after one and up to another at which a symbol is charged."""
    period_ms = symbol.swap_period_hours * _HOUR_MS
    start_ms = symbol.swap_time_minutes * _MINUTE_MS
    for count in range(charge_count(symbol, after_ms) + 1, charge_count(symbol, until_ms) + 1):
        yield start_ms + count * period_ms


def swap_of(symbol: Symbol, side: Side, volume: int, market: int) -> Fraction:
    """Return one charge in the quote asset, negative where it costs; ``market`` in 1/100000."""
    rate = Fraction(Decimal(repr(symbol.swap_long if side is Side.BUY else symbol.swap_short)))
    units = Fraction(volume, VOLUME_SCALE)
    match symbol.swap_kind:
        case SwapKind.PIPS:
            return rate * units / Fraction(10) ** symbol.pip_position
        case SwapKind.POINTS:
            return rate * units / Fraction(10) ** symbol.digits
        case SwapKind.PERCENTAGE:
            return Fraction(market, PRICE_SCALE) * units * rate / 100 / _YEAR_DAYS
        case _:
            assert_never(symbol.swap_kind)


class Charges:
    """The nightly charges of one account."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def charge(self, symbol: Symbol, at_ms: int) -> list[Notice]:
        """Charge the positions of a symbol at one of its instants."""
        told: list[Notice] = []
        for side in Side:
            for position in self._book.holdings.of(symbol.symbol_id, side):
                if self._book.spec.swap_free:
                    told += self._roll_over(position, symbol, at_ms)
                else:
                    told += self._swap(position, symbol, at_ms)
        return told

    def _swap(self, position: Position, symbol: Symbol, at_ms: int) -> list[Notice]:
        times = _times(symbol.swap_triple_day, at_ms, weekends=symbol.charges_swap_at_weekends)
        passed = charge_count(symbol, at_ms) - charge_count(symbol, position.opened_ms or at_ms)
        if passed <= symbol.skip_swap_periods:
            return []
        amount = times * self._in_deposit(position, symbol)
        if not amount:
            return []
        charged = replace(position, swap=position.swap + amount, updated_ms=at_ms)
        held = self._book.hold(charged)
        return [Execution(ExecutionKind.SWAP, position=held, cause=Cause.BROKER)]

    def _in_deposit(self, position: Position, symbol: Symbol) -> int:
        prices = self._book.worth.prices(symbol.symbol_id, position.side)
        amount = swap_of(symbol, position.side, position.volume, prices.market)
        rate = prices.gain_rate if amount >= 0 else prices.loss_rate
        return money.half_up(amount * rate * money.MONEY_SCALE)

    def _roll_over(self, position: Position, symbol: Symbol, at_ms: int) -> list[Notice]:
        days = (at_ms - (position.opened_ms or at_ms)) // _DAY_MS
        times = _times(symbol.rollover_triple_day, at_ms, weekends=False)
        is_daily = (at_ms - symbol.swap_time_minutes * _MINUTE_MS) % _DAY_MS == 0
        if not symbol.rollover_commission or days < symbol.skip_rollover_days or not is_daily:
            return []
        fee = times * money.per_lot_in_usd(
            symbol.rollover_commission,
            symbol,
            position.volume,
            self._book.spec.deposit_asset_id,
            self._book.floor.rates,
        )
        if not fee:
            return []
        entry = self._book.ledger.book_cash(
            CashKind.ROLLOVER, -fee, at_ms, equity_before=self._book.worth.equity()
        )
        return [Execution(ExecutionKind.DEPOSIT_WITHDRAW, cash=entry, cause=Cause.BROKER)]


def _times(triple_day: DayOfWeek, at_ms: int, *, weekends: bool) -> int:
    """Return how often a charge counts: not at weekends, three times on one day (UTC)."""
    weekday = datetime.fromtimestamp(at_ms // 1000, tz=UTC).isoweekday()
    if weekday >= DayOfWeek.SATURDAY and not weekends:
        return 0
    return 3 if weekday == triple_day else 1
