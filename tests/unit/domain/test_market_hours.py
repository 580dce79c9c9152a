from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from fxpool.domain.market_hours import Holiday, Interval, Market, MarketHours

MOSCOW = ZoneInfo("Europe/Moscow")
EURUSD = MarketHours(
    tuple(Interval(day * 86_400 + 300, (day + 1) * 86_400 - 300) for day in range(1, 6)), MOSCOW
)
"""As recorded: Monday to Friday, 00:05 to 23:55 in Moscow (UTC+3)."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "state"),
    [
        ("2026-03-01T21:04:59", Market.CLOSED),  # Monday 00:04:59 in Moscow
        ("2026-03-01T21:05:00", Market.OPEN),
        ("2026-03-02T20:54:59", Market.OPEN),
        ("2026-03-02T20:55:00", Market.CLOSED),  # the end is outside
        ("2026-03-07T12:00:00", Market.CLOSED),  # Saturday
    ],
)
def test_hours_are_counted_in_the_schedules_own_zone(instant: str, state: Market) -> None:
    assert EURUSD.at(at(instant)) is state


@pytest.mark.parametrize(("hour", "state"), [("22", Market.OPEN), ("01", Market.OPEN)])
def test_an_interval_may_go_on_past_the_end_of_the_week(hour: str, state: Market) -> None:
    saturday_21_to_sunday_3 = Interval(6 * 86_400 + 21 * 3600, 7 * 86_400 + 3 * 3600)
    hours = MarketHours((saturday_21_to_sunday_3,), ZoneInfo("UTC"))
    day = "07" if hour == "22" else "08"
    assert hours.at(at(f"2026-03-{day}T{hour}:00:00")) is state
    assert hours.at(at("2026-03-08T03:00:00")) is Market.CLOSED


def test_the_whole_week_is_open() -> None:
    hours = MarketHours((Interval(0, 604_800),), ZoneInfo("UTC"))
    assert hours.at(at("2026-03-07T23:59:59")) is Market.OPEN


def test_a_recurring_holiday_comes_back_each_year_in_its_own_zone() -> None:
    new_year = Holiday("New Year", date(2020, 1, 1), MOSCOW, is_recurring=True)
    hours = MarketHours((Interval(0, 604_800),), ZoneInfo("UTC"), (new_year,))
    assert hours.at(at("2025-12-31T21:00:00")) is Market.HOLIDAY
    assert hours.at(at("2026-01-01T21:00:00")) is Market.OPEN


def test_a_holiday_may_be_a_part_of_one_day_of_one_year() -> None:
    early_close = Holiday(
        "early close", date(2026, 3, 3), ZoneInfo("UTC"), is_recurring=False, start_second=64_800
    )
    hours = MarketHours((Interval(0, 604_800),), ZoneInfo("UTC"), (early_close,))
    assert hours.at(at("2026-03-03T17:59:59")) is Market.OPEN
    assert hours.at(at("2026-03-03T18:00:00")) is Market.HOLIDAY
    assert hours.at(at("2027-03-03T18:00:00")) is Market.OPEN
