"""Market hours -> the weekly sessions of MetaApi's symbol specification. Pure.

Sessions are told by day of the week in UTC, which is the broker time of every format here. Hours
are kept in a zone of their own, so the same hours are other sessions in summer and in winter: they
are told for the week of an instant.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from fxpool.domain.market_hours import DAY_SECONDS, WEEK_SECONDS, MarketHours
from fxpool.mapping.symbol_formats import TradingSession

DAYS: Final = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")

_END_OF_DAY: Final = "23:59:59.999"
_SECOND: Final = timedelta(seconds=1)


def sessions_of(hours: MarketHours, at: datetime) -> dict[str, list[TradingSession]]:
    """Return the sessions of the week that holds an instant, cut at midnight; a day without one
    is left out. Holidays are not in it."""
    parts: dict[int, list[tuple[int, int]]] = {}
    for start, end in _weekly(hours, at):
        for day, begin, stop in _by_day(start, end):
            parts.setdefault(day, []).append((begin, stop))
    return {
        DAYS[day]: [_session(begin, stop) for begin, stop in _merged(parts[day])]
        for day in sorted(parts)
    }


def _weekly(hours: MarketHours, at: datetime) -> Iterator[tuple[int, int]]:
    """Yield the intervals in seconds of the UTC week; an end may lie in the next week."""
    local = at.astimezone(hours.zone)
    sunday = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    sunday -= timedelta(days=local.isoweekday() % 7)
    for interval in hours.intervals:
        length = (interval.end_second - interval.start_second) % WEEK_SECONDS or WEEK_SECONDS
        opening = sunday + interval.start_second * _SECOND
        start, end = (
            wall.replace(tzinfo=hours.zone).astimezone(UTC)
            for wall in (opening, opening + length * _SECOND)
        )
        begin = start.isoweekday() % 7 * DAY_SECONDS + _second_of_day(start)
        yield begin, begin + (end - start) // _SECOND


def _by_day(start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the days of the week with the seconds of them that an interval covers."""
    while start < end:
        day = start // DAY_SECONDS
        stop = min(end, (day + 1) * DAY_SECONDS)
        yield day % 7, start - day * DAY_SECONDS, stop - day * DAY_SECONDS
        start = stop


def _merged(parts: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield parts of a day in their order; those that touch are one."""
    begin, end = min(parts)
    for start, stop in sorted(parts):
        if start > end:
            yield begin, end
            begin, end = start, stop
        end = max(end, stop)
    yield begin, end


def _session(begin: int, end: int) -> TradingSession:
    last = _END_OF_DAY if end == DAY_SECONDS else _clock(end)
    return TradingSession({"from": _clock(begin), "to": last})


def _clock(second: int) -> str:
    minutes, seconds = divmod(second, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.000"


def _second_of_day(at: datetime) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second
