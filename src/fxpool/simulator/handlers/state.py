"""How an account stands: trader, reconcile, unrealised profit, expected margin."""

from __future__ import annotations

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAExpectedMarginReq,
    ProtoOAExpectedMarginRes,
    ProtoOAGetPositionUnrealizedPnLReq,
    ProtoOAGetPositionUnrealizedPnLRes,
    ProtoOAReconcileReq,
    ProtoOAReconcileRes,
    ProtoOATraderReq,
    ProtoOATraderRes,
)
from fxpool.openapi.proto.model_pb2 import ProtoOAExpectedMargin, ProtoOAPositionUnrealizedPnL
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.model import OrderKind, Position, Side
from fxpool.simulator.engine.money import MONEY_DIGITS
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.protocol import reference


def _trader(call: Call, request: ProtoOATraderReq) -> ProtoOATraderRes:
    book = call.book(request.ctidTraderAccountId)
    return ProtoOATraderRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        trader=reference.trader(book, call.venue.opened_ms),
    )


def _reconcile(call: Call, request: ProtoOAReconcileReq) -> ProtoOAReconcileRes:
    account_id = request.ctidTraderAccountId
    book, mapper = call.book(account_id), call.mapper(account_id)
    orders = [
        mapper.order(order)
        for order in book.orders.values()
        if order.kind is not OrderKind.PROTECTION or request.returnProtectionOrders
    ]
    return ProtoOAReconcileRes(
        ctidTraderAccountId=account_id,
        position=[mapper.position(one) for one in book.positions.values()],
        order=orders,
    )


def _unrealised(
    call: Call, request: ProtoOAGetPositionUnrealizedPnLReq
) -> ProtoOAGetPositionUnrealizedPnLRes:
    book = call.book(request.ctidTraderAccountId)
    return ProtoOAGetPositionUnrealizedPnLRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        positionUnrealizedPnL=[_profit(book, one) for one in book.positions.values()],
        moneyDigits=MONEY_DIGITS,
    )


def _profit(book: Book, position: Position) -> ProtoOAPositionUnrealizedPnL:
    gross, net = book.unrealised(position)
    return ProtoOAPositionUnrealizedPnL(
        positionId=position.position_id, grossUnrealizedPnL=gross, netUnrealizedPnL=net
    )


def _expected_margin(call: Call, request: ProtoOAExpectedMarginReq) -> ProtoOAExpectedMarginRes:
    book = call.book(request.ctidTraderAccountId)
    return ProtoOAExpectedMarginRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        margin=[
            ProtoOAExpectedMargin(
                volume=volume,
                buyMargin=book.expected_margin(request.symbolId, Side.BUY, volume),
                sellMargin=book.expected_margin(request.symbolId, Side.SELL, volume),
            )
            for volume in request.volume
        ],
        moneyDigits=MONEY_DIGITS,
    )


STATE_HANDLERS: dict[int, Handler] = {
    2121: _trader,
    2124: _reconcile,
    2139: _expected_margin,
    2187: _unrealised,
}
