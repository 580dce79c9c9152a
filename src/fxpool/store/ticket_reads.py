"""What is read of the order journal: its tickets, wherever they are on their way.

A ticket is in the database, or in the intent log of one of the processes that share it, or in both;
its newest steps may be in this process's memory only.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, select
from sqlalchemy.exc import SQLAlchemyError

from fxpool.clock import Clock
from fxpool.domain.tickets import Ticket, TicketKind, TicketState
from fxpool.errors import JournalDown
from fxpool.store.database import Database, reason_of
from fxpool.store.intent_log import logged
from fxpool.store.rows import milliseconds, ticket_of
from fxpool.store.statements import HOLDER, HOLDER_NAMES
from fxpool.store.tables import TICKETS

POLL_SECONDS: Final = 0.1
"""How often a waiter looks for what another process wrote."""

MAX_LISTED: Final = 500


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The ticket that claimed a key last; ``is_free`` says that the next request may claim it."""

    ticket: Ticket
    attempt: int
    is_free: bool


class TicketReads(ABC):
    """The reading half of the journal."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._watchers: dict[str, list[asyncio.Future[None]]] = {}

    @abstractmethod
    def _newest(self, ticket: Ticket) -> Ticket:
        """Return a ticket with its steps that are not written yet."""

    async def holder(self, account: str, key: str) -> KeyHolder | None:
        """Return who claimed a key last, None if nobody did. Raises JournalDown."""
        values = {"of_account": account, "of_key": key}
        async with translated():
            found = await self._database.look(lambda connection: HOLDER.first(connection, values))
        if found is None:
            return None
        row = dict(zip(HOLDER_NAMES, found, strict=True))
        ticket = self._newest(ticket_of(row))
        is_old = row["expires_ms"] <= milliseconds(self._clock.at())
        is_over = is_old and not ticket.state.is_open  # else its order may still be live
        return KeyHolder(ticket, row["attempt"], bool(row["is_free"]) or is_over)

    async def ticket(self, ticket_id: str) -> Ticket | None:
        """Return a ticket, None if there is none. Raises JournalDown."""
        query = select(TICKETS).where(TICKETS.c.ticket_id == ticket_id)
        found = await self._found(query, lambda ticket: ticket.ticket_id == ticket_id)
        return found[0] if found else None

    async def tickets(
        self,
        accounts: Collection[str],
        states: Collection[TicketState] | None = None,
        limit: int = MAX_LISTED,
    ) -> list[Ticket]:
        """Return the tickets of accounts, newest first, ``limit`` at most. Raises JournalDown."""
        query = select(TICKETS).where(TICKETS.c.account.in_(list(accounts)))
        if states is not None:
            query = query.where(TICKETS.c.state.in_([state.value for state in states]))
        newest_first = query.order_by(TICKETS.c.received_ms.desc(), TICKETS.c.ticket_id)
        found = await self._found(
            newest_first.limit(limit), lambda ticket: ticket.account in accounts
        )
        # A step that is not written yet may have led out of the states that were asked for.
        asked = [ticket for ticket in found if states is None or ticket.state in states]
        return sorted(asked, key=lambda ticket: ticket.received_at, reverse=True)[:limit]

    async def closes(self, account: str, since: datetime) -> list[Ticket]:
        """Return the closes of an account that were received since then, of all processes.

        Raises JournalDown.
        """
        since_ms = milliseconds(since)

        def is_asked(ticket: Ticket) -> bool:
            is_close = ticket.account == account and ticket.kind is TicketKind.CLOSE
            return is_close and milliseconds(ticket.received_at) >= since_ms

        query = select(TICKETS).where(
            TICKETS.c.account == account,
            TICKETS.c.kind == TicketKind.CLOSE.value,
            TICKETS.c.received_ms >= since_ms,
        )
        return await self._found(query, is_asked)

    async def settled(self, ticket_id: str, timeout: float) -> Ticket | None:
        """Wait until it is known what became of a ticket, or ``timeout`` seconds; return it as it
        is then, None if there is none. Raises JournalDown."""
        deadline = self._clock.now() + timeout
        while True:
            ticket = await self.ticket(ticket_id)
            left = deadline - self._clock.now()
            if ticket is None or not ticket.state.is_open or left <= 0:
                return ticket
            await self._changed(ticket_id, min(left, POLL_SECONDS))

    async def _found(self, query: Select[Any], is_asked: Callable[[Ticket], bool]) -> list[Ticket]:
        """Return the tickets of a query, and of those in the intent logs the ones asked for."""
        file = self._database.file

        def work(connection: Connection) -> Iterable[Ticket]:
            on_their_way = [] if file is None else filter(is_asked, logged(file))
            found = {ticket.ticket_id: ticket for ticket in on_their_way}
            if found:  # the database may have some by now, and newer
                query_of_them = select(TICKETS).where(TICKETS.c.ticket_id.in_(list(found)))
                found |= _tickets(connection, query_of_them)
            return (found | _tickets(connection, query)).values()

        async with translated():
            return [self._newest(ticket) for ticket in await self._database.read(work)]

    async def _changed(self, ticket_id: str, seconds: float) -> None:
        """Return when this process has written the ticket, or after ``seconds``."""
        change = asyncio.get_running_loop().create_future()
        self._watchers.setdefault(ticket_id, []).append(change)
        try:
            async with asyncio.timeout(seconds):
                await change
        except TimeoutError:
            pass
        finally:
            watchers = self._watchers.get(ticket_id, [])
            if change in watchers:
                watchers.remove(change)
            if not watchers:
                self._watchers.pop(ticket_id, None)

    def _notify(self, ticket_id: str) -> None:
        for change in self._watchers.pop(ticket_id, []):
            if not change.done():
                change.set_result(None)


def _tickets(connection: Connection, query: Select[Any]) -> dict[str, Ticket]:
    rows = connection.execute(query).mappings()
    return {row["ticket_id"]: ticket_of(dict(row)) for row in rows}


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn a database's errors into ours."""
    try:
        yield
    except (SQLAlchemyError, OSError) as exc:
        raise JournalDown(f"the order journal is down: {reason_of(exc)}") from exc
