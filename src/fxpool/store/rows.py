"""Tickets <-> rows of the journal. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from fxpool.domain.tickets import Evidence, Ticket, TicketKind, TicketState

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_encode: Final = msgspec.json.Encoder().encode
_evidence: Final = msgspec.json.Decoder(tuple[Evidence, ...]).decode


def milliseconds(at: datetime) -> int:
    """Return epoch milliseconds from an aware datetime."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def instant(at_ms: int) -> datetime:
    """Return an aware UTC datetime from epoch milliseconds."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def row_of(ticket: Ticket) -> dict[str, Any]:
    """Return a ticket as a row of TICKETS."""
    return {
        "ticket_id": ticket.ticket_id,
        "account": ticket.account,
        "kind": ticket.kind.value,
        "key": ticket.key,
        "fingerprint": ticket.fingerprint,
        "client_order_id": ticket.client_order_id,
        "intent": _encode(ticket.intent).decode(),
        "received_ms": milliseconds(ticket.received_at),
        **changes_of(ticket),
    }


def changes_of(ticket: Ticket) -> dict[str, Any]:
    """Return the columns that a step of a ticket changes."""
    return {
        "state": ticket.state.value,
        "result": None if ticket.result is None else _encode(ticket.result).decode(),
        "evidence": _encode(ticket.evidence).decode(),
        "updated_ms": milliseconds(ticket.updated_at),
    }


def ticket_of(row: Mapping[str, Any]) -> Ticket:
    """Return the ticket of a row."""
    return Ticket(
        ticket_id=row["ticket_id"],
        account=row["account"],
        kind=TicketKind(row["kind"]),
        key=row["key"],
        fingerprint=row["fingerprint"],
        client_order_id=row["client_order_id"],
        intent=msgspec.json.decode(row["intent"]),
        state=TicketState(row["state"]),
        result=None if row["result"] is None else msgspec.json.decode(row["result"]),
        evidence=_evidence(row["evidence"]),
    )
