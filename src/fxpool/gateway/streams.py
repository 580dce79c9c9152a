"""Event streams: one subscription carried to one client, over WebSocket or server-sent events.

Both kinds share ``EventStream``, which knows when to write, and differ in their ``Outlet``, which
knows how. A stream has two tasks however many events it carries: one listens to the client, the
other sleeps while the client reads (``delivery``). A client that does not read holds up nobody
else: its subscription ends when too much waits, its link when the kernel's limit is over
(``server``).

A client that says where it left off gets what came after, or is told of a gap and begins again.

Source: what subscribers of the older pools read; sequence numbers and snapshots are new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import msgspec

from fxpool import context
from fxpool.clock import Clock
from fxpool.domain.permissions import Principal
from fxpool.errors import SlowConsumer
from fxpool.gateway.access.guard import GuardedPlatform
from fxpool.gateway.delivery import Delivery, Pump
from fxpool.gateway.event_links import ClientGone, EventLink
from fxpool.gateway.frames import Form
from fxpool.gateway.limits import GatewayLimits
from fxpool.gateway.metrics import Metrics
from fxpool.gateway.stream_options import StreamOptions
from fxpool.platforms.base import PlatformError, Subscription

GOING_AWAY = 1001
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013

_GOODBYE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a stream ends, for its client.

    Attributes:
        close_code: the WebSocket close code.
        type: of the last event, ``error`` or ``streamClosed``.
    """

    close_code: int
    type: str
    code: str
    detail: str

    def encoded(self, clock: Clock) -> bytes:
        """Return the last event of the stream."""
        return notice(clock, self.type, code=self.code, error=self.detail, detail=self.detail)


def notice(clock: Clock, type_: str, **fields: Any) -> bytes:
    """Return an event about the stream itself; it has no account and no ``seq``."""
    at = clock.at()
    body = {
        "type": type_,
        "ts": int(at.timestamp() * 1000),
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        **fields,
    }
    return msgspec.json.encode(body)


class Outlet(Protocol):
    """Where a stream goes. What waits raises ClientGone once the client has left."""

    @property
    def link(self) -> EventLink:
        """What takes the events, once the client was accepted."""
        ...

    def form(self, *, is_batched: bool) -> Form:
        """Return how events are told: one message each, or one message for all."""
        ...

    async def begin(self) -> None:
        """Accept the client; before this it can still be refused as HTTP refuses."""
        ...

    async def receive(self) -> StreamOptions:
        """Wait until the client asks for something else; it may never do so."""
        ...

    async def end(self, ending: Ending) -> None:
        """Say why the stream ends, and end it."""
        ...


class EventStream:
    """One client's stream, from its first snapshot to its end."""

    __slots__ = (
        "_clock",
        "_ended",
        "_limits",
        "_metrics",
        "_outlet",
        "_platform",
        "_pump",
        "address",
        "principal",
    )

    def __init__(
        self,
        platform: GuardedPlatform,
        outlet: Outlet,
        address: str,
        *,
        clock: Clock,
        limits: GatewayLimits,
        metrics: Metrics,
        pump: Pump,
    ) -> None:
        self._platform, self._outlet, self._pump = platform, outlet, pump
        self.principal, self.address = platform.principal, address
        self._clock, self._limits, self._metrics = clock, limits, metrics
        self._ended: asyncio.Future[Ending | None] = asyncio.get_running_loop().create_future()

    def end(self, ending: Ending | None) -> None:
        """End the stream soon; None means that the client knows. The first reason stays."""
        if not self._ended.done():
            self._ended.set_result(ending)

    def delivery(self, subscription: Subscription, options: StreamOptions) -> Delivery:
        """Return what carries a subscription to the client, in the way that it asked for."""
        return Delivery(
            subscription,
            self._outlet.link,
            self._outlet.form(is_batched=options.batch),
            pause_seconds=options.flush_ms / 1000,
            pump=self._pump,
            clock=self._clock,
        )

    async def run(self, delivery: Delivery) -> None:
        """Carry events until either side ends the stream, beginning with a delivery."""
        async with asyncio.TaskGroup() as tasks:
            listener = tasks.create_task(self._listen(tasks, delivery))
            ending = await self._ended
            listener.cancel()
        if ending is not None:
            await self._say(ending)

    async def _listen(self, tasks: asyncio.TaskGroup, delivery: Delivery) -> None:
        """Keep a delivery of what the client asked for last."""
        while True:
            delivering = tasks.create_task(self._deliver(delivery))
            try:
                options = await self._next_options(delivery.subscription)
                now = self._clock.at()
                subscription = self._platform.subscribe(options.wanted(), options.resume(now))
                subscription.beat(now)
                delivery = self.delivery(subscription, options)
                del options, subscription  # a stream is long, and the delivery has what it needs
            except ClientGone:
                self.end(None)
                return
            except PlatformError as error:
                self.end(_ending_of(error))
                return
            finally:
                delivering.cancel()
                await asyncio.wait([delivering])

    async def _next_options(self, subscription: Subscription) -> StreamOptions:
        while True:
            try:
                async with asyncio.timeout(self._limits.heartbeat_seconds):
                    return await self._outlet.receive()
            except TimeoutError:
                subscription.beat(self._clock.at())

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            await delivery.run()
        except (SlowConsumer, PlatformError) as error:
            self.end(_ending_of(error))
        except ClientGone:
            self.end(None)

    async def _say(self, ending: Ending) -> None:
        """Say goodbye, to a client that may not read any more."""
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._outlet.end(ending)
        except (TimeoutError, ClientGone):
            return


def _ending_of(error: SlowConsumer | PlatformError) -> Ending:
    if isinstance(error, PlatformError):
        code = TRY_AGAIN_LATER if error.retryable else INTERNAL_ERROR
        return Ending(code, "error", error.code, error.detail)
    return Ending(TRY_AGAIN_LATER, "error", "SLOW_CONSUMER", str(error))


class Streams:
    """All streams of one gateway: opens them within the limit, ends them together."""

    def __init__(self, *, clock: Clock, limits: GatewayLimits, metrics: Metrics) -> None:
        self.clock = clock
        self._pump = Pump(metrics)
        self._limits, self._metrics = limits, metrics
        self._open: set[EventStream] = set()
        self._has_ended = asyncio.Event()
        self._is_closed = False

    async def carry(
        self,
        outlet: Outlet,
        platform: GuardedPlatform,
        options: StreamOptions,
        *,
        address: str = "",
    ) -> None:
        """Carry events to a client until either side ends the stream. As ``open``."""
        carry = await self.open(outlet, platform, options, address=address)
        await carry()

    async def open(
        self,
        outlet: Outlet,
        platform: GuardedPlatform,
        options: StreamOptions,
        *,
        address: str = "",
    ) -> Callable[[], Awaitable[None]]:
        """Accept a client; return what carries events to it until either side ends the stream,
        to be called at once.

        ``platform`` is what the client may use of it, ``address`` where it is. Raises
        PlatformError before the client was accepted: too many streams, an account that is not for
        it, a gateway that stops.
        """
        self._refuse_if_full(platform.principal, address)
        now = self.clock.at()
        subscription = platform.subscribe(options.wanted(), options.resume(now))
        subscription.beat(now)  # a client that is cut at once knows where it stood
        async with AsyncExitStack() as opening:
            opening.push_async_exit(subscription)
            await outlet.begin()
            opening.pop_all()  # from here on the stream closes it
        stream = EventStream(
            platform,
            outlet,
            address,
            clock=self.clock,
            limits=self._limits,
            metrics=self._metrics,
            pump=self._pump,
        )
        delivery = stream.delivery(subscription, options)
        return partial(self._carry, stream, delivery, context.ids())

    async def _carry(self, stream: EventStream, delivery: Delivery, ids: Mapping[str, str]) -> None:
        context.take_up(ids)
        self._open.add(stream)
        self._metrics.streams = len(self._open)
        try:
            await stream.run(delivery)
        finally:
            self._open.discard(stream)
            self._has_ended.set()
            self._metrics.streams = len(self._open)

    def end_those_of(self, is_over: Callable[[Principal], bool]) -> None:
        """End the streams of principals that may not listen any more, with a word to them."""
        for stream in tuple(self._open):
            if is_over(stream.principal):
                text = "authentication failed: the key or token has ended"
                stream.end(Ending(POLICY_VIOLATION, "error", "KEY_ENDED", text))

    def close(self) -> None:
        """End all streams with a word to their clients, and open no more."""
        self._is_closed = True
        for stream in tuple(self._open):
            stream.end(Ending(GOING_AWAY, "streamClosed", "STOPPING", "the gateway is stopping"))

    async def said_goodbye(self) -> None:
        """Wait until every stream has ended, a moment at most."""
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                while self._open:
                    self._has_ended.clear()
                    await self._has_ended.wait()
        except TimeoutError:
            return

    def _refuse_if_full(self, principal: Principal, address: str) -> None:
        if self._is_closed:
            text = "network: the gateway is stopping"
            raise PlatformError(503, "STOPPING", text, retryable=True)
        if len(self._open) >= self._limits.max_streams:
            text = f"network: {len(self._open)} event streams are open, which is the limit"
            raise PlatformError(503, "TOO_MANY_STREAMS", text, retryable=True)
        own = sum(stream.principal.subject == principal.subject for stream in self._open)
        if own >= self._limits.max_streams_per_key:
            text = f"network: {own} event streams of this key are open, which is its limit"
            raise PlatformError(429, "TOO_MANY_STREAMS", text, retryable=True)
        near = sum(stream.address == address for stream in self._open)
        if near >= self._limits.max_streams_per_address:
            text = f"network: {near} event streams of {address} are open, which is its limit"
            raise PlatformError(429, "TOO_MANY_STREAMS", text, retryable=True)
