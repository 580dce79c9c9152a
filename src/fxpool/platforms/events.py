"""Events and their fan-out: one object per event, encoded once, shared by every subscriber.

Two kinds. A *change* (a position opened, an order cancelled, a reconnect)
carries ``seq``, which counts up by one per account, and is never dropped: a subscriber that cannot
keep up is closed with SlowConsumer and reconciles. A *level* (a price, a profit that moved)
carries no ``seq``; only the newest per key matters, so it replaces one that still waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec

from fxpool.errors import SlowConsumer

MAX_WAITING_CHANGES: Final = 10_000

_encode = msgspec.json.Encoder().encode


class Event:
    """One event. ``body`` is the JSON object as callers see it; treat it as read-only.

    Attributes:
        type: ``price``, ``positionOpened`` …
        account: the account's key.
        symbol: the MetaTrader name it is about, or None.
        level_key: what a newer level replaces, None for changes.
    """

    __slots__ = ("_encoded", "account", "body", "level_key", "symbol", "type")

    def __init__(
        self,
        type: str,  # noqa: A002 (the wire's own word)
        account: str,
        body: dict[str, Any],
        *,
        symbol: str | None = None,
        level_key: tuple[str, ...] | None = None,
    ) -> None:
        self.type, self.account, self.body = type, account, body
        self.symbol, self.level_key = symbol, level_key
        self._encoded: bytes | None = None

    @property
    def encoded(self) -> bytes:
        """The event as JSON, encoded at most once."""
        encoded = self._encoded
        if encoded is None:
            encoded = self._encoded = _encode(self.body)
        return encoded

    def __repr__(self) -> str:
        return f"Event({self.type!r}, {self.account!r}, {self.body!r})"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events a subscriber wants; None means all."""

    accounts: frozenset[str] | None = None
    symbols: frozenset[str] | None = None
    types: frozenset[str] | None = None

    def wants(self, event: Event) -> bool:
        """Whether an event passes. The symbol filter lets events without a symbol through."""
        return (
            (self.accounts is None or event.account in self.accounts)
            and (self.types is None or event.type in self.types)
            and (self.symbols is None or event.symbol is None or event.symbol in self.symbols)
        )


class EventSubscription:
    """One consumer's queue: in order of time, changes whole, levels only the newest per key."""

    def __init__(
        self,
        wanted: EventFilter,
        detach: Callable[[EventSubscription], None],
        *,
        max_waiting: int = MAX_WAITING_CHANGES,
    ) -> None:
        self.wanted = wanted
        self._detach = detach
        self._max_waiting = max_waiting
        self._waiting: dict[object, Event] = {}  # by level key, or by the change itself
        self._changes = 0
        self._ready = asyncio.Event()
        self._ended: Exception | None = None

    def offer(self, event: Event) -> None:
        """Queue an event; called by the hub, never waits."""
        if self._ended is not None or not self.wanted.wants(event):
            return
        if event.level_key is not None:
            self._waiting.pop(event.level_key, None)
            self._waiting[event.level_key] = event
        elif self._changes >= self._max_waiting:
            self.end(SlowConsumer(f"{self._changes} events were waiting; subscribe again"))
        else:
            self._changes += 1
            self._waiting[event] = event
        if not self._ready.is_set():
            self._ready.set()

    def end(self, error: Exception) -> None:
        """End the stream: what is queued is dropped, the consumer gets ``error``."""
        self._ended = error
        self._waiting.clear()
        self._ready.set()
        self._detach(self)

    async def next_batch(self) -> list[Event]:
        """Wait for at least one event; return all that are ready, oldest first.

        Raises the error that ended the stream.
        """
        while not self._waiting:
            if self._ended is not None:
                raise self._ended
            self._ready.clear()
            await self._ready.wait()
        batch = list(self._waiting.values())
        self._waiting.clear()
        self._changes = 0
        return batch

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._detach(self)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            for event in await self.next_batch():
                yield event


class EventHub:
    """Hands every event to every subscriber that wants it, and numbers the changes per account."""

    def __init__(self) -> None:
        self._subscriptions: set[EventSubscription] = set()
        self._sequence: dict[str, int] = {}

    @property
    def subscribers(self) -> int:
        return len(self._subscriptions)

    def sequence(self, account: str) -> int:
        """The number of the account's last change; 0 before the first."""
        return self._sequence.get(account, 0)

    def wants_levels(self) -> bool:
        """Whether anybody listens, so that building a price event is worth it."""
        return bool(self._subscriptions)

    def publish(self, event: Event) -> None:
        """Number a change and hand it on. Never waits."""
        if event.level_key is None:
            number = self.sequence(event.account) + 1
            self._sequence[event.account] = number
            event.body["seq"] = number
        for subscription in tuple(self._subscriptions):
            subscription.offer(event)

    def subscribe(
        self, wanted: EventFilter, snapshots: Iterable[Event] = (), **options: int
    ) -> EventSubscription:
        """Return a subscription that begins with ``snapshots``; they carry the present ``seq``."""
        subscription = EventSubscription(wanted, self._subscriptions.discard, **options)
        for snapshot in snapshots:
            snapshot.body["seq"] = self.sequence(snapshot.account)
            subscription.offer(snapshot)
        self._subscriptions.add(subscription)
        return subscription
