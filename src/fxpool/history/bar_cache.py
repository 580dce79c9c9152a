"""The bars that are kept: which series there are, and from when on a bar does not change. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fxpool.domain.bars import Bar, Period
from fxpool.history.past_cache import PastCache, settled_before

MAX_BARS: Final = 50_000
"""About 15 MB, over all accounts."""

_HOUR: Final = timedelta(hours=1)
_LONGEST: Final = {
    Period.M1: timedelta(minutes=1),
    Period.M2: timedelta(minutes=2),
    Period.M3: timedelta(minutes=3),
    Period.M4: timedelta(minutes=4),
    Period.M5: timedelta(minutes=5),
    Period.M10: timedelta(minutes=10),
    Period.M15: timedelta(minutes=15),
    Period.M30: timedelta(minutes=30),
    Period.H1: _HOUR,
    Period.H4: timedelta(hours=4) + _HOUR,
    Period.H12: timedelta(hours=12) + _HOUR,
    Period.D1: timedelta(days=1) + _HOUR,
    Period.W1: timedelta(weeks=1) + _HOUR,
    Period.MN1: timedelta(days=31) + _HOUR,
}
"""How long a bar is at most: those that follow the trading day are longer on one day of autumn."""


def closed_before(period: Period, at: datetime) -> datetime:
    """Return the instant before which a bar must open to be closed and settled for certain."""
    return settled_before(at) - _LONGEST[period]


@dataclass(frozen=True, slots=True)
class Series:
    """Whose bars: an account as the broker names it, its symbol, and the broker's period."""

    account: str
    symbol_id: int
    period: Period


class BarCache(PastCache[Series, Bar]):
    """The closed bars of all accounts of a platform."""

    def __init__(self, max_bars: int = MAX_BARS) -> None:
        super().__init__(_opened_at, max_bars)


def _opened_at(bar: Bar) -> datetime:
    return bar.opened_at
