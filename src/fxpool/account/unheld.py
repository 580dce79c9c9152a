"""Tickets that no request holds any more: who is to settle them, and what is stored of their end.

How their outcome is proved is the resolvers' (``resolver``, and that of polled accounts). What is
stored here is stored once: where another process was faster, nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from fxpool.account.journal import TicketJournal
from fxpool.account.tickets import Tickets
from fxpool.clock import Clock
from fxpool.domain.order_keys import OrderKey
from fxpool.domain.tickets import Evidence, Ticket, TicketState, TicketTrigger

GRACE: Final = timedelta(seconds=3.0)
"""Age below which a ticket that is not ours is left to the process that most likely works on it."""

READINGS: Final = 2
"""Complete readings that must miss an order before it is called absent."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Search:
    """How far the search for one ticket has come; ``due`` is monotonic."""

    due: float = 0.0
    looks: int = 0
    absences: int = 0


class UnheldTickets:
    """The tickets of one account that nobody holds."""

    def __init__(
        self, tickets: Tickets, journal: TicketJournal, *, clock: Clock, gone_seconds: float
    ) -> None:
        """``gone_seconds`` is the age at which no process can still be waiting for an answer, so
        a ticket without a holder here is nobody's; until then another process that shares the
        journal may hold it."""
        self._tickets = tickets
        self._journal = journal
        self._clock = clock
        self._gone = timedelta(seconds=gone_seconds)

    def is_ours(self, ticket: Ticket) -> bool:
        """Whether this process is to settle a ticket."""
        if self._tickets.holds(ticket.ticket_id):
            return False
        return not ticket.state.is_running or self._age(ticket) > GRACE

    def is_abandoned(self, ticket: Ticket) -> bool:
        """Whether a ticket still runs, and no process can be waiting for its answer."""
        return ticket.state.is_running and self._age(ticket) > self._gone

    def quiet_since(self, ticket: Ticket) -> datetime:
        """Return from when on nobody can send it any more."""
        if ticket.state is TicketState.UNKNOWN:
            return ticket.updated_at
        return ticket.updated_at + self._gone

    def pause(self, ticket: Ticket, pause: float, settle: timedelta) -> float:
        """Return the seconds until the next reading for a ticket: ``pause``, or less so that none
        goes past the moment from which readings count, ``settle`` after nobody can send it."""
        counts_from = self.quiet_since(ticket)
        if not ticket.state.is_running:  # else it is declared lost first, and settles after that
            counts_from += settle
        left = (counts_from - self._clock.at()).total_seconds()
        return min(pause, left) if left > 0 else pause

    async def declare_lost(self, ticket: Ticket) -> Ticket:
        """Store that the outcome of an abandoned ticket is unknown. Raises JournalDown."""
        lost = ticket.after(
            TicketTrigger.LOST, self._clock.at(), "the process that sent it is gone"
        )
        if await self._journal.settle(lost, ticket.state):
            self._tickets.observer.ticket_unknown(lost)
        return lost

    async def note(self, ticket: Ticket, text: str) -> None:
        """Store why an unknown ticket stays so, once. Raises JournalDown."""
        if ticket.state is not TicketState.UNKNOWN or any(s.text == text for s in ticket.evidence):
            return
        step = Evidence(self._clock.at(), ticket.state, text)
        if await self._journal.settle(
            replace(ticket, evidence=(*ticket.evidence, step)), ticket.state
        ):
            log.warning(
                "ticket stays unknown",
                account=ticket.account,
                ticket=ticket.ticket_id,
                reason=text,
            )

    async def settle(
        self, ticket: Ticket, trigger: TicketTrigger, text: str, result: Mapping[str, Any]
    ) -> None:
        """Store what became of a ticket: ``text`` is the evidence, ``result`` what callers are
        told. Raises JournalDown."""
        now, key = self._clock.at(), OrderKey.from_stored(ticket.key)
        settled = ticket
        if ticket.state.is_running:
            settled = settled.after(TicketTrigger.LOST, now, "nobody waits for its answer")
        settled = settled.after(trigger, now, text, result)
        frees_key = key is not None and key.is_freed_by(result)
        if await self._journal.settle(settled, ticket.state, frees_key=frees_key):
            log.warning(
                "ticket resolved",
                account=ticket.account,
                ticket=ticket.ticket_id,
                state=settled.state.value,
                evidence=text,
            )
            self._tickets.observer.ticket_resolved(settled)

    def _age(self, ticket: Ticket) -> timedelta:
        return self._clock.at() - ticket.updated_at
