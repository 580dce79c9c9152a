"""What the journal stores in one transaction. Decides nothing about orders."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final

from sqlalchemy import Connection

from fxpool.domain.tickets import Entry, Ticket, TicketKind, received
from fxpool.store.rows import instant, row_of
from fxpool.store.statements import (
    FREED_KEYS,
    GONE_TICKETS,
    LOGGED_TICKETS,
    NEW_TICKETS,
    STEPS,
    claim,
    step_of,
)

_EPOCH: Final = instant(0)
_PROBE: Final = {"probe": "x" * 20_000}

Waiting = tuple[Entry, "asyncio.Future[bool]"]
"""An entry, and who waits for it: whether it got its key."""


@dataclass(slots=True)
class Step:
    """A stored ticket's newer state that is to be written."""

    ticket: Ticket
    frees_key: bool
    done: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for it, or for its key."""
        return self.frees_key or bool(self.done)


@dataclass(frozen=True, slots=True)
class Logged:
    """A ticket that is durable in the intent log, on a page of it."""

    ticket: Ticket
    page: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries that wait for this, tickets of the intent log, and steps of tickets."""

    entries: list[Waiting]
    logged: Mapping[str, Logged]
    steps: Mapping[str, Step]

    def __bool__(self) -> bool:
        return bool(self.entries or self.logged or self.steps)

    def store(self, connection: Connection, now_ms: int) -> list[bool]:
        """Store it; return which entries got their key."""
        verdicts = [claim(connection, entry, now_ms) for entry, _ in self.entries]
        pairs = zip(self.entries, verdicts, strict=True)
        rows = [row_of(entry.ticket) for (entry, _), is_ours in pairs if is_ours]
        if rows:
            NEW_TICKETS.run(connection, rows)
        if self.logged:
            newest = {i: self.steps.get(i, logged) for i, logged in self.logged.items()}
            LOGGED_TICKETS.run(connection, [row_of(each.ticket) for each in newest.values()])
        steps = [step_of(step.ticket) for i, step in self.steps.items() if i not in self.logged]
        if steps:
            STEPS.run(connection, steps)
        freed = [{"of_ticket": i} for i, step in self.steps.items() if step.frees_key]
        if freed:
            FREED_KEYS.run(connection, freed)
        return verdicts


def probe(connection: Connection) -> None:
    """Write as much as orders need and take it back: on a full disk a transaction of nothing
    succeeds, and the journal would call itself well until the next order."""
    filler = received(f"probe-{token_hex(16)}", "", TicketKind.PLACE, _EPOCH, intent=_PROBE)
    NEW_TICKETS.run(connection, [row_of(filler)])
    GONE_TICKETS.run(connection, [{"of_ticket": filler.ticket_id}])
