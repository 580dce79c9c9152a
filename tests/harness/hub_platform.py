"""A platform that has events and nothing else: for tests of what carries them."""

from __future__ import annotations

from typing import Any

from fxpool.platforms.base import Platform, Subscription
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import Event, EventFilter, EventSubscription


class HubPlatform(Platform):
    """Streams what a test publishes; the snapshot of account ``a`` comes first."""

    def __init__(self, max_waiting: int = 10_000) -> None:
        self.hub = EventHub()
        self._max_waiting = max_waiting
        self._given: list[EventSubscription] = []

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> Subscription:
        if resume is not None:
            resumed = self.hub.resume(wanted or EventFilter(), resume)
            if resumed is not None:
                return resumed
        snapshot = Event("snapshot", "a", {"type": "snapshot", "accountId": "a"})
        self._given.append(
            self.hub.subscribe(wanted or EventFilter(), [snapshot], max_waiting=self._max_waiting)
        )
        return self._given[-1]

    def end(self, error: Exception) -> None:
        """End the streams that began with a snapshot."""
        for subscription in self._given:
            subscription.end(error)

    def change(self, type_: str = "positionOpened", **body: Any) -> None:
        self.hub.publish(Event(type_, "a", {"type": type_, "accountId": "a", **body}))

    def quote(self, symbol: str, bid: float) -> None:
        body = {"type": "price", "accountId": "a", "symbol": symbol, "bid": bid}
        self.hub.publish(Event("price", "a", body, symbol=symbol, level_key=("price", symbol)))
