"""Order requests and the execution events that answer them, as small as the protocol allows."""

from __future__ import annotations

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAmendOrderReq,
    ProtoOAAmendPositionSLTPReq,
    ProtoOACancelOrderReq,
    ProtoOAClosePositionReq,
    ProtoOAExecutionEvent,
    ProtoOANewOrderReq,
)
from fxpool.openapi.proto.model_pb2 import BUY, MARKET, ORDER_STATUS_ACCEPTED, ProtoOAOrderType

ACCOUNT = 12345
ORDER = 7


def new_order(kind: ProtoOAOrderType.ValueType = MARKET) -> ProtoOANewOrderReq:
    return ProtoOANewOrderReq(
        ctidTraderAccountId=ACCOUNT, symbolId=1, orderType=kind, tradeSide=BUY, volume=100_000
    )


def cancel_order() -> ProtoOACancelOrderReq:
    return ProtoOACancelOrderReq(ctidTraderAccountId=ACCOUNT, orderId=ORDER)


def amend_order() -> ProtoOAAmendOrderReq:
    return ProtoOAAmendOrderReq(ctidTraderAccountId=ACCOUNT, orderId=ORDER)


def amend_position() -> ProtoOAAmendPositionSLTPReq:
    return ProtoOAAmendPositionSLTPReq(ctidTraderAccountId=ACCOUNT, positionId=1)


def close_position() -> ProtoOAClosePositionReq:
    return ProtoOAClosePositionReq(ctidTraderAccountId=ACCOUNT, positionId=1, volume=100_000)


def execution(
    kind: int | None,
    *,
    order_id: int = ORDER,
    executed: int = 0,
    error: str = "",
    account_id: int = ACCOUNT,
) -> ProtoOAExecutionEvent:
    event = ProtoOAExecutionEvent(ctidTraderAccountId=account_id)
    if kind is not None:
        event.executionType = kind  # type: ignore[assignment]  # the numbers are the enum's
    event.order.orderId = order_id
    event.order.orderType = MARKET
    event.order.orderStatus = ORDER_STATUS_ACCEPTED
    event.order.tradeData.symbolId = 1
    event.order.tradeData.volume = 100_000
    event.order.tradeData.tradeSide = BUY
    event.order.executedVolume = executed
    if error:
        event.errorCode = error
    return event
