"""What every trading call answers with: a result, also where it was refused or is unclear."""

from __future__ import annotations

from collections.abc import Awaitable

import structlog

from fxpool.account import CallTickets
from fxpool.domain.tickets import TicketKind
from fxpool.errors import FxPoolError, OutcomeUnclear, RequestError, RequestNotSent
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.base import PlatformError
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
    """Return an error that leaves a call open if, and only if, something of it may have left.

    No request goes before its ticket is stored, so what was lost before is a question that comes
    first. An error that does not say what became of a request, after one may have left, is no
    refusal: it was met on the way to the answer.
    """
    if isinstance(error, RequestError):
        if may_have_left or error.outcome.is_certain:
            return error
        return RequestNotSent(f"not sent, a question before it has no answer: {error}")
    if may_have_left and not isinstance(error, PlatformError):
        return OutcomeUnclear("UNREADABLE_ANSWER", str(error))
    return error


def absent(kind: TicketKind, evidence: str) -> PlatformError:
    """Return what is told of a ticket of unknown outcome that the broker's records do not show."""
    if kind in {TicketKind.AMEND_POSITION, TicketKind.AMEND_ORDER}:
        text = (
            "the change is not in force: it did not reach the broker, or a later one or the end of "
            f"its object took its place: {evidence}"
        )
        return PlatformError(503, "NOT_EXECUTED", text, outcome="not_executed")
    text = f"network: it did not reach the broker, nothing was executed: {evidence}"
    return PlatformError(503, "NOT_EXECUTED", text, retryable=True, outcome="not_executed")


def _with_ticket(result: TradeResult, tickets: CallTickets) -> TradeResult:
    """An order's own ticket stays: further ones are those of its protection."""
    if tickets.newest is None or "ticketId" in result:
        return result
    return result | TradeResult(ticketId=tickets.newest)
