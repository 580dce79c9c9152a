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
    ProtoOAv1PnLChangeSubscribeReq,
    ProtoOAv1PnLChangeSubscribeRes,
    ProtoOAv1PnLChangeUnSubscribeReq,
    ProtoOAv1PnLChangeUnSubscribeRes,
)
from fxpool.openapi.proto.model_pb2 import ProtoOAExpectedMargin, ProtoOAPositionUnrealizedPnL
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.model import OrderKind, Position, Side
from fxpool.simulator.engine.money import MONEY_DIGITS
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.protocol import reference
from fxpool.simulator.refusal import Refusal


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
    gross, net = book.worth.unrealised(position)
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
                buyMargin=book.worth.expected_margin(request.symbolId, Side.BUY, volume),
                sellMargin=book.worth.expected_margin(request.symbolId, Side.SELL, volume),
            )
            for volume in request.volume
        ],
        moneyDigits=MONEY_DIGITS,
    )


def _subscribe_profit(call: Call, request: ProtoOAv1PnLChangeSubscribeReq) -> None:
    """Answer, then tell the profit as it is."""
    account_id, stream = request.ctidTraderAccountId, call.venue.pnl
    _check_profit_stream(call, account_id)
    if stream.is_subscribed(call.client, account_id):
        raise Refusal("ALREADY_SUBSCRIBED", "Already subscribed to the profit of this account")
    answer = ProtoOAv1PnLChangeSubscribeRes(ctidTraderAccountId=account_id)
    call.client.send(answer, call.request_id)
    stream.subscribe(call.client, account_id)


def _unsubscribe_profit(
    call: Call, request: ProtoOAv1PnLChangeUnSubscribeReq
) -> ProtoOAv1PnLChangeUnSubscribeRes:
    account_id = request.ctidTraderAccountId
    _check_profit_stream(call, account_id)
    if not call.venue.pnl.unsubscribe(call.client, account_id):
        raise Refusal("NOT_SUBSCRIBED_TO_PNL", "Not subscribed to the profit of this account")
    return ProtoOAv1PnLChangeUnSubscribeRes(ctidTraderAccountId=account_id)


def _check_profit_stream(call: Call, account_id: int) -> None:
    """Raise Refusal where the stream is not served (SW-24), or the account not here."""
    if not call.venue.profile.serves_pnl_stream:
        raise Refusal("UNSUPPORTED_MESSAGE", "Unsupported message")
    call.book(account_id)


STATE_HANDLERS: dict[int, Handler] = {
    2121: _trader,
    2124: _reconcile,
    2139: _expected_margin,
    2187: _unrealised,
    2190: _subscribe_profit,
    2192: _unsubscribe_profit,
}
