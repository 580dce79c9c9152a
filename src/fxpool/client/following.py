"""Following events for as long as somebody listens: a stream that ends is opened again.

Knows streams and pauses, not what the events are for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from fxpool.client.streams import EventStream
from fxpool.clock import Clock
from fxpool.errors import SlowConsumer
from fxpool.platforms.base import PlatformError
from fxpool.platforms.events import Event

PAUSES: Final = (0.2, 1.0, 2.0, 5.0, 15.0)
"""Seconds before a stream is opened again; the last one repeats."""

log = logging.getLogger(__name__)


async def follow(
    open_stream: Callable[[], EventStream],
    handle: Callable[[Event], Awaitable[None]],
    ended: Callable[[str], Awaitable[None]],
    *,
    clock: Clock,
) -> None:
    """Hand over each event, one after the other, until cancelled.

    ``ended`` is told why a stream ended; the next one begins with snapshots again.
    """
    attempt = 0
    while True:
        try:
            async with open_stream() as stream:
                async for event in stream:
                    attempt = 0
                    await handle(event)
            reason = "the stream was closed"
        except (PlatformError, SlowConsumer) as exc:
            reason = str(exc)
        log.info("events ended: %s", reason)
        await ended(reason)
        await clock.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
        attempt += 1


async def end(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel tasks, wait for them, and forget them."""
    running = set(tasks)
    tasks.clear()
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)


async def told_safely(call: Callable[..., object], *arguments: object) -> None:
    """Call a program's own function, awaiting it if it is asynchronous.

    Its errors are logged and end nothing of ours: it is the outermost frame of its own work.
    """
    try:
        result = call(*arguments)
        if isinstance(result, Awaitable):
            await result
    except Exception:  # the caller's own code may raise what it likes
        log.exception("%s failed", getattr(call, "__qualname__", call))
