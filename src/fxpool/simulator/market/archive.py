"""A symbol's whole history: what was served, and the made-up past before it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.market.bars import Bar, first_bar, joined, with_tick
from fxpool.simulator.market.past import Past
from fxpool.simulator.market.periods import Period, Span, span_at
from fxpool.simulator.market.tape import Tape


class _LiveBar:
    """The forming bar of one period.

    Attributes:
        bar: as of the latest bid.
        previous_close: as of the bid before.
    """

    __slots__ = ("bar", "end", "previous_close")

    def __init__(self, bar: Bar, end: int) -> None:
        self.bar = bar
        self.end = end
        self.previous_close = bar.close


class Archive:
    """A symbol's ticks and bars; empty until its first quote."""

    def __init__(self, symbol: Symbol, seed: int) -> None:
        self._symbol = symbol
        self._seed = seed
        self._tape = Tape()
        self._past: Past | None = None
        self._live: dict[Period, _LiveBar] = {}

    def record(self, bid: int | None, ask: int | None, at_ms: int) -> None:
        """Take the changed sides of a quote; the first one has both."""
        if self._past is None and bid is not None and ask is not None:
            self._past = Past(self._symbol, self._seed, bid=bid, spread=ask - bid, at_ms=at_ms)
        self._tape.record(bid, ask, at_ms)
        if self._live and bid is not None:
            self._move_live_bars(bid, at_ms // 60_000)

    # -- bars --------------------------------------------------------------------------------

    def bars_back(self, period: Period, minute: int) -> Iterator[Bar]:
        """Yield bars backwards from the one at ``minute``; a span without a bid has none."""
        past = self._past
        if past is None:
            return
        span = span_at(period, minute)
        while span.end > past.begins:
            bar = self._bar(span, past)
            if bar is not None:
                yield bar
            span = span_at(period, span.first - 1)

    def follow(self, period: Period, at_ms: int) -> None:
        """Keep the forming bar of a period up to date from now on (``live_bar``)."""
        if period not in self._live and self._past is not None:
            span = span_at(period, at_ms // 60_000)
            bar = self._bar(span, self._past)
            if bar is not None:
                self._live[period] = _LiveBar(bar, span.end)

    def live_bar(self, period: Period) -> tuple[Bar, int] | None:
        """Return a followed period's forming bar, and its close one bid ago."""
        live = self._live.get(period)
        return None if live is None else (live.bar, live.previous_close)

    def session_close(self, at_ms: int) -> int | None:
        """Return the close of the last trading day that ended, in 1/100000."""
        today = span_at(Period.D1, at_ms // 60_000)
        before = next(self.bars_back(Period.D1, today.first - 1), None)
        return None if before is None else before.close

    def _bar(self, span: Span, past: Past) -> Bar | None:
        older = past.bar(span) if span.first < past.ends else None
        newer = self._tape.bar(span) if span.end > past.ends else None
        return joined(older, newer, span.first)

    def _move_live_bars(self, bid: int, minute: int) -> None:
        for period, live in self._live.items():
            live.previous_close = live.bar.close
            if minute < live.end:
                live.bar = with_tick(live.bar, bid)
            else:
                span = span_at(period, minute)
                live.bar, live.end = first_bar(span.first, bid), span.end

    # -- ticks -------------------------------------------------------------------------------

    def bids_back(self, at_ms: int) -> Iterator[tuple[int, int]]:
        """Yield time and price of the bids from ``at_ms`` backwards."""
        yield from self._tape.bids.back(at_ms)
        yield from self._past_back(at_ms, 0)

    def asks_back(self, at_ms: int) -> Iterator[tuple[int, int]]:
        """Yield time and price of the asks from ``at_ms`` backwards."""
        yield from self._tape.asks.back(at_ms)
        if self._past is not None:
            yield from self._past_back(at_ms, self._past.spread)

    def _past_back(self, at_ms: int, above_bid: int) -> Iterator[tuple[int, int]]:
        if self._past is None:
            return
        for tick in self._past.ticks_back(at_ms // 60_000):
            if tick.at_ms <= at_ms:
                yield tick.at_ms, tick.bid + above_bid
