"""The newest or the oldest ticks of a period, out of pages that begin with the newest.

Knows nothing of the wire: a page is what ``ReadPage`` gives. Ticks come oldest first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fxpool.domain.past import Span
from fxpool.domain.ticks import Tick
from fxpool.history.windows import WIDEST, windows

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


async def newest_ticks(read: ReadPage, span: Span, most: int) -> list[Tick]:
    """Return the newest ``most`` ticks of a period."""
    found: list[Tick] = []
    for window in reversed(list(windows([span]))):
        rest: Span | None = window
        while rest is not None and len(found) < most:
            page = await read(rest)
            found = page.ticks + found
            rest = page.rest
    return found[-most:]


async def oldest_ticks(read: ReadPage, span: Span, most: int) -> list[Tick]:
    """Return the oldest ``most`` ticks of a period.

    A page begins with the newest, so windows are made so narrow that one page has all of them, and
    wider again where there is little.
    """
    found: list[Tick] = []
    begin, width = span.begin, FIRST_WIDTH
    while begin < span.end and len(found) < most:
        window = Span(begin, min(begin + width, span.end))
        page = await read(window)
        if page.rest is not None and window.length > NARROWEST:
            width = max(window.length / 4, NARROWEST)
            continue
        found += await _older(read, page.rest) + page.ticks
        begin = window.end
        if 2 * len(page.ticks) < most - len(found):
            width = min(width * 2, WIDEST)
    return found[:most]


async def _older(read: ReadPage, rest: Span | None) -> list[Tick]:
    found: list[Tick] = []
    while rest is not None:
        page = await read(rest)
        found = page.ticks + found
        rest = page.rest
    return found
