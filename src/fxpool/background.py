"""The tasks of one owner, which end with it.

Work that is kept must not end by itself: an error that nobody foresaw is logged and told, and the
work begins again. Knows nothing of what the work does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Final

import structlog

from fxpool.clock import Clock

AGAIN_SECONDS: Final = 5.0
"""After which pause work that failed begins again."""

TOLD_AGAIN_SECONDS: Final = 10.0
"""How long a task that is told to end may take before it is told again."""

log = structlog.get_logger(__name__)


class Background:
    """Starts tasks, and ends them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: dict[str, str] = {}

    @property
    def failure(self) -> str | None:
        """Which work failed and has not gone well since; None if all does."""
        told = (f"{name} failed ({error})" for name, error in self._failures.items())
        return "; ".join(told) or None

    def start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Begin work that ends by itself, or with ``close``; its error is logged."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep(self, work: Callable[[], Awaitable[None]], name: str) -> asyncio.Task[None]:
        """Begin work that goes on until ``close``, again whenever it ended by an error."""
        return self.start(self._kept(work, name), name)

    async def end(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        """End some of the tasks; returns when they have ended."""
        await ended(tasks)

    async def close(self) -> None:
        """End all tasks; returns when they have ended."""
        await self.end(self._tasks)

    async def _kept(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        while True:
            try:
                await self._watched(work, name)
            except Exception as exc:  # whatever it was, the work begins again
                log.exception("background work failed; it begins again", work=name)
                self._failures[name] = type(exc).__name__
            else:
                return
            await self._clock.sleep(AGAIN_SECONDS)

    async def _watched(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        """Do the work; what lasts longer than the pause between two tries goes well."""
        well = asyncio.create_task(self._goes_well(name))
        try:
            await work()
        finally:
            well.cancel()

    async def _goes_well(self, name: str) -> None:
        await self._clock.sleep(AGAIN_SECONDS)
        self._failures.pop(name, None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background work ended by an error", work=task.get_name(), exc_info=error)


async def ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks; returns when they have ended. One that goes on is told again: libraries may
    swallow a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=TOLD_AGAIN_SECONDS)
