"""What carries events from subscriptions to links: who is written to, when, and who is left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from fxpool.clock import SystemClock
from fxpool.gateway.delivery import MOST_PER_TURN, Delivery, Pump
from fxpool.gateway.event_links import ClientGone
from fxpool.gateway.metrics import Metrics
from fxpool.platforms.base import PlatformError
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.events import Event, EventFilter
from fxpool.platforms.joined_subscription import JoinedSubscription
from harness.wait import wait_until


class Link:
    """A link that keeps what is written; its client reads while ``has_room`` is set."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.has_room = asyncio.Event()
        self.has_room.set()
        self.is_lost = False

    @property
    def can_write(self) -> bool:
        return self.has_room.is_set() and not self.is_lost

    def write(self, data: bytes) -> None:
        assert self.can_write
        self.written.append(msgspec.json.decode(data, type=list[str]))

    async def drain(self) -> None:
        await self.has_room.wait()
        if self.is_lost:
            raise ClientGone


def names(events: Sequence[Event]) -> bytes:
    return msgspec.json.encode([event.body["name"] for event in events])


class Carrying:
    """Deliveries of one hub's events."""

    def __init__(self) -> None:
        self.hub, self.metrics = EventHub(), Metrics()
        self.pump = Pump(self.metrics)

    def tell(self, name: object) -> None:
        self.hub.publish(Event("orderPlaced", "a", {"type": "orderPlaced", "name": name}))

    def quote(self, name: str) -> None:
        body = {"type": "price", "name": name}
        self.hub.publish(Event("price", "a", body, level_key=("price", "a")))

    @asynccontextmanager
    async def to(self, *links: Link, pause: float = 0.0) -> AsyncIterator[list[asyncio.Task[None]]]:
        runs = [asyncio.create_task(self.delivery(link, pause).run()) for link in links]
        await asyncio.sleep(0)
        try:
            yield runs
        finally:
            for run in runs:
                run.cancel()
            await asyncio.wait(runs)

    def delivery(self, link: Link, pause: float = 0.0, stream: Any = None) -> Delivery:
        return Delivery(
            stream or self.hub.subscribe(EventFilter()),
            link,
            names,
            pause_seconds=pause,
            pump=self.pump,
            clock=SystemClock(),
        )


async def test_what_is_told_in_one_turn_of_the_loop_is_one_write_in_the_next() -> None:
    carrying, links = Carrying(), [Link(), Link()]
    async with carrying.to(*links):
        carrying.tell("one")
        carrying.tell("two")
        await asyncio.sleep(0)
        assert [link.written for link in links] == [[["one", "two"]]] * 2
        assert carrying.metrics.events == 4


async def test_what_is_told_before_the_client_was_accepted_is_written_too() -> None:
    carrying, link = Carrying(), Link()
    delivery = carrying.delivery(link)
    carrying.tell("one")
    await asyncio.sleep(0)
    run = asyncio.create_task(delivery.run())
    await wait_until(lambda: link.written)
    assert link.written == [["one"]]
    run.cancel()
    await asyncio.wait([run])


async def test_a_client_that_does_not_read_is_left_out_and_then_catches_up_in_order() -> None:
    carrying, quick, slow = Carrying(), Link(), Link()
    async with carrying.to(quick, slow):
        slow.has_room.clear()
        for name in ("one", "two"):
            carrying.tell(name)
            carrying.quote(f"at {name}")
            await asyncio.sleep(0)
        assert quick.written == [["one", "at one"], ["two", "at two"]]
        assert slow.written == []
        slow.has_room.set()
        await wait_until(lambda: slow.written)
        carrying.tell("three")
        await wait_until(lambda: quick.written[-1] == slow.written[-1] == ["three"])
        assert slow.written == [["one", "two", "at two"], ["three"]]


async def test_a_client_that_left_is_noticed_at_the_next_event() -> None:
    carrying, link = Carrying(), Link()
    async with carrying.to(link) as (run,):
        link.is_lost = True
        carrying.tell("one")
        with pytest.raises(ClientGone):
            await run
        assert carrying.hub.subscribers == 0


async def test_nothing_is_written_for_a_delivery_that_ended_meanwhile() -> None:
    carrying, link = Carrying(), Link()
    async with carrying.to(link) as (run,):
        run.cancel()
        carrying.tell("one")
    assert link.written == []


async def test_a_stream_that_fails_fails_alone() -> None:
    class Failing(Link):
        def write(self, data: bytes) -> None:
            raise OSError(data)

    carrying, failing, link = Carrying(), Failing(), Link()
    async with carrying.to(failing, link) as (failed, _):
        carrying.tell("one")
        with pytest.raises(OSError, match="one"):
            await failed
        carrying.tell("two")
        await asyncio.sleep(0)
        assert link.written == [["one"], ["two"]]


async def test_a_pause_between_writes_gathers_what_comes_meanwhile() -> None:
    carrying, link = Carrying(), Link()
    async with carrying.to(link, pause=0.5):
        carrying.tell("one")
        await wait_until(lambda: link.written)
        for name in ("two", "three"):
            carrying.tell(name)
            for _ in range(10):
                await asyncio.sleep(0)
        await wait_until(lambda: len(link.written) == 2)
        assert link.written == [["one"], ["two", "three"]]


async def test_other_work_comes_between_the_writes_to_very_many_clients() -> None:
    carrying, links = Carrying(), [Link() for _ in range(MOST_PER_TURN + 1)]
    async with carrying.to(*links):
        carrying.tell("one")
        await asyncio.sleep(0)
        assert sum(len(link.written) for link in links) == MOST_PER_TURN
        await asyncio.sleep(0)
        assert all(link.written == [["one"]] for link in links)


async def test_the_streams_of_several_platforms_are_written_together() -> None:
    carrying, other, link = Carrying(), EventHub(), Link()
    parts = [carrying.hub.subscribe(EventFilter()), other.subscribe(EventFilter())]
    run = asyncio.create_task(carrying.delivery(link, stream=JoinedSubscription(parts)).run())
    await asyncio.sleep(0)
    carrying.tell("one")
    other.publish(Event("orderPlaced", "b", {"type": "orderPlaced", "name": "two"}))
    await wait_until(lambda: link.written)
    assert link.written == [["one", "two"]]
    parts[1].end(PlatformError(503, "POOL_CLOSED", "the pool is closing"))
    with pytest.raises(PlatformError, match="closing"):
        await run
    assert (carrying.hub.subscribers, other.subscribers) == (0, 0)


async def test_of_joined_streams_none_stays_open_if_one_cannot_be_opened() -> None:
    class Refusing(JoinedSubscription):
        async def __aenter__(self) -> JoinedSubscription:  # type: ignore[override]  # never returns
            raise PlatformError(503, "POOL_UNREACHABLE", "network: connection refused")

    hub = EventHub()
    joined = JoinedSubscription([hub.subscribe(EventFilter()), Refusing([])])
    with pytest.raises(PlatformError, match="refused"):
        await joined.next_batch()
    assert hub.subscribers == 0
