"""Order tickets as the audit log tells of them, for those that the line of no call names.

Such are what the pool did by itself (protection corrected, a limit's closes), the parts of a call
that closes many, and those whose process died before it wrote its line.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from fxpool.domain.audit import AuditEvent
from fxpool.domain.tickets import Ticket, TicketState
from fxpool.errors import JournalDown
from fxpool.store.database import make_database, migrate, reason_of
from fxpool.store.rows import milliseconds, ticket_of
from fxpool.store.tables import TICKETS

JOURNAL: Final = "journal"
"""The subject of a line that was made from a ticket; its details say who asked."""

_WHY: Final = (
    "taken from the ticket: no call's line names it. It is one of several of its call, the pool's "
    "own act, or its gateway ended before the line was written"
)
_OUTCOMES: Final = {"executed": "done", "not_executed": "refused"}


class AuditOrders:
    """Reads the order journal for the audit log."""

    def __init__(self, url: SecretStr) -> None:
        """``url`` is the journal's. Raises SettingsError."""
        self._database = make_database(url)
        self._is_migrated = False

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()

    async def between(self, since: datetime, until: datetime) -> list[AuditEvent]:
        """Return the orders whose tickets were received then. Raises JournalDown."""
        query = select(TICKETS).where(
            TICKETS.c.received_ms >= milliseconds(since),
            TICKETS.c.received_ms < milliseconds(until),
        )
        try:
            if not self._is_migrated:
                await migrate(self._database)
                self._is_migrated = True
            rows: list[dict[str, Any]] = await self._database.read(
                lambda connection: [dict(row) for row in connection.execute(query).mappings()]
            )
        except (SQLAlchemyError, OSError) as exc:
            raise JournalDown(f"the order journal is down: {reason_of(exc)}") from exc
        return [_event(ticket_of(row)) for row in rows]


def _event(ticket: Ticket) -> AuditEvent:
    outcome = "unknown" if ticket.state is TicketState.UNKNOWN else ticket.state.outcome
    return AuditEvent(
        at=ticket.received_at,
        subject=JOURNAL,
        action=ticket.kind.value,
        outcome=_OUTCOMES.get(outcome or "", "unknown"),
        account=ticket.account,
        ticket=ticket.ticket_id,
        details={
            "why": _WHY,
            "asked": ticket.evidence[0].text,
            "request": ticket.intent,
            "answer": ticket.result,
        },
    )
