"""A clock that moves only when a test says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

STARTS_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class ManualClock:
    """Implements ``fxpool.clock.Clock``; ``now`` starts at 1000 seconds, ``at`` at STARTS_AT."""

    def __init__(self, now: float = 1000.0, at: datetime = STARTS_AT) -> None:
        self._now = now
        self._started = now
        self._at = at
        self._numbers = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    def at(self) -> datetime:
        return self._at + timedelta(seconds=self._now - self._started)

    @property
    def sleepers(self) -> int:
        """How many sleep now."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self._now + seconds, next(self._numbers), woken))
        await woken

    def advance(self, seconds: float) -> None:
        """Move on and wake who is due; the woken run when the test awaits something."""
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, woken = heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
