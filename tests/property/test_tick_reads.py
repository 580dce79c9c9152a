"""Ticks out of pages: the newest or the oldest of a period, none left out and none twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fxpool.domain.past import Span
from fxpool.domain.ticks import QuoteSide, Tick
from fxpool.history.tick_reads import TickPage, newest_ticks, oldest_ticks
from fxpool.history.windows import WIDEST
from fxpool.mapping.instants import instant_from_ms, ms_from_instant

START = datetime(2026, 3, 2, tzinfo=UTC)
SPAN = Span(START, START + timedelta(days=20))
PAGE = 5

BURSTS = st.lists(
    st.tuples(st.integers(0, 20 * 86_400_000 - 1), st.lists(st.integers(1, 4000), max_size=12)),
    max_size=6,
)
"""When ticks begin to come, and the milliseconds between them: crowds, and days without any."""


class Broker:
    """Tells a page of ticks with different times, the newest of a window, and counts."""

    def __init__(self, ticks: list[Tick]) -> None:
        self._ticks = ticks
        self.requests = 0

    async def page(self, span: Span) -> TickPage:
        assert timedelta(0) < span.length <= WIDEST
        self.requests += 1
        first, last = ms_from_instant(span.begin), ms_from_instant(span.end)
        found = [tick for tick in self._ticks if first <= tick.timestamp_ms < last]
        if len(found) <= PAGE:
            return TickPage(found, None)
        page = found[-PAGE:]
        return TickPage(page, Span(span.begin, instant_from_ms(page[0].timestamp_ms)))


def ticks_of(bursts: list[tuple[int, list[int]]]) -> list[Tick]:
    times = set()
    for begin, steps in bursts:
        at = begin
        for step in steps:
            at += step
            times.add(at)
    start, end = ms_from_instant(SPAN.begin), ms_from_instant(SPAN.end)
    return [Tick(start + at, QuoteSide.BID, 110_000) for at in sorted(times) if start + at < end]


@given(BURSTS, st.integers(1, 60))
async def test_both_ends_of_a_period_are_read_whole_with_few_requests(
    bursts: list[tuple[int, list[int]]], most: int
) -> None:
    ticks = ticks_of(bursts)
    broker = Broker(ticks)
    assert await newest_ticks(broker.page, SPAN, most) == ticks[-most:]
    assert broker.requests <= 3 + len(ticks) // PAGE + 1
    broker.requests = 0
    assert await oldest_ticks(broker.page, SPAN, most) == ticks[:most]
    assert broker.requests <= 25 + 40 * len(bursts)
