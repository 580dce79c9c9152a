"""In which minutes of the past a symbol's market was open. Pure.

Hours are looked up in steps of five minutes, which is as fine as schedules are.
"""

from __future__ import annotations

from fxpool.simulator.engine.symbols import ALWAYS_OPEN, Symbol
from fxpool.simulator.market.periods import Span, day_opens, trading_day

_SLOT = 5
_KEPT_DAYS = 4_096


class Hours:
    """A symbol's open minutes, day by trading day."""

    def __init__(self, symbol: Symbol) -> None:
        self._symbol = symbol
        self._never_closes = symbol.schedule == ALWAYS_OPEN and not symbol.holidays
        self._days: dict[int, tuple[Span, ...]] = {}

    def open_minutes(self, span: Span) -> int:
        """Return how many minutes of a span were open; the span is within one trading day."""
        first, end = span
        if self._never_closes:
            return max(0, end - first)
        return sum(
            max(0, min(end, hours.end) - max(first, hours.first))
            for hours in self._of_day(trading_day(first))
        )

    def cut(self, span: Span, length: int) -> list[Span]:
        """Cut a span at the multiples of ``length`` minutes; pieces without an open one are out."""
        first, pieces = span.first - span.first % length, []
        while first < span.end:
            piece = Span(max(first, span.first), min(first + length, span.end))
            if self.open_minutes(piece):
                pieces.append(piece)
            first += length
        return pieces

    def _of_day(self, day: int) -> tuple[Span, ...]:
        if day not in self._days:
            if len(self._days) >= _KEPT_DAYS:
                self._days.clear()
            self._days[day] = self._find(day)
        return self._days[day]

    def _find(self, day: int) -> tuple[Span, ...]:
        spans: list[Span] = []
        for minute in range(day_opens(day), day_opens(day + 1), _SLOT):
            if self._symbol.is_open(minute * 60_000):
                goes_on = spans and spans[-1].end == minute
                first = spans.pop().first if goes_on else minute
                spans.append(Span(first, minute + _SLOT))
        return tuple(spans)
