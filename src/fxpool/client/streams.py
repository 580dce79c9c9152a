"""Event streams for callers: several platforms' subscriptions as one. Knows no calls."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self, TypedDict

from fxpool.platforms.base import PlatformError, Subscription
from fxpool.platforms.events import Event

log = logging.getLogger(__name__)


class PriceEvent(TypedDict):
    """A ``price`` event's body."""

    type: str
    accountId: str
    symbol: str
    bid: float
    ask: float
    spread: float
    brokerTime: str
    ts: int
    timestamp: str


class EventStream:
    """Events as they happen: read it with ``async for``, end it with ``async with`` or ``close``.

    Begins with a ``snapshot`` per account, unless the filter leaves snapshots out. Raises
    SlowConsumer if the reader fell behind (read the accounts anew and subscribe again), and
    PlatformError if the source ended.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        detach: Callable[[EventStream], None],
        *,
        needs_all: bool = True,
    ) -> None:
        """Without ``needs_all`` a platform that does not answer is left out, if another does."""
        self._subscriptions = list(subscriptions)
        self._needs_all = needs_all
        self._detach = detach
        self._ready: deque[Event] = deque()
        self._reads: dict[asyncio.Task[list[Event]], Subscription] = {}
        self._is_entered = False
        self._is_closed = False

    async def __aenter__(self) -> Self:
        """Wait until the stream stands. Raises PlatformError if a platform does not answer."""
        if not self._is_entered:
            self._is_entered = True
            try:
                await self._enter_all()
            except BaseException:
                await self.close()
                raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        await self.__aenter__()
        while not self._ready:
            if self._is_closed:
                raise StopAsyncIteration
            self._ready.extend(await self._next_batch())
        return self._ready.popleft()

    async def close(self) -> None:
        """End the stream; the reader's loop ends."""
        self._is_closed = True
        self._ready.clear()
        for read in self._reads:
            read.cancel()
        if self._reads:
            await asyncio.wait(self._reads)
        for subscription in self._subscriptions:
            await subscription.__aexit__(None, None, None)
        self._detach(self)

    async def _enter_all(self) -> None:
        for subscription in tuple(self._subscriptions):
            try:
                await subscription.__aenter__()
            except PlatformError as error:
                if self._needs_all or len(self._subscriptions) == 1:
                    raise
                log.warning("no events of one platform: %s", error.detail)
                self._subscriptions.remove(subscription)
                await subscription.__aexit__(None, None, None)

    async def _next_batch(self) -> list[Event]:
        if len(self._subscriptions) == 1:
            return await self._subscriptions[0].next_batch()
        return await self._first_batch()

    async def _first_batch(self) -> list[Event]:
        """Return what comes first from any platform; the other reads go on."""
        for subscription in self._subscriptions:
            if subscription not in self._reads.values():
                read = asyncio.create_task(subscription.next_batch(), name="client-events")
                self._reads[read] = subscription
        done, _ = await asyncio.wait(self._reads, return_when=asyncio.FIRST_COMPLETED)
        batch: list[Event] = []
        for read in done:
            del self._reads[read]
            batch.extend(read.result())
        return batch
