"""Order tickets: what was asked for, what became of it, and what shows that."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import answers
from fxpool.gateway.routes.common import ACCOUNT_PARAMETER, ForAccount, OnPlatform, new_router
from fxpool.mapping.formats import TicketInfo, TicketList

router = new_router("tickets")

Seconds = Annotated[float, Query(ge=0, le=60, description="how long to wait at most")]
State = Annotated[str | None, Query(description="only tickets in this state, such as unknown")]


@router.get("/tickets", responses=answers(TicketList), openapi_extra=ACCOUNT_PARAMETER)
@performs(Operation.READ)
async def list_tickets(query: ForAccount, platform: OnPlatform, state: State = None) -> Response:
    """The newest tickets of an account, or of all."""
    return answer(await platform.tickets(query.account_id, state))


@router.get("/tickets/{ticket_id}", responses=answers(TicketInfo))
@performs(Operation.READ)
async def read_ticket(ticket_id: str, platform: OnPlatform) -> Response:
    """One ticket with every step of it."""
    return answer(await platform.ticket(ticket_id))


@router.get("/tickets/{ticket_id}/wait", responses=answers(TicketInfo))
@performs(Operation.READ)
async def wait_for_ticket(
    ticket_id: str, platform: OnPlatform, timeout: Seconds = 30.0
) -> Response:
    """One ticket, as soon as it is known what became of it, or after ``timeout`` seconds."""
    return answer(await platform.wait_ticket(ticket_id, timeout))
