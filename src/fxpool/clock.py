"""Time as an argument: nothing else in fxpool reads it.

``now`` is monotonic seconds, for deadlines and durations; ``at`` is the wall clock, an aware UTC
datetime, for what people and brokers are told.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What code that needs time asks for it."""

    def now(self) -> float:
        """Return monotonic seconds."""
        ...

    def at(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a cancelled wait raises CancelledError at once."""
        ...


class SystemClock:
    """The machine's clocks. ``now`` equals the running event loop's ``time()``."""

    now = staticmethod(time.monotonic)

    def at(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
