"""Where bars begin and end. Pure; times are minutes since the epoch.

M1 to H1 are on multiples of their length. The trading day opens at 17:00 New York, so it moves
with daylight saving there; H4 and H12 are cut from that day, W1 is the days of Monday to Sunday,
MN1 the days of a month, each named after the date on which it ends. As users of live
servers report.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

_NEW_YORK = ZoneInfo("America/New_York")
_DAY_OPENS = timedelta(hours=17)
_REST_OF_DATE = timedelta(hours=7)


class Period(IntEnum):
    """The length of a bar; the values are the wire's."""

    M1 = 1
    M2 = 2
    M3 = 3
    M4 = 4
    M5 = 5
    M10 = 6
    M15 = 7
    M30 = 8
    H1 = 9
    H4 = 10
    H12 = 11
    D1 = 12
    W1 = 13
    MN1 = 14


MINUTES = {
    Period.M1: 1,
    Period.M2: 2,
    Period.M3: 3,
    Period.M4: 4,
    Period.M5: 5,
    Period.M10: 10,
    Period.M15: 15,
    Period.M30: 30,
    Period.H1: 60,
    Period.H4: 240,
    Period.H12: 720,
}
"""Lengths of the periods that lie within a day."""


class Span(NamedTuple):
    """Minutes from ``first`` up to, not including, ``end``."""

    first: int
    end: int


def span_at(period: Period, minute: int) -> Span:
    """Return the span of the bar that holds a minute."""
    if period <= Period.H1:
        first = minute - minute % MINUTES[period]
        return Span(first, first + MINUTES[period])
    day = trading_day(minute)
    if period < Period.D1:
        opens, closes = day_opens(day), day_opens(day + 1)
        first = minute - (minute - opens) % MINUTES[period]
        return Span(first, min(first + MINUTES[period], closes))
    first_day, end_day = _days(period, day)
    return Span(day_opens(first_day), day_opens(end_day))


def trading_day(minute: int) -> int:
    """Return the trading day that holds a minute: the ordinal of the date on which it ends."""
    return (
        datetime.fromtimestamp(minute * 60, _NEW_YORK).replace(tzinfo=None) + _REST_OF_DATE
    ).toordinal()


@lru_cache(maxsize=16_384)
def day_opens(day: int) -> int:
    """Return the minute in which a trading day opens."""
    eve = datetime.fromordinal(day - 1) + _DAY_OPENS
    return int(eve.replace(tzinfo=_NEW_YORK).timestamp()) // 60


def _days(period: Period, day: int) -> tuple[int, int]:
    if period is Period.D1:
        return day, day + 1
    at = date.fromordinal(day)
    if period is Period.W1:
        monday = day - at.weekday()
        return monday, monday + 7
    first = at.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return first.toordinal(), following.toordinal()
