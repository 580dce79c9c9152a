"""The numbered events of a while ago, and where in them a subscriber left off. Pure.

A position is told with every change (``epoch`` and ``seq``) and written
``<account>:<epoch>:<seq>``, the event's id. Events of all accounts are in one order, so the id of
the last event that a subscriber got stands for all accounts of its stream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, Self

from fxpool.mapping.instants import iso, ms_from_instant
from fxpool.platforms.events import Event

MAX_EVENTS: Final = 5_000
MAX_BYTES: Final = 16 * 2**20
"""What is remembered; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class EventPosition:
    """The place of one change."""

    account: str
    epoch: str
    seq: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read an event id; None if it is none of ours."""
        account, _, rest = text.rpartition(":")
        account, _, epoch = account.rpartition(":")
        is_number = rest.isascii() and rest.isdigit() and len(rest) < 16
        return cls(account, epoch, int(rest)) if account and epoch and is_number else None

    def __str__(self) -> str:
        return f"{self.account}:{self.epoch}:{self.seq}"


@dataclass(frozen=True, slots=True)
class ResumeFrom:
    """Where a subscriber left off: one of the three.

    Attributes:
        last_event_id: as the subscriber told it, possibly nonsense.
        since: when it last heard anything.
        positions: the last change it got, per account; a stream of these accounts only.
    """

    last_event_id: str = ""
    since: datetime | None = None
    positions: Mapping[str, EventPosition] | None = None

    def query(self) -> dict[str, str]:
        """Return how a subscriber says it in an address."""
        if self.positions is not None:
            return {"positions": ",".join(map(str, self.positions.values()))}
        if self.since is not None:
            return {"since": iso(self.since)}
        return {"lastEventId": self.last_event_id}

    def __str__(self) -> str:
        return next(iter(self.query().values()))


class EventRing:
    """The newest changes, within bounds."""

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_events, self._max_bytes = max_events, max_bytes
        self._events: deque[Event] = deque()
        self._first = 0  # the number of the oldest event, counted over all accounts
        self._numbers: dict[EventPosition, int] = {}
        self._bytes = 0

    def append(self, event: Event) -> None:
        """Remember a numbered event; the oldest is forgotten where it would be too much."""
        self._numbers[position_of(event)] = self._first + len(self._events)
        self._events.append(event)
        self._bytes += len(event.encoded)
        while len(self._events) > self._max_events or self._bytes > self._max_bytes:
            oldest = self._events.popleft()
            del self._numbers[position_of(oldest)]
            self._bytes -= len(oldest.encoded)
            self._first += 1

    def after(self, start: ResumeFrom, last: Mapping[str, EventPosition]) -> list[Event] | None:
        """Return what came after a position, oldest first; None if that cannot be told.

        ``last`` is the place of the newest change of each account.
        """
        if start.positions is not None:
            return self._after_each(start.positions, last)
        if start.since is not None:
            return self._since(ms_from_instant(start.since))
        position = EventPosition.parse(start.last_event_id)
        number = None if position is None else self._numbers.get(position)
        return None if number is None else list(self._from(number + 1))

    def _after_each(
        self, positions: Mapping[str, EventPosition], last: Mapping[str, EventPosition]
    ) -> list[Event] | None:
        begins: dict[str, int] = {}
        for account, position in positions.items():
            number = self._numbers.get(position)
            following = EventPosition(account, position.epoch, position.seq + 1)
            if number is not None:
                begins[account] = number + 1
            elif following in self._numbers:
                begins[account] = self._numbers[following]
            elif position == last.get(account, EventPosition(account, position.epoch, -1)):
                begins[account] = self._first + len(self._events)
            else:
                return None
        return [
            event
            for number, event in enumerate(self._events, self._first)
            if number >= begins.get(event.account, number + 1)
        ]

    def _since(self, at_ms: int) -> list[Event] | None:
        """Return what was told at or after an instant, if the memory reaches back before it."""
        if not self._events or self._events[0].body["ts"] >= at_ms:
            return None
        return [event for event in self._events if event.body["ts"] >= at_ms]

    def _from(self, number: int) -> Iterator[Event]:
        return islice(self._events, number - self._first, None)


def position_of(event: Event) -> EventPosition:
    """Return the place of a numbered event."""
    return EventPosition(event.account, event.body["epoch"], event.body["seq"])
