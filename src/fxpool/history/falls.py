"""How far an account was below its peak: recorded equity where there is some, else the balance.

A fall in percent is measured on a product that transfers do not change (time-weighted), in money on
the amounts themselves, whose peak a transfer moves. Inside a recorded stretch deals and cash flow
are passed over: the equity holds them, and two clocks need not agree. Pure.

Formulas: docs/statistics.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from heapq import merge
from itertools import pairwise
from operator import itemgetter

from fxpool.domain.equity import GAP_MS, EquityBucket
from fxpool.domain.trades import CashFlow
from fxpool.history.trades import Result, result_at
from fxpool.mapping.instants import ms_from_instant

Stretch = tuple[int, int]
"""From when to when, in epoch milliseconds."""

_Step = tuple[int, Decimal, Decimal]
"""When, the amount that was moved just before, and what the account was worth after it."""


def stretches_of(buckets: Sequence[EquityBucket]) -> list[Stretch]:
    """Return the times in which equity was recorded without a gap."""
    if not buckets:
        return []
    found: list[Stretch] = []
    begin_ms = buckets[0].first_ms
    for bucket, following in pairwise(buckets):
        if following.first_ms - bucket.last_ms > GAP_MS:
            found.append((begin_ms, bucket.last_ms))
            begin_ms = following.first_ms
    return [*found, (begin_ms, buckets[-1].last_ms)]


def gaps_of(stretches: Sequence[Stretch], begin_ms: int, end_ms: int) -> list[Stretch]:
    """Return the times of a period in which nothing was recorded; short ones between two samples
    are none."""
    if not stretches and begin_ms < end_ms:
        return [(begin_ms, end_ms)]
    edges = [(begin_ms, begin_ms), *stretches, (end_ms, end_ms)]
    return [(a[1], b[0]) for a, b in pairwise(edges) if b[0] - a[1] > GAP_MS]


class Falls:
    """The falls from the running peak in a period.

    Attributes:
        largest: as a fraction of the peak; None without any capital.
        largest_money: in money.
        points: (epoch milliseconds, fraction below the peak), oldest first.
    """

    def __init__(
        self,
        results: Iterable[Result],
        buckets: Sequence[EquityBucket],
        opening: Decimal,
        begin_ms: int,
    ) -> None:
        """``opening`` is the balance at the period's begin; all else oldest first."""
        self.largest: float | None = None
        self.largest_money = Decimal(0)
        self.points: list[tuple[int, float]] = []
        self._worth = opening
        self._scale = 1.0
        self._money_peak = Decimal(0)
        self._index_peak = 0.0
        self._see(begin_ms, opening)
        stretches = stretches_of(buckets)
        steps = (_outside(results, stretches), _recorded(buckets, stretches))
        for at_ms, moved, worth in merge(*steps, key=itemgetter(0)):
            if moved:
                self._move(moved)
            self._see(at_ms, worth)

    def _move(self, amount: Decimal) -> None:
        before, after = self._worth, self._worth + amount
        self._money_peak += amount
        if before > 0 and after > 0:
            self._scale *= float(before / after)
        else:  # there is no proportion to or from nothing: the peak begins anew
            self._scale, self._index_peak = 1.0, 0.0
        self._worth = after

    def _see(self, at_ms: int, worth: Decimal) -> None:
        self._worth = worth
        self._money_peak = max(self._money_peak, worth)
        self.largest_money = max(self.largest_money, self._money_peak - worth)
        index = max(0.0, float(worth) * self._scale)
        self._index_peak = max(self._index_peak, index)
        if self._index_peak > 0:
            fall = 1.0 - index / self._index_peak
            self.largest = fall if self.largest is None else max(self.largest, fall)
            self.points.append((at_ms, fall))


def _outside(results: Iterable[Result], stretches: Sequence[Stretch]) -> Iterator[_Step]:
    """Yield the results and transfers that no recorded stretch holds."""
    begins = [begin_ms for begin_ms, _ in stretches]
    for result in results:
        at_ms = ms_from_instant(result_at(result))
        place = bisect_right(begins, at_ms) - 1
        if place >= 0 and at_ms <= stretches[place][1]:
            continue
        moved = Decimal(0)
        if isinstance(result, CashFlow) and result.is_transfer:
            moved = result.delta
        yield at_ms, moved, result.balance


def _recorded(buckets: Sequence[EquityBucket], stretches: Sequence[Stretch]) -> Iterator[_Step]:
    """Yield what was recorded. A move after a gap is told by the cash flow of the gap."""
    begins = {begin_ms for begin_ms, _ in stretches}
    for bucket in buckets:
        moved = 0 if bucket.first_ms in begins else bucket.moved
        for at_ms, equity in bucket.samples():
            yield at_ms, Decimal(moved).scaleb(-bucket.digits), _money(equity, bucket)
            moved = 0


def _money(amount: int, bucket: EquityBucket) -> Decimal:
    return Decimal(amount).scaleb(-bucket.digits)
