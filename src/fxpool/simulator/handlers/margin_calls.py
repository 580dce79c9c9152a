"""The three thresholds of the margin level at which a client wants to be called."""

from __future__ import annotations

from decimal import Decimal

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAMarginCallListReq,
    ProtoOAMarginCallListRes,
    ProtoOAMarginCallUpdateReq,
    ProtoOAMarginCallUpdateRes,
)
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.protocol import executions


def _list(call: Call, request: ProtoOAMarginCallListReq) -> ProtoOAMarginCallListRes:
    book = call.book(request.ctidTraderAccountId)
    return ProtoOAMarginCallListRes(
        marginCall=[executions.margin_call(one) for one in book.margin_calls.values()]
    )


def _update(call: Call, request: ProtoOAMarginCallUpdateReq) -> None:
    """Answer, then tell all who serve the account (2171)."""
    account_id, asked = request.ctidTraderAccountId, request.marginCall
    call.book(account_id)
    moved, notices = call.venue.engine.set_margin_call(
        account_id, asked.marginCallType, Decimal(str(asked.marginLevelThreshold)), call.at_ms
    )
    call.client.send(ProtoOAMarginCallUpdateRes(), call.request_id)
    call.venue.tell_margin_call(account_id, moved, notices)


MARGIN_CALL_HANDLERS: dict[int, Handler] = {2167: _list, 2169: _update}
