"""How often a subscriber hears what moves with prices."""

from __future__ import annotations

import asyncio
from typing import Any

from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.events import Event, EventFilter, EventSubscription

SLOW = EventFilter(account_ms=150)


def profit(value: float, position: str = "5") -> Event:
    body = {"type": "positionUpdate", "positionId": position, "profit": value}
    return Event("positionUpdate", "alpha", body, level_key=("position", "alpha", position))


def equity(value: float) -> Event:
    body = {"type": "accountUpdated", "equity": value}
    return Event("accountUpdated", "alpha", body, level_key=("account", "alpha"))


def change(kind: str, **body: Any) -> Event:
    return Event(kind, "alpha", {"type": kind} | body)


async def batch(stream: EventSubscription, within: float = 2.0) -> list[dict[str, Any]]:
    async with asyncio.timeout(within):
        return [event.body for event in await stream.next_batch()]


async def test_the_first_is_told_at_once_and_then_the_newest_once_per_interval() -> None:
    hub, loop = EventHub(), asyncio.get_running_loop()
    async with hub.subscribe(SLOW) as stream:
        hub.publish(profit(1))
        hub.publish(equity(101))
        assert [event.get("profit", event.get("equity")) for event in await batch(stream)] == [
            1,
            101,
        ]
        began = loop.time()
        for value in range(2, 9):
            hub.publish(profit(value))
        hub.publish(equity(108))
        found = await batch(stream)
        assert [event.get("profit", event.get("equity")) for event in found] == [8, 108]
        assert loop.time() - began > 0.1


async def test_changes_and_prices_keep_their_own_pace() -> None:
    hub = EventHub()
    async with hub.subscribe(SLOW) as stream:
        hub.publish(profit(1))
        await batch(stream)
        hub.publish(profit(2))
        hub.publish(change("orderPlaced", orderId="7"))
        hub.publish(Event("price", "alpha", {"type": "price"}, level_key=("price", "alpha", "E")))
        assert [event["type"] for event in await batch(stream, 0.1)] == ["orderPlaced", "price"]


async def test_a_result_that_waits_is_not_told_after_its_position_closed() -> None:
    hub = EventHub()
    async with hub.subscribe(SLOW) as stream:
        hub.publish(profit(1))
        await batch(stream)
        hub.publish(profit(2))
        hub.publish(profit(9, "6"))
        hub.publish(equity(108))
        hub.publish(change("positionClosed", positionId="5"))
        hub.publish(change("accountUpdated"))
        told = [event["type"] for event in await batch(stream, 0.1)]
        assert told == ["positionClosed", "accountUpdated"]
        assert [event["positionId"] for event in await batch(stream)] == ["6"]


async def test_others_are_not_slowed_by_one_that_is() -> None:
    hub = EventHub()
    async with hub.subscribe(SLOW) as slow, hub.subscribe(EventFilter()) as fast:
        hub.publish(profit(1))
        await batch(slow)
        await batch(fast)
        hub.publish(profit(2))
        assert len(await batch(fast, 0.1)) == 1
    assert hub.subscribers == 0
