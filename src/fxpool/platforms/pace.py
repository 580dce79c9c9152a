"""The pace at which one subscriber hears what moves with prices: results and equity, not prices.

The first is told at once, then the newest of each at most once per interval. What a change made
old is not told any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fxpool.platforms.events import Event

MONEY_LEVELS: Final = frozenset({"positionUpdate", "accountUpdated"})

SLOWEST_MS: Final = 60_000


class Pace:
    """Holds the newest money levels back until they are due."""

    def __init__(self, interval_ms: int, release: Callable[[list[Event]], None]) -> None:
        """``release`` is called with what is due, in the loop's own turn."""
        self._interval = interval_ms / 1000
        self._release = release
        self._held: dict[tuple[str, ...], Event] = {}
        self._timer: asyncio.Handle | None = None

    def hold(self, event: Event) -> None:
        """Take a level in place of an older one."""
        assert event.level_key is not None  # noqa: S101 (a level has one)
        self._held.pop(event.level_key, None)
        self._held[event.level_key] = event
        if self._timer is None:  # with what else this turn of the loop tells
            self._timer = asyncio.get_running_loop().call_soon(self._due)

    def overtake(self, change: Event) -> None:
        """Forget what a change made old."""
        if self._held:
            position_id = str(change.body.get("positionId"))
            self._held.pop(("position", change.account, position_id), None)
            if change.type == "accountUpdated":
                self._held.pop(("account", change.account), None)

    def close(self) -> None:
        """Tell nothing any more."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        if not self._held:
            self._timer = None
            return
        due = list(self._held.values())
        self._held.clear()
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._due)
        self._release(due)
