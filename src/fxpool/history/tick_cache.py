"""The ticks that are kept: which series there are, and how many. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fxpool.domain.ticks import QuoteSide, Tick
from fxpool.history.past_cache import PastCache
from fxpool.mapping.instants import instant_from_ms

MAX_KEPT_TICKS: Final = 100_000
"""About 13 MB, over all accounts."""


@dataclass(frozen=True, slots=True)
class TickSeries:
    """Whose ticks: an account as the broker names it, its symbol, and the side of the price."""

    account: str
    symbol_id: int
    side: QuoteSide


class TickCache(PastCache[TickSeries, Tick]):
    """The settled ticks of all accounts of a platform."""

    def __init__(self, max_ticks: int = MAX_KEPT_TICKS) -> None:
        super().__init__(_told_at, max_ticks)


def _told_at(tick: Tick) -> datetime:
    return instant_from_ms(tick.timestamp_ms)
