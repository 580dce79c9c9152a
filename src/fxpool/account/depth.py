"""Reads the depth of a market: subscribes, waits for the first picture, and ends it again.

Nothing is kept: a book that nobody looks at would cost the reader of the socket for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from fxpool.account.reads import AccountReads
from fxpool.domain.depth import DepthChange, DepthLevel, dearest_first
from fxpool.errors import NoQuote

FIRST_SECONDS: Final = 5.0
"""How long the first picture is waited for; the broker sends it right after a subscription."""


class DepthReader:
    """The depth of one account's symbols, one at a time."""

    def __init__(self, reads: Callable[[], AccountReads]) -> None:
        self._reads = reads
        self._turn = asyncio.Lock()
        self._symbol_id: int | None = None
        self._levels: dict[int, DepthLevel] = {}
        self._heard = asyncio.Event()

    def hear(self, change: DepthChange) -> None:
        """Take what the broker pushes; stragglers of another symbol are left out."""
        if change.symbol_id != self._symbol_id:
            return
        self._levels |= {level.level_id: level for level in change.changed}
        for gone in change.gone:
            self._levels.pop(gone, None)
        self._heard.set()

    async def read(self, symbol_id: int) -> list[DepthLevel]:
        """Return what is offered and wanted now, dearest first. Its quotes must be subscribed.

        Raises NoQuote if no picture comes, and what ``AccountReads`` raises.
        """
        async with self._turn:
            self._symbol_id, self._levels = symbol_id, {}
            self._heard.clear()
            await self._reads().subscribe_depth(symbol_id)
            try:
                async with asyncio.timeout(FIRST_SECONDS):
                    await self._heard.wait()
                return dearest_first(self._levels.values())
            except TimeoutError:
                raise NoQuote(f"no depth came within {FIRST_SECONDS:g} s") from None
            finally:
                self._symbol_id = None
                await self._reads().unsubscribe_depth(symbol_id)
