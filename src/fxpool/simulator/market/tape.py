"""The quotes of one symbol that were served: its ticks of each side, and its minutes. Pure.

Lean, since every quote goes through here. What is kept is bounded; older ticks and minutes are
forgotten, and never made up again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from fxpool.simulator.market.bars import Bar, first_bar, joined, with_tick
from fxpool.simulator.market.periods import Span

KEPT_TICKS = 20_000
"""Ticks of one side that are kept at least."""

KEPT_MINUTES = 30 * 24 * 60
"""Minutes that are kept at least."""


class Ticks:
    """One side's prices in 1/100000, with their times in epoch milliseconds; oldest first."""

    __slots__ = ("_prices", "_times")

    def __init__(self) -> None:
        self._times = array("q")
        self._prices = array("q")

    def append(self, at_ms: int, price: int) -> None:
        """Add the newest tick; ``at_ms`` is not before the last one's."""
        self._times.append(at_ms)
        self._prices.append(price)
        if len(self._times) >= 2 * KEPT_TICKS:
            del self._times[:KEPT_TICKS]
            del self._prices[:KEPT_TICKS]

    def back(self, at_ms: int) -> Iterator[tuple[int, int]]:
        """Yield time and price from the last tick at or before ``at_ms`` backwards."""
        for index in range(bisect_right(self._times, at_ms) - 1, -1, -1):
            yield self._times[index], self._prices[index]


class Tape:
    """What was served of a symbol.

    Attributes:
        bids, asks: its ticks; a side has one for each quote that changed it.
    """

    __slots__ = ("_current", "_last_ms", "_minutes", "_past_minutes", "asks", "bids")

    def __init__(self) -> None:
        self.bids = Ticks()
        self.asks = Ticks()
        self._minutes: list[int] = []
        self._past_minutes: list[Bar] = []
        self._current: Bar | None = None
        self._last_ms = 0

    def record(self, bid: int | None, ask: int | None, at_ms: int) -> None:
        """Take the changed sides of a quote; a clock that was set back counts as standing still."""
        at_ms = self._last_ms = max(at_ms, self._last_ms)
        if ask is not None:
            self.asks.append(at_ms, ask)
        if bid is not None:
            self.bids.append(at_ms, bid)
            self._add_to_bar(bid, at_ms // 60_000)

    def bar(self, span: Span) -> Bar | None:
        """Return the bar of a span of minutes; None without a bid in it."""
        whole: Bar | None = None
        for index in range(bisect_left(self._minutes, span.first), len(self._minutes)):
            bar = self._past_minutes[index]
            if bar.minute >= span.end:
                return whole
            whole = joined(whole, bar, span.first)
        current = self._current
        if current is not None and span.first <= current.minute < span.end:
            whole = joined(whole, current, span.first)
        return whole

    def _add_to_bar(self, bid: int, minute: int) -> None:
        current = self._current
        if current is not None and current.minute == minute:
            self._current = with_tick(current, bid)
            return
        if current is not None:
            self._finish(current)
        self._current = first_bar(minute, bid)

    def _finish(self, bar: Bar) -> None:
        self._minutes.append(bar.minute)
        self._past_minutes.append(bar)
        if len(self._minutes) >= 2 * KEPT_MINUTES:
            del self._minutes[:KEPT_MINUTES]
            del self._past_minutes[:KEPT_MINUTES]
