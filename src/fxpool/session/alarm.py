"""One sleeping task for any number of deadlines. Knows a clock, and not what the deadlines mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fxpool.clock import Clock


class Nap:
    """A sleep that somebody else can cut short."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sleeping: asyncio.Task[None] | None = None

    async def sleep(self, seconds: float) -> None:
        """Wait until the time has passed or ``cut_short`` is called."""
        sleeping = asyncio.create_task(self._clock.sleep(seconds), name="nap")
        self._sleeping = sleeping
        try:
            await asyncio.wait((sleeping,))
        finally:
            sleeping.cancel()
            self._sleeping = None
        if not sleeping.cancelled():
            sleeping.result()

    def cut_short(self) -> None:
        """End the present sleep, if there is one."""
        if self._sleeping is not None:
            self._sleeping.cancel()


class Alarm:
    """Calls back when the earliest of its owner's deadlines is due.

    ``on_due`` gets the present time, does what is due, and returns when it is due next.
    """

    def __init__(self, clock: Clock, on_due: Callable[[float], float]) -> None:
        self._clock = clock
        self._on_due = on_due
        self._nap = Nap(clock)
        self._due = 0.0
        self._stopped = False

    async def run(self) -> None:
        """Serve until ``stop`` is called."""
        while not self._stopped:
            now = self._clock.now()
            self._due = self._on_due(now)
            if not self._stopped:
                await self._nap.sleep(max(0.0, self._due - now))

    def bring_forward(self, due: float) -> None:
        """Make sure that ``on_due`` is called no later than at ``due``."""
        if due < self._due:
            self._due = due
            self._nap.cut_short()

    def stop(self) -> None:
        """Let ``run`` return."""
        self._stopped = True
        self._nap.cut_short()
