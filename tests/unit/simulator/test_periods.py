"""Where bars begin and end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fxpool.simulator.market.periods import Period, span_at


def minute(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


def text(at: int) -> str:
    return datetime.fromtimestamp(at * 60, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("period", "at", "opens", "ends"),
    [
        (Period.M1, "2024-07-03 10:07", "2024-07-03 10:07", "2024-07-03 10:08"),
        (Period.M4, "2024-07-03 10:07", "2024-07-03 10:04", "2024-07-03 10:08"),
        (Period.M30, "2024-07-03 10:47", "2024-07-03 10:30", "2024-07-03 11:00"),
        (Period.H1, "2024-07-03 10:47", "2024-07-03 10:00", "2024-07-03 11:00"),
        # 17:00 in New York is 21:00 UTC in summer and 22:00 in winter.
        (Period.D1, "2024-07-03 20:59", "2024-07-02 21:00", "2024-07-03 21:00"),
        (Period.D1, "2024-07-03 21:00", "2024-07-03 21:00", "2024-07-04 21:00"),
        (Period.D1, "2024-01-03 21:59", "2024-01-02 22:00", "2024-01-03 22:00"),
        (Period.H4, "2024-07-03 10:00", "2024-07-03 09:00", "2024-07-03 13:00"),
        (Period.H4, "2024-01-03 10:00", "2024-01-03 10:00", "2024-01-03 14:00"),
        (Period.H12, "2024-07-03 10:00", "2024-07-03 09:00", "2024-07-03 21:00"),
        # The trading week opens on Sunday evening, the month on the eve of its first day.
        (Period.W1, "2024-07-03 10:00", "2024-06-30 21:00", "2024-07-07 21:00"),
        (Period.W1, "2024-06-30 21:00", "2024-06-30 21:00", "2024-07-07 21:00"),
        (Period.MN1, "2024-06-30 21:00", "2024-06-30 21:00", "2024-07-31 21:00"),
        (Period.MN1, "2024-12-31 21:59", "2024-11-30 22:00", "2024-12-31 22:00"),
    ],
)
def test_a_bar_spans_its_period(period: Period, at: str, opens: str, ends: str) -> None:
    span = span_at(period, minute(at))
    assert (text(span.first), text(span.end)) == (opens, ends)


def test_the_day_on_which_clocks_change_is_shorter_and_its_last_bar_with_it() -> None:
    """On 2024-03-10 New York loses an hour, so its day has 23."""
    day = span_at(Period.D1, minute("2024-03-10 12:00"))
    assert day.end - day.first == 23 * 60
    last = span_at(Period.H4, day.end - 1)
    assert (last.end, last.end - last.first) == (day.end, 3 * 60)


@pytest.mark.parametrize("period", list(Period))
def test_the_spans_of_a_period_follow_each_other_without_a_gap(period: Period) -> None:
    end = minute("2024-11-05 00:00")
    span = span_at(period, minute("2024-10-30 03:00"))
    while span.end < end:
        following = span_at(period, span.end)
        assert following.first == span.end
        assert span_at(period, following.end - 1) == following
        span = following
