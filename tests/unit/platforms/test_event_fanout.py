"""Who hears an event, as subscribers come and go."""

from __future__ import annotations

from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.events import Event, EventFilter, EventSubscription


def _quote(symbol: str) -> Event:
    return Event("price", "a", {"type": "price"}, symbol=symbol, level_key=("price", symbol))


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


async def test_the_newest_quote_goes_behind_what_came_meanwhile() -> None:
    hub = EventHub()
    subscription = hub.subscribe(EventFilter())
    for symbol in ("EURUSD", "XAUUSD", "EURUSD"):
        hub.publish(_quote(symbol))
    assert await _heard(subscription) == ["XAUUSD", "EURUSD"]
