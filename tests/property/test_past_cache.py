"""What is kept of bars and ticks: bounded, whole stretches of time, and nothing that may change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fxpool.domain.bars import Bar, Period
from fxpool.domain.past import Span
from fxpool.history.bar_cache import BarCache, Series, closed_before
from fxpool.history.windows import missing

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTES = Series("10012345", 1, Period.M1)
SPANS = st.tuples(st.integers(0, 60), st.integers(1, 20))


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def bars_in(span: Span) -> list[Bar]:
    """Return what a broker has: a bar each minute, but for one minute in five."""
    first, last = ((when - START) // timedelta(minutes=1) for when in (span.begin, span.end))
    return [
        Bar(at(n), 110_000, 110_010, 109_990, 110_000 + n, 3) for n in range(first, last) if n % 5
    ]


def stretch(begin: int, minutes: int) -> Span:
    return Span(at(begin), at(begin + minutes))


@given(st.lists(SPANS, max_size=12), SPANS, st.integers(0, 80))
def test_what_is_known_and_what_is_asked_for_make_the_brokers_bars(
    read: list[tuple[int, int]], asked: tuple[int, int], max_bars: int
) -> None:
    cache, span = BarCache(max_bars), stretch(*asked)
    for one in read:
        cache.keep(MINUTES, stretch(*one), bars_in(stretch(*one)))
    known, bars = cache.kept(MINUTES, span)
    for gap in missing(known, span):
        bars += bars_in(gap)
    assert sorted(bars, key=lambda bar: bar.opened_at) == bars_in(span)
    assert len(cache.kept(MINUTES, stretch(0, 100))[1]) <= max_bars


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = BarCache(max_bars=25)
    for symbol_id in (1, 2):
        cache.keep(Series("a", symbol_id, Period.M1), stretch(0, 10), bars_in(stretch(0, 10)))
    cache.kept(Series("a", 1, Period.M1), stretch(0, 10))
    cache.keep(Series("a", 3, Period.M1), stretch(0, 10), bars_in(stretch(0, 10)))
    known = [bool(cache.kept(Series("a", n, Period.M1), stretch(0, 10))[0]) for n in (1, 2, 3)]
    assert known == [True, False, True]


@given(st.lists(SPANS, max_size=12), SPANS, st.integers(0, 80))
def test_the_ends_of_what_is_known_are_whole_stretches(
    read: list[tuple[int, int]], asked: tuple[int, int], max_bars: int
) -> None:
    cache, span = BarCache(max_bars), stretch(*asked)
    for one in read:
        cache.keep(MINUTES, stretch(*one), bars_in(stretch(*one)))
    known, _ = cache.kept(MINUTES, span)
    oldest, newest = cache.oldest(MINUTES, span), cache.newest(MINUTES, span)
    if oldest is None or newest is None:
        assert (oldest, newest, known) == (None, None, ())
        return
    for part in (oldest, newest):
        assert span.begin <= part.span.begin < part.span.end <= span.end
        assert part.values == bars_in(part.span)
    assert oldest.span.begin == max(known[0].begin, span.begin)
    assert newest.span.end == min(known[-1].end, span.end)


def test_accounts_symbols_and_periods_are_kept_apart() -> None:
    cache = BarCache()
    cache.keep(MINUTES, stretch(0, 10), bars_in(stretch(0, 10)))
    for other in (
        Series("other", 1, Period.M1),
        Series("10012345", 2, Period.M1),
        Series("10012345", 1, Period.M5),
    ):
        assert cache.kept(other, stretch(0, 10)) == ((), [])


def test_a_bar_may_be_kept_once_it_is_over_and_settled() -> None:
    now = at(600)
    assert closed_before(Period.M1, now) == at(597)
    for period in Period:
        assert closed_before(period, now) < now - timedelta(minutes=2)
