"""Several streams of events as one. Knows platforms' streams, not platforms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Self

from fxpool.platforms.base import Subscription
from fxpool.platforms.events import Event


class JoinedSubscription:
    """Several streams as one; the order within each is kept. Ends with the first that ends."""

    def __init__(self, streams: Sequence[Subscription]) -> None:
        self._streams = list(streams)
        self._waiting: dict[asyncio.Task[list[Event]], Subscription] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for stream in self._streams:
            await self._stack.enter_async_context(stream)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        tasks = list(self._waiting)
        self._waiting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stack.aclose()

    def beat(self, at: datetime) -> None:
        """Queue a heartbeat of each part."""
        for stream in self._streams:
            stream.beat(at)

    async def next_batch(self) -> list[Event]:
        """Wait for at least one event and return all that are ready, oldest first per part."""
        waited_for = set(self._waiting.values())
        for stream in self._streams:
            if stream not in waited_for:
                task = asyncio.create_task(stream.next_batch(), name="joined-stream")
                self._waiting[task] = stream
        await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
        batch: list[Event] = []
        for task in [task for task in self._waiting if task.done()]:
            del self._waiting[task]
            batch += task.result()
        return batch

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            for event in await self.next_batch():
                yield event
