"""Events and the queues of their subscribers: one object per event, encoded once, shared by all.

Two kinds. A *change* (a position opened, an order cancelled, a reconnect) carries ``seq``, which
counts up by one per account within an ``epoch``, and is never dropped: a subscriber that cannot
keep up is closed with SlowConsumer and reconciles. A *level* (a price, a profit that moved)
carries no ``seq``; only the newest per key matters, so it replaces one that still waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, Self

import msgspec

from fxpool.errors import SlowConsumer
from fxpool.mapping.instants import iso, ms_from_instant
from fxpool.platforms.pace import MONEY_LEVELS, Pace

MAX_WAITING_CHANGES: Final = 10_000
"""How many changes may wait for a subscriber before it is closed as too slow."""

HEARTBEAT: Final = "heartbeat"

GAP: Final = "gap"
"""The event that says that changes were missed; whoever wants any changes must hear it."""

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
    """Which events a subscriber wants; None means all.

    Attributes:
        account_ms: the least milliseconds between two tellings of how results and the equity moved
            with prices; 0 for the usual pace. Changes are told at once in any case.
    """

    accounts: frozenset[str] | None = None
    symbols: frozenset[str] | None = None
    types: frozenset[str] | None = None
    account_ms: int = 0

    def wants(self, event: Event) -> bool:
        """Whether an event passes. The symbol filter lets events without a symbol through."""
        return (
            (self.accounts is None or event.account in self.accounts)
            and (self.types is None or event.type in self.types or event.type == GAP)
            and (self.symbols is None or event.symbol is None or event.symbol in self.symbols)
        )


@dataclass(frozen=True, slots=True)
class Numbering:
    """How far the changes are numbered now: the epoch, and the last number per account, the account
    with the newest change last."""

    epoch: str = ""
    sequences: Mapping[str, int] = field(default_factory=dict)


class Feed(Protocol):
    """What subscribers that hear the same get it from."""

    def settle(self) -> None:
        """Queue what was published so far."""
        ...

    def add(self, subscription: EventSubscription) -> None:
        """Queue for a subscriber what is published from now on."""
        ...

    def follow(self, subscription: EventSubscription, leader: EventSubscription) -> None:
        """Queue for ``leader`` alone what both would get."""
        ...

    def part(self, subscription: EventSubscription) -> None:
        """Queue for both again, and what waits in the leader's queue too; nothing to do if it
        follows nobody."""
        ...


class EventSubscription:
    """One consumer's queue: in order of time, changes whole, levels only the newest per key.

    Attributes:
        wake: tells the consumer that something is ready.
    """

    __slots__ = (
        "_batch",
        "_changes",
        "_detach",
        "_ended",
        "_feed",
        "_max_waiting",
        "_numbering",
        "_pace",
        "_waiting",
        "wake",
        "wanted",
    )

    def __init__(
        self,
        wanted: EventFilter,
        detach: Callable[[EventSubscription], None],
        *,
        numbering: Callable[[], Numbering] = Numbering,
        max_waiting: int = MAX_WAITING_CHANGES,
    ) -> None:
        """``detach`` is called when the stream ends; ``numbering`` tells what heartbeats tell."""
        self.wanted = wanted
        self._numbering = numbering
        self._detach = detach
        self._max_waiting = max_waiting
        self._batch: tuple[Event, ...] = ()  # what came as a batch, if nothing else waits
        self._waiting: dict[object, Event] = {}  # by level key, or by the change itself
        self._changes = 0
        self._feed: Feed | None = None
        self.wake: Callable[[], None] = _nothing
        self._ended: Exception | None = None
        self._pace = Pace(wanted.account_ms, self._put_levels) if wanted.account_ms else None

    def offer(self, event: Event) -> None:
        """Queue an event if it is wanted; never waits."""
        if self.wanted.wants(event):
            self.put(event)

    def put(self, event: Event) -> None:
        """Queue an event that is wanted; never waits."""
        if self._ended is not None:
            return
        self._open_batch()
        key, waiting = event.level_key, self._waiting
        if key is None:
            self._put_change(event)
        elif self._pace is not None and event.type in MONEY_LEVELS:
            self._pace.hold(event)
        else:
            if not waiting:
                self.wake()
            elif key in waiting:
                del waiting[key]  # the newest goes behind what came meanwhile
            waiting[key] = event

    def extend(self, batch: tuple[Event, ...], changes: int) -> None:
        """Queue wanted events, so many changes among them and each level once, that nobody alters;
        the consumer knows that something is ready."""
        is_behind = self._batch or self._waiting or changes > self._max_waiting
        if is_behind or self._pace is not None:
            for event in batch:
                self.put(event)
        elif self._ended is None:
            self._batch, self._changes = batch, changes

    def feed_from(self, feed: Feed) -> None:
        """Have ``feed`` settled before anything is taken."""
        self._feed = feed

    def shared(self) -> Self | None:
        """Return this if one queue may serve it and others, else None: for an own pace."""
        return None if self._feed is None or self._pace is not None else self

    @property
    def kind(self) -> Hashable:
        """Equal for those that hear the same and have the same bound."""
        return self._feed, self._max_waiting

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be taken, its end neither."""
        self._settle()
        return not (self._waiting or self._batch) and self._ended is None

    def leader(self) -> EventSubscription:
        """Return a queue of the same from here on, for this one and its like to follow."""
        leader = EventSubscription(
            self.wanted, self._detach, numbering=self._numbering, max_waiting=self._max_waiting
        )
        if self._feed is not None:
            self._feed.add(leader)
        return leader

    def follow(self, leader: EventSubscription) -> None:
        """Queue nothing until it parts: ``leader`` takes for it. Both are idle."""
        if self._feed is not None:
            self._feed.follow(self, leader)

    def part(self) -> None:
        """Go on alone, with what the leader has waiting; its consumer looks for it itself."""
        if self._feed is not None:
            self._feed.part(self)

    def copy_to(self, other: EventSubscription) -> None:
        """Queue in another what waits here."""
        other.extend(tuple(self._waiting.values()) or self._batch, self._changes)

    def close(self) -> None:
        """Hear nothing more."""
        if self._pace is not None:
            self._pace.close()
        self._detach(self)

    def _settle(self) -> None:
        if self._feed is not None:
            self._feed.settle()

    def _put_change(self, event: Event) -> None:
        if self._changes >= self._max_waiting:
            self.end(SlowConsumer(f"{self._changes} events were waiting; subscribe again"))
            return
        if not self._waiting:
            self.wake()
        self._changes += 1
        self._waiting[event] = event
        if self._pace is not None:
            self._pace.overtake(event)

    def _open_batch(self) -> None:
        """Have what waits in one place; what comes now goes behind it."""
        if self._batch:
            self._waiting = {event.level_key or event: event for event in self._batch}
            self._batch = ()

    def _put_levels(self, events: Iterable[Event]) -> None:
        self._open_batch()
        for event in events:
            self._waiting.pop(event.level_key, None)
            self._waiting[event.level_key] = event
        self.wake()

    def lead(self, events: Iterable[Event]) -> None:
        """Queue what the stream begins with, before all else and whatever its filter says."""
        self._open_batch()
        self._waiting = {event: event for event in events} | self._waiting
        self.wake()

    def beat(self, at: datetime) -> None:
        """Queue a heartbeat, behind all changes that it tells of.

        It tells the number of the last change of each account, so that a consumer knows that it
        has heard all of them, and the id of the newest, so that it can go on from here. One that
        follows parts, for it alone is told.
        """
        self._settle()
        self.part()
        if self._ended is not None:
            return
        now, accounts = self._numbering(), self.wanted.accounts
        told = {
            account: number
            for account, number in now.sequences.items()
            if accounts is None or account in accounts
        }
        body = {
            "type": HEARTBEAT,
            "epoch": now.epoch,
            "sequences": told,
            "ts": ms_from_instant(at),
            "timestamp": iso(at),
        }
        if told:
            newest = next(reversed(told))
            body["lastEventId"] = f"{newest}:{now.epoch}:{told[newest]}"
        self._open_batch()
        self._waiting.pop(HEARTBEAT, None)
        self._waiting[HEARTBEAT] = Event(HEARTBEAT, "", body)
        self.wake()

    def end(self, error: Exception) -> None:
        """End the stream: what is queued is dropped, the consumer gets ``error``."""
        self._ended = error
        if self._pace is not None:
            self._pace.close()
        self._waiting.clear()
        self._batch = ()
        self.wake()
        self._detach(self)

    def on_ready(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when something is ready or the stream ended, at once if that is so; for a
        consumer that calls ``take`` instead of waiting."""
        self.wake = wake
        self._settle()
        if self._waiting or self._batch or self._ended is not None:
            wake()

    def take(self) -> tuple[Event, ...]:
        """Return all that are ready, oldest first, possibly none.

        Raises the error that ended the stream.
        """
        self._settle()
        if self._waiting:
            batch = tuple(self._waiting.values())
            self._waiting.clear()
        else:
            batch, self._batch = self._batch, ()
        self._changes = 0
        if not batch and self._ended is not None:
            raise self._ended
        return batch

    async def next_batch(self) -> list[Event]:
        """Wait for at least one event; return all that are ready, oldest first.

        Raises the error that ended the stream.
        """
        while not (batch := self.take()):
            ready = asyncio.Event()  # made here: a consumer that calls ``take`` needs none
            self.wake = ready.set
            await ready.wait()
        return list(batch)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            for event in await self.next_batch():
                yield event


def _nothing() -> None:
    """A queue that nobody waits for has nobody to wake."""
