"""Equity over time: buckets, thinning, and the marks that limits count from."""

from __future__ import annotations

from random import Random
from zoneinfo import ZoneInfo

import pytest

from fxpool.domain.equity import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    QUARTER_MS,
    EquityBucket,
    EquityMarks,
    day_around,
    thinned,
)

MIDNIGHT = 20_000 * DAY_MS


def bucket(*samples: tuple[int, int], moved: int = 0) -> EquityBucket:
    """A bucket of samples (time, equity), one second apart as far as coverage goes."""
    (at_ms, equity), *more = samples
    made = EquityBucket.begun(equity, equity, at_ms, covered_ms=0, moved=moved, digits=2)
    for at_ms, equity in more:
        made = made.with_sample(equity, equity, at_ms, covered_ms=1000)
    return made


def test_a_fall_between_two_ends_of_a_bucket_is_kept() -> None:
    made = bucket(
        (MIDNIGHT, 100), (MIDNIGHT + 1000, 40), (MIDNIGHT + 2000, 120), (MIDNIGHT + 3000, 99)
    )
    assert (made.opening, made.lowest, made.highest, made.closing) == (100, 40, 120, 99)
    assert (made.lowest_ms, made.highest_ms) == (MIDNIGHT + 1000, MIDNIGHT + 2000)
    assert made.covered_ms == 3000


def test_thinning_keeps_extremes_ends_and_coverage() -> None:
    chance = Random(5)
    minutes = [
        bucket(
            *((MIDNIGHT + n * MINUTE_MS + s * 1000, chance.randint(1, 10_000)) for s in range(60))
        )
        for n in range(120)
    ]
    for length_ms, count in ((QUARTER_MS, 8), (HOUR_MS, 2)):
        joined = thinned(minutes, length_ms)
        assert len(joined) == count
        assert max(b.highest for b in joined) == max(b.highest for b in minutes)
        assert min(b.lowest for b in joined) == min(b.lowest for b in minutes)
        assert joined[0].opening == minutes[0].opening
        assert joined[-1].closing == minutes[-1].closing
        assert sum(b.covered_ms for b in joined) == sum(b.covered_ms for b in minutes)
        assert thinned(joined, length_ms) == joined, "thinning twice is thinning once"
    assert thinned(thinned(minutes, QUARTER_MS), HOUR_MS) == thinned(minutes, HOUR_MS)


def test_thinning_never_joins_across_a_deposit() -> None:
    before = bucket((MIDNIGHT, 1000), (MIDNIGHT + 1000, 900))
    after = bucket((MIDNIGHT + 30_000, 1900), moved=1000)
    following = bucket((MIDNIGHT + MINUTE_MS, 1800))
    joined = thinned([before, after, following], QUARTER_MS)
    assert [(b.opening, b.closing, b.moved) for b in joined] == [(1000, 900, 0), (1900, 1800, 1000)]
    assert joined[1].begin_ms == MIDNIGHT + 30_000


def test_marks_follow_the_peak_and_the_largest_fall() -> None:
    marks = EquityMarks()
    for second, equity in enumerate((1000, 1200, 900, 1100, 1300, 1235)):
        marks.take(equity, MIDNIGHT + second * 1000)
    assert (marks.peak, marks.peak_ms) == (1300, MIDNIGHT + 4000)
    assert marks.max_drawdown == pytest.approx(0.25)
    assert marks.drawdown == pytest.approx(0.05)


def test_a_withdrawal_is_no_drawdown_and_a_deposit_heals_none() -> None:
    marks = EquityMarks()
    marks.take(1000, MIDNIGHT)
    marks.take(900, MIDNIGHT + 1000)
    marks.move(-450)
    marks.take(450, MIDNIGHT + 2000)
    assert marks.drawdown == pytest.approx(0.1)
    marks.move(9550)
    marks.take(10_000, MIDNIGHT + 3000)
    assert marks.drawdown == pytest.approx(0.1, abs=1e-3)
    assert marks.day_start == 1000 - 450 + 9550


def test_an_account_that_was_emptied_begins_its_peak_anew() -> None:
    marks = EquityMarks()
    marks.take(1000, MIDNIGHT)
    marks.move(-1000)
    marks.take(0, MIDNIGHT + 1000)
    assert marks.drawdown is None
    marks.move(500)
    marks.take(500, MIDNIGHT + 2000)
    assert marks.drawdown == 0.0


def test_the_day_starts_with_the_last_equity_before_it() -> None:
    marks = EquityMarks()
    marks.take(1000, MIDNIGHT - 1000)
    marks.take(980, MIDNIGHT + 500)
    assert (marks.day_start, marks.knows_day_start) == (1000, True)
    assert marks.is_of_day(MIDNIGHT + 5)
    assert not marks.is_of_day(MIDNIGHT - 5)


def test_a_day_whose_start_was_not_seen_says_so() -> None:
    marks = EquityMarks()
    marks.take(1000, MIDNIGHT - HOUR_MS)
    marks.take(700, MIDNIGHT + HOUR_MS)
    assert (marks.day_start, marks.knows_day_start) == (700, False)


def test_marks_of_buckets_are_the_marks_of_their_samples() -> None:
    chance = Random(11)
    samples = [(MIDNIGHT + n * 1000, chance.randint(9_000, 11_000)) for n in range(3600)]
    by_sample, by_bucket = EquityMarks(), EquityMarks()
    for at_ms, equity in samples:
        by_sample.take(equity, at_ms)
    for minute in range(60):
        by_bucket.take_bucket(bucket(*samples[minute * 60 : (minute + 1) * 60]))
    assert (by_bucket.peak, by_bucket.last) == (by_sample.peak, by_sample.last)
    assert by_bucket.day_start == by_sample.day_start
    assert by_bucket.drawdown == by_sample.drawdown


def test_days_follow_the_time_zone_and_its_changes_of_clock() -> None:
    athens = ZoneInfo("Europe/Athens")
    begin, end = day_around(1_774_760_400_000, athens)  # 2026-03-29 05:00 UTC: clocks go forward
    assert end - begin == 23 * HOUR_MS
    assert day_around(begin, athens) == (begin, end)
    assert day_around(begin - 1, athens)[1] == begin


def test_marks_follow_when_the_broker_counts_in_other_digits() -> None:
    marks = EquityMarks()
    marks.count_in(2)
    marks.take(10_000, 0)
    marks.take(9_000, 1)
    marks.count_in(4)
    marks.take(900_000, 2)
    assert (marks.peak, marks.day_start, marks.drawdown) == (1_000_000, 1_000_000, 0.1)
    marks.count_in(0)
    marks.take(90, 3)
    assert (marks.peak, marks.day_start, marks.max_drawdown) == (100, 100, 0.1)
