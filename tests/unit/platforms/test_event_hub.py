from __future__ import annotations

import json

import pytest

from fxpool.errors import SlowConsumer
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.events import Event, EventFilter

EVERYTHING = EventFilter()


def change(account: str = "a", kind: str = "orderPlaced") -> Event:
    return Event(kind, account, {"type": kind, "accountId": account})


def price(bid: float, symbol: str = "EURUSD") -> Event:
    body = {"type": "price", "accountId": "a", "symbol": symbol, "bid": bid}
    return Event("price", "a", body, symbol=symbol, level_key=("price", "a", symbol))


async def test_changes_are_numbered_per_account_without_gaps() -> None:
    hub = EventHub()
    subscription = hub.subscribe(EVERYTHING)
    for account in ("a", "b", "a", "a"):
        hub.publish(change(account))

    batch = await subscription.next_batch()

    assert [(event.account, event.body["seq"]) for event in batch] == [
        ("a", 1),
        ("b", 1),
        ("a", 2),
        ("a", 3),
    ]


async def test_a_snapshot_comes_first_and_carries_the_number_of_the_last_change() -> None:
    hub = EventHub()
    hub.publish(change())
    hub.publish(change())
    subscription = hub.subscribe(EVERYTHING, [change(kind="snapshot")])
    hub.publish(change())

    snapshot, first = await subscription.next_batch()

    assert (snapshot.type, snapshot.body["seq"]) == ("snapshot", 2)
    assert first.body["seq"] == 3


async def test_only_the_newest_level_waits_and_it_keeps_its_place_in_time() -> None:
    hub = EventHub()
    subscription = hub.subscribe(EVERYTHING)
    hub.publish(price(1.1))
    hub.publish(change())
    hub.publish(price(1.2))
    hub.publish(price(1.5, "GBPUSD"))

    batch = await subscription.next_batch()

    assert [event.body.get("bid", event.type) for event in batch] == ["orderPlaced", 1.2, 1.5]
    assert "seq" not in batch[1].body


async def test_a_consumer_that_falls_behind_is_ended_with_a_reason_not_thinned_out() -> None:
    hub = EventHub()
    subscription = hub.subscribe(EVERYTHING, max_waiting=3)
    for _ in range(4):
        hub.publish(change())

    with pytest.raises(SlowConsumer):
        await subscription.next_batch()
    assert hub.subscribers == 0


async def test_filters_let_through_what_was_asked_for() -> None:
    hub = EventHub()
    prices = hub.subscribe(EventFilter(types=frozenset({"price"}), symbols=frozenset({"EURUSD"})))
    other = hub.subscribe(EventFilter(accounts=frozenset({"b"})))
    hub.publish(price(1.5, "GBPUSD"))
    hub.publish(price(1.1))
    hub.publish(change("b"))

    assert [event.symbol for event in await prices.next_batch()] == ["EURUSD"]
    assert [event.account for event in await other.next_batch()] == ["b"]


async def test_a_closed_subscription_costs_nothing() -> None:
    hub = EventHub()
    async with hub.subscribe(EVERYTHING):
        assert hub.wants_levels()
    assert not hub.wants_levels()


def test_an_event_is_encoded_once_and_its_bytes_are_shared() -> None:
    event = price(1.25)
    assert event.encoded is event.encoded
    assert json.loads(event.encoded)["bid"] == 1.25
