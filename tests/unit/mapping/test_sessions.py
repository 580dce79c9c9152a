from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fxpool.domain.market_hours import DAY_SECONDS, WEEK_SECONDS, Interval, MarketHours
from fxpool.mapping.sessions import DAYS, sessions_of

WINTER = datetime(2026, 1, 14, 12, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 12, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
FOREX = Interval(17 * 3600, 5 * DAY_SECONDS + 17 * 3600)


def test_a_week_of_forex_is_cut_at_midnight() -> None:
    sessions = sessions_of(MarketHours((FOREX,), NEW_YORK), WINTER)
    assert list(sessions) == list(DAYS[:6])  # Saturday is closed and left out
    assert sessions["SUNDAY"] == [{"from": "22:00:00.000", "to": "23:59:59.999"}]
    assert sessions["WEDNESDAY"] == [{"from": "00:00:00.000", "to": "23:59:59.999"}]
    assert sessions["FRIDAY"] == [{"from": "00:00:00.000", "to": "22:00:00.000"}]


def test_the_same_hours_are_an_hour_earlier_in_summer() -> None:
    sessions = sessions_of(MarketHours((FOREX,), NEW_YORK), SUMMER)
    assert sessions["SUNDAY"] == [{"from": "21:00:00.000", "to": "23:59:59.999"}]
    assert sessions["FRIDAY"] == [{"from": "00:00:00.000", "to": "21:00:00.000"}]


def test_recorded_hours_of_moscow_are_told_in_utc() -> None:
    monday = Interval(86_700, 172_500)  # Monday 00:05 to 23:55
    sessions = sessions_of(MarketHours((monday,), ZoneInfo("Europe/Moscow")), WINTER)
    assert sessions == {
        "SUNDAY": [{"from": "21:05:00.000", "to": "23:59:59.999"}],
        "MONDAY": [{"from": "00:00:00.000", "to": "20:55:00.000"}],
    }


def test_an_interval_that_leaves_the_week_goes_on_at_its_beginning() -> None:
    around = Interval(6 * DAY_SECONDS + 23 * 3600, WEEK_SECONDS + 3600)
    assert sessions_of(MarketHours((around,), ZoneInfo("UTC")), WINTER) == {
        "SUNDAY": [{"from": "00:00:00.000", "to": "01:00:00.000"}],
        "SATURDAY": [{"from": "23:00:00.000", "to": "23:59:59.999"}],
    }


def test_sessions_with_a_break_stay_two_and_those_that_touch_are_one() -> None:
    def hours(*parts: tuple[int, int]) -> MarketHours:
        return MarketHours(tuple(Interval(a * 3600, b * 3600) for a, b in parts), ZoneInfo("UTC"))

    assert len(sessions_of(hours((1, 2), (3, 4)), WINTER)["SUNDAY"]) == 2
    assert sessions_of(hours((1, 2), (2, 4)), WINTER)["SUNDAY"] == [
        {"from": "01:00:00.000", "to": "04:00:00.000"}
    ]


def test_a_market_that_never_closes_is_open_all_days() -> None:
    always = Interval(0, WEEK_SECONDS)
    sessions = sessions_of(MarketHours((always,), NEW_YORK), SUMMER)
    assert sessions == {day: [{"from": "00:00:00.000", "to": "23:59:59.999"}] for day in DAYS}
