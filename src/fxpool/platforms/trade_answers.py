"""What every trading call answers with: a result, also where it was refused or is unclear."""

from __future__ import annotations

from collections.abc import Awaitable

import structlog

from fxpool.account import CallTickets
from fxpool.errors import FxPoolError, RequestError, RequestNotSent
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.words import Call, explain, refusal

log = structlog.get_logger(__name__)


async def answered(work: Awaitable[TradeResult], call: Call) -> TradeResult:
    """Return the result of a trading call, with its ticket; an error becomes a refusal in callers'
    words."""
    with CallTickets() as tickets:
        try:
            result = await work
        except FxPoolError as exc:
            told = explain(certain(exc, may_have_left=tickets.may_have_left), call)
            log.warning("trade", code=told.code, outcome=told.outcome, detail=told.detail)
            result = refusal(told)
    return _with_ticket(result, tickets)


def certain(error: FxPoolError, *, may_have_left: bool) -> FxPoolError:
    """Return an error that does not leave a call open of which nothing can have left: no request
    goes before its ticket is stored, so what was lost is a question that comes before it."""
    is_open = isinstance(error, RequestError) and not error.outcome.is_certain
    if is_open and not may_have_left:
        return RequestNotSent(f"not sent, a question before it has no answer: {error}")
    return error


def _with_ticket(result: TradeResult, tickets: CallTickets) -> TradeResult:
    """An order's own ticket stays: further ones are those of its protection."""
    if tickets.newest is None or "ticketId" in result:
        return result
    return result | TradeResult(ticketId=tickets.newest)
