"""Who hears an event, as subscribers come and go."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fxpool.errors import SlowConsumer
from fxpool.platforms.audience import MOST_UNSETTLED
from fxpool.platforms.base import PlatformError
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.events import Event, EventFilter, EventSubscription


def _quote(symbol: str) -> Event:
    return Event("price", "a", {"type": "price"}, symbol=symbol, level_key=("price", symbol))


def _change() -> Event:
    return Event("orderPlaced", "a", {"type": "orderPlaced"})


async def _heard(subscription: EventSubscription) -> list[str | None]:
    return [event.symbol for event in await subscription.next_batch()]


async def test_a_subscriber_that_comes_later_hears_what_others_heard_before() -> None:
    hub = EventHub()
    first = hub.subscribe(EventFilter())
    hub.publish(_quote("EURUSD"))
    second = hub.subscribe(EventFilter(symbols=frozenset({"EURUSD"})))
    hub.publish(_quote("EURUSD"))
    hub.publish(_quote("XAUUSD"))
    assert await _heard(first) == ["EURUSD", "XAUUSD"]
    assert await _heard(second) == ["EURUSD"]


async def test_a_subscriber_that_left_hears_nothing_more_and_the_others_go_on() -> None:
    hub = EventHub()
    staying = hub.subscribe(EventFilter())
    async with hub.subscribe(EventFilter()) as leaving:
        hub.publish(_quote("EURUSD"))
        assert await _heard(leaving) == ["EURUSD"]
    hub.publish(_quote("XAUUSD"))
    assert hub.subscribers == 1
    assert await _heard(staying) == ["EURUSD", "XAUUSD"]


async def test_a_subscriber_that_comes_meanwhile_hears_only_what_comes_then() -> None:
    hub = EventHub()
    first = hub.subscribe(EventFilter())
    hub.publish(_quote("EURUSD"))
    second = hub.subscribe(EventFilter())
    hub.publish(_quote("XAUUSD"))
    assert await _heard(second) == ["XAUUSD"]
    assert await _heard(first) == ["EURUSD", "XAUUSD"]


async def test_one_that_takes_nothing_hears_all_changes_and_the_newest_quotes_later() -> None:
    hub = EventHub()
    quick, slow = hub.subscribe(EventFilter()), hub.subscribe(EventFilter())
    quotes, changes = [_quote("EURUSD") for _ in range(3)], [_change() for _ in range(3)]
    for quote, change in zip(quotes, changes, strict=True):
        hub.publish(quote)
        hub.publish(change)
        assert await quick.next_batch() == [quote, change]
    assert await slow.next_batch() == [*changes[:2], quotes[2], changes[2]]


async def test_one_that_is_too_far_behind_is_closed_and_the_others_go_on() -> None:
    hub = EventHub()
    quick, slow = hub.subscribe(EventFilter()), hub.subscribe(EventFilter(), max_waiting=2)
    for _ in range(3):
        hub.publish(_change())
        assert len(await quick.next_batch()) == 1
    with pytest.raises(SlowConsumer):
        await slow.next_batch()
    assert hub.subscribers == 1


async def test_where_nobody_takes_anything_the_bound_of_each_still_counts() -> None:
    hub = EventHub()
    hub.subscribe(EventFilter(), max_waiting=MOST_UNSETTLED - 1)
    patient = hub.subscribe(EventFilter())
    for _ in range(MOST_UNSETTLED + 5):
        hub.publish(_change())
    assert hub.subscribers == 1
    assert len(await patient.next_batch()) == MOST_UNSETTLED + 5


async def test_a_heartbeat_comes_behind_the_changes_it_tells_of() -> None:
    hub = EventHub()
    subscription = hub.subscribe(EventFilter())
    hub.publish(_change())
    subscription.beat(datetime.now(UTC))
    hub.publish(_quote("EURUSD"))
    change, heartbeat, quote = await subscription.next_batch()
    assert heartbeat.body["sequences"] == {"a": change.body["seq"]}
    assert quote.symbol == "EURUSD"


async def test_a_consumer_that_is_called_takes_without_waiting() -> None:
    hub, calls = EventHub(), list[int]()
    async with hub.subscribe(EventFilter()) as subscription:
        subscription.on_ready(lambda: calls.append(1))
        assert subscription.take() == ()
        hub.publish(_quote("EURUSD"))
        hub.publish(_quote("XAUUSD"))
        assert calls == [1]
        assert [event.symbol for event in subscription.take()] == ["EURUSD", "XAUUSD"]
        subscription.end(PlatformError(503, "POOL_CLOSED", "the pool is closing"))
        assert calls == [1, 1]
        with pytest.raises(PlatformError, match="closing"):
            subscription.take()


async def test_the_newest_quote_goes_behind_what_came_meanwhile() -> None:
    hub = EventHub()
    subscription = hub.subscribe(EventFilter())
    for symbol in ("EURUSD", "XAUUSD", "EURUSD"):
        hub.publish(_quote(symbol))
    assert await _heard(subscription) == ["XAUUSD", "EURUSD"]
