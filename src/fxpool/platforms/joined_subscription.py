"""Several streams of events as one. Knows platforms' streams, not platforms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Self

from fxpool.platforms.base import SharedQueue, Subscription
from fxpool.platforms.events import Event


class JoinedSubscription:
    """Several streams as one; the order within each is kept. Ends with the first that ends."""

    def __init__(self, streams: Sequence[Subscription]) -> None:
        self._streams = list(streams)
        self._ready = asyncio.Event()
        self._is_entered = False
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Enter all; if one cannot be, all are closed."""
        if self._is_entered:
            return self
        async with AsyncExitStack() as entering:
            for stream in self._streams:
                entering.push_async_exit(stream)
            for stream in self._streams:
                await stream.__aenter__()
            self._stack = entering.pop_all()
        self.on_ready(self._ready.set)
        self._is_entered = True
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    def beat(self, at: datetime) -> None:
        """Queue a heartbeat of each part."""
        for stream in self._streams:
            stream.beat(at)

    def on_ready(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when a part has something ready or ended; once the streams were entered."""
        for stream in self._streams:
            stream.on_ready(wake)

    def take(self) -> tuple[Event, ...]:
        """Return all that are ready, oldest first per part, possibly none."""
        return tuple(event for stream in self._streams for event in stream.take())

    def shared(self) -> SharedParts | None:
        """Return the parts' queues; None if one of them cannot be shared."""
        queues = [queue for stream in self._streams if (queue := stream.shared()) is not None]
        return SharedParts(queues) if len(queues) == len(self._streams) else None

    async def next_batch(self) -> list[Event]:
        """Wait for at least one event and return all that are ready, oldest first per part."""
        await self.__aenter__()
        while not (batch := self.take()):
            self._ready.clear()
            await self._ready.wait()
        return list(batch)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            for event in await self.next_batch():
                yield event


class SharedParts:
    """The queues of a joined stream's parts as one (a ``platforms.base.SharedQueue``)."""

    def __init__(self, queues: Sequence[SharedQueue]) -> None:
        self._queues = queues

    @property
    def kind(self) -> Hashable:
        return tuple(queue.kind for queue in self._queues)

    @property
    def is_idle(self) -> bool:
        return all(queue.is_idle for queue in self._queues)

    def leader(self) -> SharedParts:
        return SharedParts([queue.leader() for queue in self._queues])

    def follow(self, leader: SharedParts) -> None:
        for queue, leading in zip(self._queues, leader._queues, strict=True):
            queue.follow(leading)

    def part(self) -> None:
        for queue in self._queues:
            queue.part()

    def on_ready(self, wake: Callable[[], None]) -> None:
        for queue in self._queues:
            queue.on_ready(wake)

    def take(self) -> tuple[Event, ...]:
        return tuple(event for queue in self._queues for event in queue.take())

    def close(self) -> None:
        for queue in self._queues:
            queue.close()
