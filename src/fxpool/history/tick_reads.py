"""The newest or the oldest ticks of a period, out of pages that begin with the newest.

Knows nothing of the wire: a page is what ``ReadPage`` gives. Ticks come oldest first. What a page
covers is kept as far as it is settled, and what is kept is not asked for again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fxpool.domain.past import Span
from fxpool.domain.ticks import Tick
from fxpool.history.past_cache import settled_before
from fxpool.history.tick_cache import TickCache, TickSeries
from fxpool.history.windows import WIDEST

FIRST_WIDTH: Final = timedelta(minutes=10)
"""How far the first look goes where the oldest ticks are wanted."""

NARROWEST: Final = timedelta(seconds=1)
"""A window this narrow is read whole, however many pages it has."""


@dataclass(frozen=True, slots=True)
class TickPage:
    """Ticks of a window, oldest first, and the older part of it that is still to be read."""

    ticks: list[Tick]
    rest: Span | None


ReadPage = Callable[[Span], Awaitable[TickPage]]
"""Reads the newest page of a window of at most a week."""


class TickReads:
    """The ticks of one series. Spans begin and end at whole milliseconds."""

    def __init__(
        self,
        read: ReadPage,
        cache: TickCache,
        series: TickSeries,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._read = read
        self._cache = cache
        self._series = series
        self._now = now

    async def newest(self, span: Span, most: int | None = None) -> list[Tick]:
        """Return the newest ``most`` ticks of a period, all without it."""
        found: list[Tick] = []
        end = span.end
        while end > span.begin and (most is None or len(found) < most):
            known = self._cache.newest(self._series, Span(span.begin, end))
            if known is not None and known.span.end == end:
                found = known.values + found
                end = known.span.begin
                continue
            gap_begin = span.begin if known is None else known.span.end
            window = Span(max(gap_begin, end - WIDEST), end)
            page = await self._page(window)
            found = page.ticks + found
            end = window.begin if page.rest is None else page.rest.end
        return found if most is None else found[-most:]

    async def oldest(self, span: Span, most: int) -> list[Tick]:
        """Return the oldest ``most`` ticks of a period.

        A page begins with the newest, so windows are made so narrow that one page has all of them,
        and wider again where there is little.
        """
        found: list[Tick] = []
        begin, width = span.begin, FIRST_WIDTH
        while begin < span.end and len(found) < most:
            known = self._cache.oldest(self._series, Span(begin, span.end))
            if known is not None and known.span.begin == begin:
                found += known.values
                begin = known.span.end
                continue
            gap_end = span.end if known is None else known.span.begin
            window = Span(begin, min(begin + width, gap_end))
            page = await self._page(window)
            if page.rest is not None and window.length > NARROWEST:
                width = max(window.length / 4, NARROWEST)
                continue
            older = [] if page.rest is None else await self.newest(page.rest)
            found += older + page.ticks
            begin = window.end
            if 2 * len(page.ticks) < most - len(found):
                width = min(width * 2, WIDEST)
        return found[:most]

    async def _page(self, window: Span) -> TickPage:
        """Read a page, and keep what it covers as far as that was settled before it was asked."""
        settled = settled_before(self._now())
        page = await self._read(window)
        begin = window.begin if page.rest is None else page.rest.end
        self._cache.keep(self._series, Span(begin, min(window.end, settled)), page.ticks)
        return page
