"""The broker's clock: the machine's, moved by what a fault asks for."""

from __future__ import annotations

from datetime import datetime, timedelta

from fxpool.clock import Clock


class BrokerClock:
    """A clock whose wall time can jump; durations go on as they are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moved = timedelta()

    def now(self) -> float:
        return self._clock.now()

    def at(self) -> datetime:
        return self._clock.at() + self._moved

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def jump(self, seconds: float) -> None:
        """Move the wall time, in either direction."""
        self._moved += timedelta(seconds=seconds)
