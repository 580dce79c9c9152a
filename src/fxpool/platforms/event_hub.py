"""The fan-out: numbers the changes per account, remembers the newest, hands all to subscribers.

What is remembered lets a subscriber go on where it left off. What the log kept of an earlier life
of this gateway is remembered too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from fxpool.platforms.audience import Audience
from fxpool.platforms.event_ring import EventPosition, EventRing, ResumeFrom, position_of
from fxpool.platforms.events import (
    HEARTBEAT,
    Event,
    EventFilter,
    EventSubscription,
    Numbering,
)
from fxpool.store.event_log import EventLog, LoggedEvent, LoggedPast

_decode = msgspec.json.Decoder(dict[str, object]).decode


class EventHub:
    """Hands every event to every subscriber that wants it, and numbers the changes per account.

    Attributes:
        epoch: names the numbering; another one than before says that the numbers began anew.
    """

    def __init__(self, log: EventLog | None = None) -> None:
        """``log`` takes every change; its owner opens it, gives its past here, and closes it."""
        self._log = log
        self._audiences: dict[EventFilter, Audience] = {}
        self._by_kind: dict[tuple[str, str, str | None], tuple[Audience, ...]] = {}
        self._sequence: dict[str, int] = {}
        self._left: dict[str, str] = {}
        self._ring = EventRing()
        self.epoch = "0"

    def restore(self, past: LoggedPast) -> None:
        """Go on from what a log has; before the first event."""
        self.epoch = past.epoch
        self._sequence.update(past.sequences)
        told = {logged.account for logged in past.events} | past.sequences.keys()
        self._left = dict.fromkeys(told, "") | dict(past.standings)
        for logged in past.events:
            if logged.epoch == past.epoch and logged.account in past.sequences:
                self._sequence[logged.account] = self._sequence.pop(logged.account)
            body = _decode(logged.body)
            symbol = body.get("symbol")
            self._ring.append(
                Event(
                    str(body["type"]),
                    logged.account,
                    body,
                    symbol=None if symbol is None else str(symbol),
                )
            )

    @property
    def subscribers(self) -> int:
        return sum(map(len, self._audiences.values()))

    def sequence(self, account: str) -> int:
        """The number of the account's last change; 0 before the first."""
        return self._sequence.get(account, 0)

    def numbering(self) -> Numbering:
        """How far all accounts are now."""
        return Numbering(self.epoch, self._sequence)

    @property
    def left(self) -> Mapping[str, str]:
        """How the accounts stood that were told of, and are not."""
        return self._left

    def leave(self, account: str, standing: str) -> None:
        """Take note of how an account stands that is not told of from now on."""
        self._left[account] = standing

    def has_moved(self, account: str, standing: str) -> bool:
        """Whether an account, told of from now on, was told of before and did not stand like this
        then, or nobody knows how: what happened meanwhile was told to nobody."""
        return self._left.pop(account, standing) != standing

    def wants_levels(self) -> bool:
        """Whether anybody listens, so that building a price event is worth it."""
        return bool(self._audiences)

    def publish(self, event: Event) -> None:
        """Number a change and hand it on. Never waits."""
        if event.level_key is None:
            self._number(event)
        for audience in self._listeners(event):
            audience.put(event)

    def _listeners(self, event: Event) -> tuple[Audience, ...]:
        """Return who wants such an event; found once for all events of its kind."""
        kind = (event.account, event.type, event.symbol)
        listeners = self._by_kind.get(kind)
        if listeners is None:
            wanting = (each for each in self._audiences.values() if each.wanted.wants(event))
            listeners = self._by_kind[kind] = tuple(wanting)
        return listeners

    def _number(self, event: Event) -> None:
        number = self._sequence.pop(event.account, 0) + 1
        self._sequence[event.account] = number  # now the last: they are in the order of their news
        event.body["epoch"], event.body["seq"] = self.epoch, number
        self._ring.append(event)
        if self._log is not None:
            self._log.append(LoggedEvent(event.account, self.epoch, number, event.encoded))

    def subscribe(
        self, wanted: EventFilter, snapshots: Iterable[Event] = (), **options: int
    ) -> EventSubscription:
        """Return a subscription that begins with ``snapshots``; they carry the present ``seq``."""
        subscription = self._new(wanted, **options)
        for snapshot in snapshots:
            snapshot.body["epoch"] = self.epoch
            snapshot.body["seq"] = self.sequence(snapshot.account)
            subscription.offer(snapshot)
        self._attach(subscription)
        return subscription

    def resume(
        self, wanted: EventFilter, start: ResumeFrom, **options: int
    ) -> EventSubscription | None:
        """Return a subscription that begins with what was missed; None if that is not known."""
        last = {
            account: EventPosition(account, self.epoch, seq)
            for account, seq in self._sequence.items()
        }
        missed = self._ring.after(start, last)
        if missed is None:
            return None
        subscription = self._new(wanted, **options)
        subscription.lead(event for event in missed if wanted.wants(event))
        self._attach(subscription)
        return subscription

    def _new(self, wanted: EventFilter, **options: int) -> EventSubscription:
        return EventSubscription(wanted, self._detach, numbering=self.numbering, **options)

    def _attach(self, subscription: EventSubscription) -> None:
        audience = self._audiences.get(subscription.wanted)
        if audience is None:
            audience = self._audiences[subscription.wanted] = Audience(subscription.wanted)
            self._by_kind.clear()
        audience.add(subscription)

    def _detach(self, subscription: EventSubscription) -> None:
        audience = self._audiences.get(subscription.wanted)
        if audience is not None:
            audience.remove(subscription)
            if not audience:
                del self._audiences[subscription.wanted]
                self._by_kind.clear()


def event_id(event: Event) -> str | None:
    """Return what a subscriber resumes from after this event; None if the event does not say."""
    if "epoch" in event.body and "seq" in event.body:
        return str(position_of(event))
    return event.body.get("lastEventId") if event.type == HEARTBEAT else None
