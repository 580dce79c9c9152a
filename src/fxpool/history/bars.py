"""The bars that callers ask for, made of the bars that the broker keeps. Pure.

The broker keeps no bars of 6, 12 and 20 minutes nor of 2, 3, 6 and 8 hours: they are joined from
shorter ones. Bars of up to an hour lie on multiples of their length since the epoch, longer ones on
multiples since the opening of the trading day, 17:00 in New York. A timeframe with no tick has no
bar.

Source: ctrader bar alignment as observed; MetaApi's timeframes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from fxpool.domain.bars import Bar, Period
from fxpool.errors import InvalidCall

_NEW_YORK: Final = ZoneInfo("America/New_York")
_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Timeframe:
    """What a caller asks for.

    Attributes:
        name: MetaApi's word.
        source: the broker's bars that it is made of.
        length: set where several bars of the source make one; None where one is one.
        window: the widest window of the source that one request may ask for.
    """

    name: str
    source: Period
    length: timedelta | None
    window: timedelta


_MINUTES: Final = timedelta(milliseconds=302_400_000)
_TENS: Final = timedelta(milliseconds=21_168_000_000)
_DAYS: Final = timedelta(milliseconds=31_622_400_000)
_LONG: Final = timedelta(milliseconds=158_112_000_000)

_KEPT: Final = {
    "1m": (Period.M1, _MINUTES),
    "2m": (Period.M2, _MINUTES),
    "3m": (Period.M3, _MINUTES),
    "4m": (Period.M4, _MINUTES),
    "5m": (Period.M5, _MINUTES),
    "10m": (Period.M10, _TENS),
    "15m": (Period.M15, _TENS),
    "30m": (Period.M30, _TENS),
    "1h": (Period.H1, _TENS),
    "4h": (Period.H4, _DAYS),
    "12h": (Period.H12, _DAYS),
    "1d": (Period.D1, _DAYS),
    "1w": (Period.W1, _LONG),
    "1mn": (Period.MN1, _LONG),
}
_JOINED: Final = {
    "6m": (Period.M3, _MINUTES, timedelta(minutes=6)),
    "12m": (Period.M4, _MINUTES, timedelta(minutes=12)),
    "20m": (Period.M10, _TENS, timedelta(minutes=20)),
    "2h": (Period.H1, _TENS, timedelta(hours=2)),
    "3h": (Period.H1, _TENS, timedelta(hours=3)),
    "6h": (Period.H1, _TENS, timedelta(hours=6)),
    "8h": (Period.H1, _TENS, timedelta(hours=8)),
}

TIMEFRAMES: Final = {
    **{name: Timeframe(name, period, None, window) for name, (period, window) in _KEPT.items()},
    **{
        name: Timeframe(name, period, length, window)
        for name, (period, window, length) in _JOINED.items()
    },
}
"""All timeframes by MetaApi's words. Windows are those of the old documented table: the narrow
reading, which every broker accepts."""


def timeframe(name: str) -> Timeframe:
    """Return a timeframe by its word; ``1M`` is a month, and the broker's own words (``M15``,
    ``H4``) are understood too. Raises InvalidCall."""
    word = "1mn" if name in {"1M", "MN1", "1MN"} else name
    found = TIMEFRAMES.get(word.lower()) or _BY_PERIOD.get(word.upper())
    if found is None:
        raise InvalidCall(f"timeframe {name!r} is not one of {', '.join(TIMEFRAMES)}")
    return found


_BY_PERIOD: Final = {
    wanted.source.name: wanted for wanted in TIMEFRAMES.values() if wanted.length is None
}


def opening_of(at: datetime, length: timedelta) -> datetime:
    """Return when the joined bar of a length that holds an instant opens."""
    if length <= _HOUR:
        return at - (at - _EPOCH) % length
    day = _day_opening(at)
    return day + (at - day) // length * length


def _day_opening(at: datetime) -> datetime:
    """Return when the trading day that holds an instant opened."""
    local = at.astimezone(_NEW_YORK)
    opening = local.replace(hour=17, minute=0, second=0, microsecond=0)
    if opening > local:
        opening -= timedelta(days=1)  # on the wall clock, so right across a change of time
    return opening.astimezone(UTC)


def source_begin(wanted: Timeframe, begin: datetime) -> datetime:
    """Return from when on the source is read, so that the first joined bar is whole."""
    return begin if wanted.length is None else opening_of(begin, wanted.length)


def joined_bars(bars: Iterable[Bar], length: timedelta) -> Iterator[Bar]:
    """Yield bars of a length, made of shorter ones; those come oldest first."""
    for opened_at, group in groupby(bars, key=lambda bar: opening_of(bar.opened_at, length)):
        joined: Bar | None = None
        for bar in group:
            joined = replace(bar, opened_at=opened_at) if joined is None else _join(joined, bar)
        if joined is not None:
            yield joined


def _join(older: Bar, newer: Bar) -> Bar:
    return replace(
        older,
        high=max(older.high, newer.high),
        low=min(older.low, newer.low),
        close=newer.close,
        volume=older.volume + newer.volume,
        is_repaired=older.is_repaired or newer.is_repaired,
    )
