"""What an account did in a period, as one value: sums, splits, curves, gaps. Pure.

Everything is of the period alone: a position of which a part was closed before it counts with the
parts that were closed in it, so all sums add up to the change of the balance. Days, weekdays and
hours are UTC, of the close.

Formulas: docs/statistics.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from typing import Final, TypeVar

from fxpool.domain.cash import CashOperation
from fxpool.domain.equity import EquityBucket
from fxpool.domain.past import Span
from fxpool.domain.trades import CashFlow
from fxpool.history.curve import BalanceCurve
from fxpool.history.falls import Falls, Stretch, gaps_of, stretches_of
from fxpool.history.series import ResultSeries
from fxpool.history.statistics import Growth, Ratios, Tally, growth_of, ratios_of
from fxpool.history.trades import ClosedPart, Result, Trade, result_at, trade_after
from fxpool.mapping.instants import ms_from_instant

SLOTS: Final = 240
"""Into how many slots of time a curve is condensed; each gives three points at most."""

Key = TypeVar("Key", bound=Hashable)
Amount = TypeVar("Amount", Decimal, float)


@dataclass(slots=True)
class Split:
    """What the closed parts of one kind came to: of a symbol, a weekday, an hour."""

    closings: int = 0
    won: int = 0
    lost: int = 0
    profit: Decimal = Decimal(0)
    volumes: Counter[int] = field(default_factory=Counter)

    def add(self, part: ClosedPart) -> None:
        """Count a closed part."""
        net = part.net_profit
        self.closings += 1
        self.won += net > 0
        self.lost += net < 0
        self.profit += net
        self.volumes[part.symbol_id] += part.volume_cents


@dataclass(frozen=True, slots=True)
class Report:
    """A period of an account.

    Attributes:
        opening, closing: the balance at the period's begin and end.
        balance, equity: condensed curves, (epoch milliseconds, money); ``equity`` is what was
            recorded, with nothing in the ``gaps``.
        recorded: the share of the period in which equity was recorded, 0 to 1.
    """

    span: Span
    opening: Decimal
    closing: Decimal
    curve: BalanceCurve
    growth: Growth
    tally: Tally
    ratios: Ratios
    parts: Sequence[ClosedPart]
    flows: Sequence[CashFlow]
    by_symbol: dict[int, Split]
    by_weekday: dict[int, Split]
    by_hour: dict[int, Split]
    falls: Falls
    balance: list[tuple[int, Decimal]]
    equity: list[tuple[int, Decimal]]
    drawdown: list[tuple[int, float]]
    gaps: list[Stretch]
    recorded: float


def report_of(
    span: Span, results: Sequence[Result], buckets: Sequence[EquityBucket], opening: Decimal
) -> Report:
    """Return the report of a period from what happened in it, in its order."""
    parts = [result for result in results if isinstance(result, ClosedPart)]
    flows = [result for result in results if isinstance(result, CashFlow)]
    trades = _trades(parts)
    tally = Tally().with_more(trades)
    curve = _curve(results)
    begin_ms, end_ms = ms_from_instant(span.begin), ms_from_instant(span.end)
    falls = Falls(results, buckets, opening, begin_ms)
    closing = opening if curve.balance is None else curve.balance
    balances = [*_balances(results), (end_ms, closing)]
    if opening or not results:
        balances.insert(0, (begin_ms, opening))
    begin_ms = balances[0][0]  # an account has no curve before its first deposit
    gaps = gaps_of(stretches_of(buckets), begin_ms, end_ms)
    samples = (
        (at_ms, Decimal(equity).scaleb(-bucket.digits))
        for bucket in buckets
        for at_ms, equity in bucket.samples()
    )
    return Report(
        span=span,
        opening=opening,
        closing=closing,
        curve=curve,
        growth=growth_of(curve, tally.profit + curve.charges, span.end),
        tally=tally,
        ratios=ratios_of(ResultSeries.of(trades)),
        parts=parts,
        flows=flows,
        by_symbol=_split(parts, lambda part: part.symbol_id),
        by_weekday=_split(parts, lambda part: part.closed_at.astimezone(UTC).weekday()),
        by_hour=_split(parts, lambda part: part.closed_at.astimezone(UTC).hour),
        falls=falls,
        balance=condensed(balances, begin_ms, end_ms),
        equity=condensed(samples, begin_ms, end_ms),
        drawdown=condensed(falls.points, begin_ms, end_ms),
        gaps=gaps,
        recorded=1.0 - sum(end - begin for begin, end in gaps) / max(1, end_ms - begin_ms),
    )


def condensed(
    points: Iterable[tuple[int, Amount]], begin_ms: int, end_ms: int
) -> list[tuple[int, Amount]]:
    """Return a curve with few points: of each slot of time its extremes and its last value."""
    width = max(1, (end_ms - begin_ms) // SLOTS)
    slots: dict[int, list[tuple[int, Amount]]] = {}
    for point in points:
        slot = slots.setdefault((point[0] - begin_ms) // width, [point] * 3)
        if point[1] < slot[0][1]:
            slot[0] = point
        if point[1] > slot[1][1]:
            slot[1] = point
        slot[2] = point
    found: list[tuple[int, Amount]] = []
    for lowest, highest, last in slots.values():
        for point in (min(lowest, highest), max(lowest, highest), last):
            if not found or point != found[-1]:
                found.append(point)
    return found


def _trades(parts: Iterable[ClosedPart]) -> list[Trade]:
    """Return the trades that these parts make, by their last close."""
    trades: dict[int, Trade] = {}
    for part in parts:
        trades[part.position_id] = trade_after(trades.pop(part.position_id, None), part)
    return list(trades.values())


def _curve(results: Iterable[Result]) -> BalanceCurve:
    curve = BalanceCurve()
    for result in results:
        if isinstance(result, ClosedPart):
            curve.result(result.closed_at, result.net_profit, result.balance).trades += 1
        elif result.is_transfer:
            curve.transfer(result.at, result.delta, result.balance)
        else:
            curve.charge(result.at, result.delta, result.balance)
        if isinstance(result, CashFlow) and result.operation is CashOperation.UNKNOWN:
            curve.lose_growth()
    return curve


def _balances(results: Iterable[Result]) -> Iterable[tuple[int, Decimal]]:
    for result in results:
        yield ms_from_instant(result_at(result)), result.balance


def _split(parts: Iterable[ClosedPart], key: Callable[[ClosedPart], Key]) -> dict[Key, Split]:
    found: dict[Key, Split] = {}
    for part in parts:
        found.setdefault(key(part), Split()).add(part)
    return found
