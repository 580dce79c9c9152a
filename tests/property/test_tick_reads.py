"""Ticks out of pages: the newest or the oldest of a period, none left out and none twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fxpool.domain.past import Span
from fxpool.domain.ticks import QuoteSide, Tick
from fxpool.history.tick_cache import TickCache, TickSeries
from fxpool.history.tick_reads import TickPage, TickReads
from fxpool.history.windows import WIDEST
from fxpool.mapping.instants import instant_from_ms, ms_from_instant

START = datetime(2026, 3, 2, tzinfo=UTC)
SPAN = Span(START, START + timedelta(days=20))
PAGE = 5
SERIES = TickSeries("10012345", 1, QuoteSide.BID)
LONG_AFTER = SPAN.end + timedelta(days=1)
PARTS = st.lists(
    st.tuples(st.integers(0, 479), st.integers(1, 240), st.booleans(), st.integers(1, 60)),
    min_size=1,
    max_size=6,
)
"""Hours from the start, hours of length, from which end, and how many."""

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


def reads_of(
    broker: Broker, cache: TickCache | None = None, at: datetime = LONG_AFTER
) -> TickReads:
    return TickReads(broker.page, cache or TickCache(), SERIES, now=lambda: at)


@given(BURSTS, st.integers(1, 60))
async def test_both_ends_of_a_period_are_read_whole_with_few_requests(
    bursts: list[tuple[int, list[int]]], most: int
) -> None:
    ticks = ticks_of(bursts)
    broker = Broker(ticks)
    assert await reads_of(broker).newest(SPAN, most) == ticks[-most:]
    assert broker.requests <= 3 + len(ticks) // PAGE + 1
    broker.requests = 0
    assert await reads_of(broker).oldest(SPAN, most) == ticks[:most]
    assert broker.requests <= 25 + 40 * len(bursts)


@given(BURSTS, PARTS, st.integers(0, 40))
async def test_ticks_that_are_kept_are_the_brokers_own_whatever_was_asked_before(
    bursts: list[tuple[int, list[int]]],
    parts: list[tuple[int, int, bool, int]],
    max_ticks: int,
) -> None:
    ticks = ticks_of(bursts)
    cache = TickCache(max_ticks)
    reads = reads_of(Broker(ticks), cache)
    for begin, hours, is_oldest, most in parts:
        first = SPAN.begin + timedelta(hours=begin)
        span = Span(first, min(first + timedelta(hours=hours), SPAN.end))
        low, high = ms_from_instant(span.begin), ms_from_instant(span.end)
        told = [tick for tick in ticks if low <= tick.timestamp_ms < high]
        found = await (reads.oldest if is_oldest else reads.newest)(span, most)
        assert found == (told[:most] if is_oldest else told[-most:])
        assert len(cache.kept(SERIES, SPAN)[1]) <= max_ticks


@given(BURSTS)
async def test_a_period_that_was_read_whole_is_not_asked_for_again(
    bursts: list[tuple[int, list[int]]],
) -> None:
    ticks = ticks_of(bursts)
    broker = Broker(ticks)
    reads = reads_of(broker)
    assert await reads.newest(SPAN) == ticks
    broker.requests = 0
    assert await reads.newest(SPAN) == ticks
    assert await reads.oldest(SPAN, len(ticks) + 1) == ticks
    assert broker.requests == 0


async def test_the_last_minutes_and_what_a_page_left_out_are_asked_for_again() -> None:
    ticks = ticks_of([(0, [1000] * 400)])  # one a second
    now = instant_from_ms(ticks[-1].timestamp_ms)
    span = Span(SPAN.begin, now)
    cache, known, late = TickCache(), Broker(ticks[:-60]), Broker(ticks)
    assert await reads_of(known, cache, now).newest(span, 7) == ticks[-67:-60]
    kept, _ = cache.kept(SERIES, span)
    assert kept == ()  # the first page ended within the last two minutes, the broker's rest unread
    assert await reads_of(late, cache, now).newest(span, 200) == ticks[-201:-1]
    kept, values = cache.kept(SERIES, span)
    assert len(kept) == 1
    assert kept[0].begin > span.begin
    assert kept[0].end <= now - timedelta(minutes=2)
    assert [value for value in values if value not in ticks] == []
    assert await reads_of(late, cache, now).oldest(span, 400) == ticks[:-1]
