"""Clients that stand in rows: each is sent what it would be sent alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest

from fxpool.clock import SystemClock
from fxpool.errors import SlowConsumer
from fxpool.gateway.delivery import Delivery, Pump
from fxpool.gateway.event_links import ClientGone
from fxpool.gateway.metrics import Metrics
from fxpool.gateway.rows import MOST_IN_ROW
from fxpool.platforms.base import PlatformError, Subscription
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.events import HEARTBEAT, Event, EventFilter, EventSubscription
from fxpool.platforms.joined_subscription import JoinedSubscription
from harness.wait import wait_until

AT = datetime(2026, 1, 5, tzinfo=UTC)


class Link:
    """A client that reads while ``has_room`` is set, and fails when it is told to."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.writes = 0
        self.has_room = asyncio.Event()
        self.has_room.set()
        self.failure: Exception | None = None

    @property
    def can_write(self) -> bool:
        return self.has_room.is_set()

    def write(self, data: bytes) -> None:
        assert self.can_write
        if self.failure is not None:
            raise self.failure
        self.told += msgspec.json.decode(data)
        self.writes += 1

    async def drain(self) -> None:
        await self.has_room.wait()


def names(events: Sequence[Event]) -> bytes:
    return msgspec.json.encode([event.body.get("name", event.type) for event in events])


def loud_names(events: Sequence[Event]) -> bytes:
    return msgspec.json.encode([str(event.body["name"]).upper() for event in events])


class Carrying:
    """Deliveries of one hub's events to links; the streams of all are equal."""

    def __init__(self) -> None:
        self.hub, self.metrics = EventHub(), Metrics()
        self.pump = Pump(self.metrics)
        self.streams: dict[Link, Subscription] = {}
        self.runs: dict[Link, asyncio.Task[None]] = {}

    async def tell(self, *told: object) -> None:
        for name in told:
            self.publish(name)
        await asyncio.sleep(0)

    def publish(self, name: object) -> None:
        self.hub.publish(Event("orderPlaced", "a", {"type": "orderPlaced", "name": name}))

    def open(self, link: Link, stream: Subscription, form: object = names) -> None:
        self.streams[link] = stream
        carrying = Delivery(
            stream,
            link,
            form,  # type: ignore[arg-type]  # a test's own form
            pause_seconds=0.0,
            pump=self.pump,
            clock=SystemClock(),
        )
        self.runs[link] = asyncio.create_task(carrying.run())

    async def close(self) -> None:
        for run in self.runs.values():
            run.cancel()
        await asyncio.wait(self.runs.values())


@asynccontextmanager
async def row_of(
    *links: Link,
    stream: Callable[[EventHub], Subscription] = lambda hub: hub.subscribe(EventFilter()),
) -> AsyncIterator[Carrying]:
    """Clients that were told "first", and so stand in rows."""
    carrying = Carrying()
    for link in links:
        carrying.open(link, stream(carrying.hub))
    await asyncio.sleep(0)
    await carrying.tell("first")
    await wait_until(lambda: all(link.told == ["first"] for link in links))
    yield carrying
    await carrying.close()
    assert carrying.hub.subscribers == 0
    assert not carrying.hub.wants_levels()


async def test_a_row_is_told_each_event_once() -> None:
    links = [Link() for _ in range(3)]
    async with row_of(*links) as carrying:
        await carrying.tell("one", "two")
        await carrying.tell("three")
        assert [link.told for link in links] == [["first", "one", "two", "three"]] * 3
        assert [link.writes for link in links] == [3] * 3
        assert carrying.metrics.events == 12
        assert carrying.hub.subscribers == 3


async def test_one_that_does_not_read_leaves_the_row_and_comes_back_with_all_heard() -> None:
    quick, slow = Link(), Link()
    async with row_of(quick, slow) as carrying:
        slow.has_room.clear()
        await carrying.tell("one")
        await carrying.tell("two")
        assert (quick.told, slow.told) == (["first", "one", "two"], ["first"])
        slow.has_room.set()
        await wait_until(lambda: slow.told == quick.told)
        for name in ("three", "four"):
            await carrying.tell(name)
            assert slow.told == quick.told
        assert slow.told == ["first", "one", "two", "three", "four"]


async def test_a_heartbeat_to_one_comes_behind_what_its_row_has_yet_to_be_told() -> None:
    beaten, other = Link(), Link()
    async with row_of(beaten, other) as carrying:
        carrying.publish("one")
        carrying.streams[beaten].beat(AT)
        await carrying.tell("two")
        assert beaten.told == ["first", "one", HEARTBEAT, "two"]
        assert other.told == ["first", "one", "two"]
        await carrying.tell("three")
        assert beaten.told[-1] == other.told[-1] == "three"


async def test_a_client_that_fails_leaves_the_others_in_the_row() -> None:
    failing, other = Link(), Link()
    async with row_of(failing, other) as carrying:
        failing.failure = OSError("gone")
        await carrying.tell("one")
        with pytest.raises(OSError, match="gone"):
            await carrying.runs[failing]
        await carrying.tell("two")
        assert other.told == ["first", "one", "two"]
        assert carrying.hub.subscribers == 1


async def test_an_event_that_cannot_be_encoded_ends_the_streams_of_its_row_alone() -> None:
    failing, other = [Link(), Link()], Link()
    async with row_of(*failing) as carrying:
        carrying.open(other, carrying.hub.subscribe(EventFilter()), loud_names)
        body = {"type": "price", "name": object()}
        carrying.hub.publish(Event("price", "a", body, level_key=("price", "a")))
        await carrying.tell()
        for link in failing:
            with pytest.raises(TypeError):
                await carrying.runs[link]
        assert len(other.told) == 1


async def test_the_end_of_one_stream_is_its_own() -> None:
    ended, other = Link(), Link()
    async with row_of(ended, other) as carrying:
        stream = carrying.streams[ended]
        assert isinstance(stream, EventSubscription)
        carrying.publish("one")
        stream.end(PlatformError(503, "POOL_CLOSED", "the pool is closing"))
        with pytest.raises(PlatformError, match="closing"):
            await carrying.runs[ended]
        await carrying.tell("two")
        assert other.told == ["first", "one", "two"]


async def test_too_much_in_one_turn_of_the_loop_ends_every_stream_of_the_row() -> None:
    links = [Link(), Link()]
    async with row_of(
        *links, stream=lambda hub: hub.subscribe(EventFilter(), max_waiting=3)
    ) as carrying:
        await carrying.tell(*range(4))
        for link in links:
            with pytest.raises(SlowConsumer):
                await carrying.runs[link]


async def test_more_clients_than_a_row_has_places_are_told_in_turns_of_the_loop() -> None:
    links = [Link() for _ in range(2 * MOST_IN_ROW + 1)]
    async with row_of(*links) as carrying:
        for count, name in enumerate(("one", "two"), 2):
            await carrying.tell(name)
            assert sum(link.writes for link in links) == len(links) * (count - 1) + MOST_IN_ROW
            await wait_until(lambda count=count: all(link.writes == count for link in links))
        assert all(link.told == ["first", "one", "two"] for link in links)


async def test_a_client_that_was_told_more_than_a_row_does_not_join_it() -> None:
    links = [Link() for _ in range(MOST_IN_ROW + 1)]
    async with row_of(*links) as carrying:
        for link in links[:MOST_IN_ROW]:  # their turn comes before that of the last one's row
            carrying.streams[link].beat(AT)
        for name in ("one", "two"):
            await carrying.tell(name)
            await wait_until(lambda name=name: all(link.told[-1] == name for link in links))
        assert all(_changes(link) == ["first", "one", "two"] for link in links)


async def test_clients_with_another_form_or_filter_stand_in_other_rows() -> None:
    plain, loud, choosy = Link(), Link(), Link()
    async with row_of(plain) as carrying:
        carrying.open(loud, carrying.hub.subscribe(EventFilter()), loud_names)
        carrying.open(choosy, carrying.hub.subscribe(EventFilter(types=frozenset({"price"}))))
        for name in ("one", "two"):
            await carrying.tell(name)
        assert plain.told == ["first", "one", "two"]
        assert loud.told == ["ONE", "TWO"]
        assert choosy.told == []


async def test_joined_streams_stand_in_a_row_too_and_part_as_one() -> None:
    links, other = [Link(), Link()], EventHub()
    async with row_of(
        *links,
        stream=lambda hub: JoinedSubscription(
            [hub.subscribe(EventFilter()), other.subscribe(EventFilter())]
        ),
    ) as carrying:
        other.publish(Event("orderPlaced", "b", {"type": "orderPlaced", "name": "other"}))
        await carrying.tell("one")
        assert [link.told for link in links] == [["first", "one", "other"]] * 2
        carrying.publish("two")
        carrying.streams[links[0]].beat(AT)
        await carrying.tell()
        assert links[0].told[3:] == ["two", HEARTBEAT, HEARTBEAT]
        assert links[1].told[3:] == ["two"]
        other.publish(Event("orderPlaced", "b", {"type": "orderPlaced", "name": "last"}))
        await carrying.tell()
        assert [link.told[-1] for link in links] == ["last", "last"]
    assert other.subscribers == 0


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_happens_every_client_is_told_every_change_once_and_in_order(
    seed: int,
) -> None:
    chance, links = random.Random(seed), [Link() for _ in range(5)]
    async with row_of(*links) as carrying:
        published = ["first"]
        for number in range(300):
            link, drawn = chance.choice(links), chance.random()
            if drawn < 0.5:
                published.append(str(number))
                carrying.publish(published[-1])
            elif drawn < 0.6:
                link.has_room.clear()
            elif drawn < 0.75:
                link.has_room.set()
            elif drawn < 0.85:
                carrying.streams[link].beat(AT)
            else:
                await asyncio.sleep(0)
        for link in links:
            link.has_room.set()
        for link in links:
            await wait_until(lambda link=link: _changes(link)[-1:] == published[-1:])
            assert _changes(link) == published


async def test_a_client_that_leaves_takes_nothing_from_its_row() -> None:
    class Leaving(Link):
        async def drain(self) -> None:
            raise ClientGone

    leaving, other = Leaving(), Link()
    async with row_of(leaving, other) as carrying:
        leaving.has_room.clear()
        await carrying.tell("one")
        with pytest.raises(ClientGone):
            await carrying.runs[leaving]
        await carrying.tell("two")
        assert other.told == ["first", "one", "two"]


def _changes(link: Link) -> list[object]:
    return [name for name in link.told if name != HEARTBEAT]
