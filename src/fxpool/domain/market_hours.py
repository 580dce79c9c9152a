"""When a symbol trades: weekly hours and holidays, each in a time zone of its own. Pure.

A symbol without hours here is one whose broker sent none, or none that can be read: then nobody
but the broker knows, and nothing is refused or called silent because of it.

Source: Open API schema, ProtoOAInterval and ProtoOAHoliday: seconds from Sunday 00:00 in the
schedule's zone, the start inside and the end outside; days since 1970-01-01 in the holiday's zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from zoneinfo import ZoneInfo

DAY_SECONDS = 86_400
WEEK_SECONDS = 7 * DAY_SECONDS


class Market(Enum):
    """Whether a symbol trades at some instant, and if not, why."""

    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Interval:
    """A part of the week, in seconds from Sunday 00:00; one that ends after the week goes on in
    the next, and so does one that ends before it starts."""

    start_second: int
    end_second: int

    def covers(self, second_of_week: int) -> bool:
        length = (self.end_second - self.start_second) % WEEK_SECONDS or WEEK_SECONDS
        return (second_of_week - self.start_second) % WEEK_SECONDS < length


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day, or a part of one, without trading.

    Attributes:
        is_recurring: whether it comes back each year on the same month and day.
        start_second, end_second: of the day; the end is outside.
    """

    name: str
    day: date
    zone: ZoneInfo
    is_recurring: bool
    start_second: int = 0
    end_second: int = DAY_SECONDS

    def covers(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        if (local.month, local.day) != (self.day.month, self.day.day):
            return False
        if not self.is_recurring and local.year != self.day.year:
            return False
        return self.start_second <= _second_of_day(local) < self.end_second


@dataclass(frozen=True, slots=True)
class MarketHours:
    """The weekly hours of a symbol and its holidays."""

    intervals: tuple[Interval, ...]
    zone: ZoneInfo
    holidays: tuple[Holiday, ...] = ()

    def at(self, instant: datetime) -> Market:
        """Return whether the symbol trades at an aware instant; a holiday is told before the
        weekly hours."""
        if any(holiday.covers(instant) for holiday in self.holidays):
            return Market.HOLIDAY
        local = instant.astimezone(self.zone)
        second = local.isoweekday() % 7 * DAY_SECONDS + _second_of_day(local)
        is_open = any(interval.covers(second) for interval in self.intervals)
        return Market.OPEN if is_open else Market.CLOSED


def _second_of_day(local: datetime) -> int:
    return local.hour * 3600 + local.minute * 60 + local.second
