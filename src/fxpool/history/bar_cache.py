"""Bars that will not change any more, so that the broker is asked for them once. Pure.

Bounded: what was used longest ago goes first. Kept are whole stretches of time, so that a stretch
without ticks, which has no bars, is known as well. A bar that still goes on, and one that the
broker's history may not show yet, is never kept.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fxpool.domain.bars import Bar, Period
from fxpool.domain.past import Span
from fxpool.history.windows import joined, missing

MAX_BARS: Final = 50_000
"""About 15 MB, over all accounts."""

BARS_PER_BLOCK: Final = 1000
"""Stretches that touch are joined up to here; one block is forgotten at once."""

SETTLED: Final = timedelta(minutes=2)
"""How long after its end a bar is in the broker's history for certain."""

_HOUR: Final = timedelta(hours=1)
_LONGEST: Final = {
    Period.M1: timedelta(minutes=1),
    Period.M2: timedelta(minutes=2),
    Period.M3: timedelta(minutes=3),
    Period.M4: timedelta(minutes=4),
    Period.M5: timedelta(minutes=5),
    Period.M10: timedelta(minutes=10),
    Period.M15: timedelta(minutes=15),
    Period.M30: timedelta(minutes=30),
    Period.H1: _HOUR,
    Period.H4: timedelta(hours=4) + _HOUR,
    Period.H12: timedelta(hours=12) + _HOUR,
    Period.D1: timedelta(days=1) + _HOUR,
    Period.W1: timedelta(weeks=1) + _HOUR,
    Period.MN1: timedelta(days=31) + _HOUR,
}
"""How long a bar is at most: those that follow the trading day are longer on one day of autumn."""


def closed_before(period: Period, at: datetime) -> datetime:
    """Return the instant before which a bar must open to be closed and settled for certain."""
    return at - _LONGEST[period] - SETTLED


@dataclass(frozen=True, slots=True)
class Series:
    """Whose bars: an account as the broker names it, its symbol, and the broker's period."""

    account: str
    symbol_id: int
    period: Period


@dataclass(slots=True)
class _Block:
    span: Span
    bars: list[Bar]  # oldest first

    @property
    def size(self) -> int:
        return len(self.bars) + 1  # an empty one costs something too


class BarCache:
    """The bars of all accounts of a platform."""

    def __init__(self, max_bars: int = MAX_BARS) -> None:
        self._max_bars = max_bars
        self._blocks: dict[Series, dict[datetime, _Block]] = {}
        self._used: OrderedDict[tuple[Series, datetime], None] = OrderedDict()  # oldest use first
        self._size = 0

    def kept(self, series: Series, span: Span) -> tuple[tuple[Span, ...], list[Bar]]:
        """Return which stretches that overlap a period are known, and the period's bars in them,
        oldest first."""
        blocks = sorted(
            (block for block in self._blocks.get(series, {}).values() if _overlap(block, span)),
            key=lambda block: block.span,
        )
        for block in blocks:
            self._used.move_to_end((series, block.span.begin))
        bars = [bar for block in blocks for bar in _within(block.bars, span)]
        return joined(block.span for block in blocks), bars

    def keep(self, series: Series, span: Span, bars: Sequence[Bar]) -> None:
        """Keep all bars of a period, oldest first; the caller knows that they are closed."""
        known = [block.span for block in self._blocks.get(series, {}).values()]
        for gap in missing(known, span):
            self._add(series, _Block(gap, _within(bars, gap)))
        while self._size > self._max_bars:
            self._forget(*next(iter(self._used)))

    def _add(self, series: Series, block: _Block) -> None:
        for before in self._blocks.get(series, {}).values():
            touches = before.span.end == block.span.begin
            if touches and before.size + len(block.bars) <= BARS_PER_BLOCK:
                self._forget(series, before.span.begin)
                span = Span(before.span.begin, block.span.end)
                block = _Block(span, before.bars + block.bars)
                break
        self._blocks.setdefault(series, {})[block.span.begin] = block
        self._used[series, block.span.begin] = None
        self._size += block.size

    def _forget(self, series: Series, begin: datetime) -> None:
        block = self._blocks[series].pop(begin)
        if not self._blocks[series]:
            del self._blocks[series]
        del self._used[series, begin]
        self._size -= block.size


def _overlap(block: _Block, span: Span) -> bool:
    return block.span.begin < span.end and span.begin < block.span.end


def _within(bars: Sequence[Bar], span: Span) -> list[Bar]:
    begin = bisect_left(bars, span.begin, key=_opened_at)
    end = bisect_left(bars, span.end, key=_opened_at)
    return list(bars[begin:end])


def _opened_at(bar: Bar) -> datetime:
    return bar.opened_at
