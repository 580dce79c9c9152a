"""One stream: what is written, when, and how it ends. The client is a list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from fxpool.clock import SystemClock
from fxpool.domain.permissions import LOOPBACK, Permissions, Principal, Role
from fxpool.gateway.access.guard import GuardedPlatform
from fxpool.gateway.access.volume_caps import VolumeCaps
from fxpool.gateway.event_links import ClientGone
from fxpool.gateway.frames import Form
from fxpool.gateway.limits import GatewayLimits
from fxpool.gateway.metrics import Metrics
from fxpool.gateway.stream_options import StreamOptions
from fxpool.gateway.streams import Ending, Streams
from fxpool.platforms.base import PlatformError
from fxpool.platforms.events import Event, EventFilter, EventSubscription
from harness.hub_platform import HubPlatform
from harness.spy_platform import SpyPlatform
from harness.wait import wait_until


class ListLink:
    """A link whose client keeps what it gets and reads only while ``may_read`` is set; heartbeats
    apart."""

    def __init__(self) -> None:
        self.messages: list[list[dict[str, Any]]] = []
        self.heartbeats: list[dict[str, Any]] = []
        self.may_read = asyncio.Event()
        self.may_read.set()

    @property
    def can_write(self) -> bool:
        return self.may_read.is_set()

    def write(self, data: bytes) -> None:
        assert self.can_write
        for message in msgspec.json.decode(data):
            events = [body for body in message if body["type"] != "heartbeat"]
            self.heartbeats += [body for body in message if body["type"] == "heartbeat"]
            if events:
                self.messages.append(events)

    async def drain(self) -> None:
        await self.may_read.wait()


def _in_one(events: Sequence[Event]) -> bytes:
    return msgspec.json.encode([[event.body for event in events]])


def _one_by_one(events: Sequence[Event]) -> bytes:
    return msgspec.json.encode([[event.body] for event in events])


class ListOutlet:
    """A client that can be looked at."""

    def __init__(self) -> None:
        self.link = ListLink()
        self.may_read, self.messages = self.link.may_read, self.link.messages
        self.has_begun = False
        self.ending: Ending | None = None
        self.asks: asyncio.Queue[StreamOptions | None] = asyncio.Queue()

    def form(self, *, is_batched: bool) -> Form:
        return _in_one if is_batched else _one_by_one

    async def begin(self) -> None:
        self.has_begun = True

    async def receive(self) -> StreamOptions:
        options = await self.asks.get()
        if options is None:
            raise ClientGone
        return options

    async def end(self, ending: Ending) -> None:
        self.ending = ending

    def seen(self) -> list[tuple[str, int | None]]:
        return [(body["type"], body.get("seq")) for message in self.messages for body in message]


def streams_of(platform: HubPlatform, **limits: float) -> _Streams:
    bounds = GatewayLimits(**limits)  # type: ignore[arg-type]  # a test's own numbers
    return _Streams(platform, clock=SystemClock(), limits=bounds, metrics=Metrics())


class _Streams(Streams):
    """Streams that carry a platform's events to a caller that may do all."""

    def __init__(self, platform: HubPlatform, **parts: Any) -> None:
        super().__init__(**parts)
        self.guarded = GuardedPlatform(platform, LOOPBACK, VolumeCaps(None, clock=self.clock))


@asynccontextmanager
async def carried(streams: _Streams, **options: object) -> AsyncIterator[ListOutlet]:
    """Carry a stream, to its end if the block did not end it."""
    outlet = ListOutlet()
    carrying = asyncio.create_task(
        streams.carry(outlet, streams.guarded, StreamOptions.model_validate(options))
    )
    try:
        await wait_until(lambda: outlet.link.heartbeats or carrying.done())
        yield outlet
        outlet.asks.put_nowait(None)
        await carrying
    finally:
        carrying.cancel()


async def refused(streams: _Streams) -> str:
    """Return the code with which a further client is refused before it is accepted."""
    outlet = ListOutlet()
    with pytest.raises(PlatformError) as caught:
        await streams.carry(outlet, streams.guarded, StreamOptions())
    assert not outlet.has_begun
    return caught.value.code


async def test_a_snapshot_comes_first_and_changes_follow_without_a_gap() -> None:
    platform = HubPlatform()
    async with carried(streams_of(platform)) as outlet:
        for _ in range(3):
            platform.change()
        await wait_until(lambda: len(outlet.messages) == 4)
        opened = [("positionOpened", number) for number in (1, 2, 3)]
        assert outlet.seen() == [("snapshot", 0), *opened]


async def test_what_became_ready_together_is_one_batch() -> None:
    platform = HubPlatform()
    async with carried(streams_of(platform), batch=True) as outlet:
        platform.change()
        platform.quote("EURUSD", 1.1)
        await wait_until(lambda: len(outlet.messages) == 2)
        assert [body["type"] for body in outlet.messages[1]] == ["positionOpened", "price"]


async def test_a_client_behind_gets_the_newest_quote_and_every_change() -> None:
    platform = HubPlatform()
    async with carried(streams_of(platform), batch=True) as outlet:
        outlet.may_read.clear()
        platform.change()
        await asyncio.sleep(0)
        for bid in (1.1, 1.2, 1.3):
            platform.quote("EURUSD", bid)
            platform.change()
        outlet.may_read.set()
        await wait_until(lambda: ("positionOpened", 4) in outlet.seen())
        bids = [body["bid"] for batch in outlet.messages for body in batch if "bid" in body]
        assert bids == [1.3]
        assert [seq for _, seq in outlet.seen() if seq is not None] == [0, 1, 2, 3, 4]


async def test_a_flush_interval_gathers_events_into_fewer_messages() -> None:
    platform = HubPlatform()
    async with carried(streams_of(platform), batch=True, flushMs=20) as outlet:
        for _ in range(5):
            platform.change()
            await asyncio.sleep(0)
        await wait_until(lambda: len(outlet.seen()) == 6)
        assert len(outlet.messages) <= 3


async def test_a_client_that_does_not_keep_up_is_told_so() -> None:
    platform = HubPlatform(max_waiting=3)
    async with carried(streams_of(platform)) as outlet:
        outlet.may_read.clear()
        platform.change()
        await asyncio.sleep(0)
        for _ in range(5):
            platform.change()
        outlet.may_read.set()
        await wait_until(lambda: outlet.ending)
        assert outlet.ending is not None
        assert (outlet.ending.close_code, outlet.ending.code) == (1013, "SLOW_CONSUMER")
    assert platform.hub.subscribers == 0


async def test_the_end_of_the_source_is_told() -> None:
    platform = HubPlatform()
    async with carried(streams_of(platform)) as outlet:
        platform.end(PlatformError(503, "POOL_CLOSED", "the pool is closing"))
        await wait_until(lambda: outlet.ending)
        assert outlet.ending == Ending(1011, "error", "POOL_CLOSED", "the pool is closing")


async def test_a_client_that_asks_again_begins_with_a_snapshot() -> None:
    platform = HubPlatform()
    async with carried(streams_of(platform)) as outlet:
        platform.change()
        await wait_until(lambda: len(outlet.messages) == 2)
        asked = StreamOptions.model_validate({"types": ["snapshot", "orderPlaced"]})
        outlet.asks.put_nowait(asked)
        await wait_until(lambda: len(outlet.messages) == 3)
        platform.change("positionOpened")
        platform.change("orderPlaced")
        await wait_until(lambda: len(outlet.messages) == 4)
        assert outlet.seen()[2:] == [("snapshot", 1), ("orderPlaced", 3)]
        assert platform.hub.subscribers == 1


async def test_a_client_that_leaves_ends_its_subscription() -> None:
    platform = HubPlatform()
    async with carried(streams_of(platform)) as outlet:
        assert platform.hub.subscribers == 1
    assert platform.hub.subscribers == 0
    assert outlet.ending is None


async def test_a_quiet_stream_shows_that_it_lives() -> None:
    async with carried(streams_of(HubPlatform(), heartbeat_seconds=0.005)) as outlet:
        await wait_until(lambda: len(outlet.link.heartbeats) >= 3)


async def test_a_stream_says_at_its_beginning_where_it_stands() -> None:
    platform = HubPlatform()
    platform.change()
    async with carried(streams_of(platform), types=["orderPlaced"], batch=True) as outlet:
        (first,) = outlet.link.heartbeats
        assert first["lastEventId"] == f"a:{platform.hub.epoch}:1"
        outlet.asks.put_nowait(StreamOptions.model_validate({"types": ["orderFilled"]}))
        await wait_until(lambda: len(outlet.link.heartbeats) == 2)


async def test_a_key_with_its_own_accounts_keeps_the_pace_it_asked_for() -> None:
    platform = SpyPlatform()
    principal = Principal("key:2", "narrow", Permissions(Role.READ, frozenset({"mine"})))
    narrow = GuardedPlatform(platform, principal, VolumeCaps(None, clock=SystemClock()))
    stream = narrow.subscribe(EventFilter(account_ms=500))
    assert isinstance(stream, EventSubscription)
    assert stream.wanted == EventFilter(accounts=frozenset({"mine"}), account_ms=500)


async def test_closing_tells_every_client_and_opens_no_more() -> None:
    streams = streams_of(HubPlatform())
    async with carried(streams) as outlet:
        streams.close()
        await wait_until(lambda: outlet.ending)
        assert outlet.ending is not None
        assert (outlet.ending.close_code, outlet.ending.type) == (1001, "streamClosed")
    assert await refused(streams) == "STOPPING"


async def test_one_stream_more_than_the_limit_is_refused() -> None:
    streams = streams_of(HubPlatform(), max_streams=1)
    async with carried(streams):
        assert await refused(streams) == "TOO_MANY_STREAMS"


async def test_a_client_that_leaves_before_it_is_accepted_leaves_nothing_behind() -> None:
    class GoneOutlet(ListOutlet):
        async def begin(self) -> None:
            raise ClientGone

    platform = HubPlatform()
    streams = streams_of(platform)
    with pytest.raises(ClientGone):
        await streams.carry(GoneOutlet(), streams.guarded, StreamOptions())
    assert platform.hub.subscribers == 0
