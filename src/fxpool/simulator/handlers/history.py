"""What happened on an account: deals, orders and cash flow, newest first (SW-19)."""

from __future__ import annotations

from typing import Protocol

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOACashFlowHistoryListReq,
    ProtoOACashFlowHistoryListRes,
    ProtoOADealListByPositionIdReq,
    ProtoOADealListByPositionIdRes,
    ProtoOADealListReq,
    ProtoOADealListRes,
    ProtoOAOrderDetailsReq,
    ProtoOAOrderDetailsRes,
    ProtoOAOrderListByPositionIdReq,
    ProtoOAOrderListByPositionIdRes,
    ProtoOAOrderListReq,
    ProtoOAOrderListRes,
)
from fxpool.simulator.engine.model import Deal, Order
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.protocol import executions
from fxpool.simulator.refusal import Carrier, Refusal

LATEST_MS = 2_147_483_646_000
"""The largest bound that the protocol allows."""

PAGE_ROWS = 1000
"""Rows of one answer at most; more are announced by ``hasMore``."""


class _Bounded(Protocol):
    @property
    def fromTimestamp(self) -> int: ...  # noqa: N802 - the wire's name

    @property
    def toTimestamp(self) -> int: ...  # noqa: N802 - the wire's name


def _window(request: _Bounded) -> tuple[int, int]:
    """Return the bounds of a request; an absent end is the end of time."""
    first, last = request.fromTimestamp, request.toTimestamp or LATEST_MS
    if not 0 <= first <= last <= LATEST_MS:
        raise Refusal("INCORRECT_BOUNDARIES", "Incorrect boundaries", carrier=Carrier.ERROR_RES)
    return first, last


def _deals(call: Call, request: ProtoOADealListReq) -> ProtoOADealListRes:
    account_id = request.ctidTraderAccountId
    found = _deals_within(call, account_id, request)
    rows = min(request.maxRows or PAGE_ROWS, PAGE_ROWS)
    return ProtoOADealListRes(
        ctidTraderAccountId=account_id,
        deal=[call.mapper(account_id).deal(one) for one in found[:rows]],
        hasMore=len(found) > rows,
    )


def _deals_of_position(
    call: Call, request: ProtoOADealListByPositionIdReq
) -> ProtoOADealListByPositionIdRes:
    account_id = request.ctidTraderAccountId
    found = [
        one
        for one in _deals_within(call, account_id, request)
        if one.position_id == request.positionId
    ]
    return ProtoOADealListByPositionIdRes(
        ctidTraderAccountId=account_id,
        deal=[call.mapper(account_id).deal(one) for one in found[:PAGE_ROWS]],
        hasMore=len(found) > PAGE_ROWS,
    )


def _deals_within(call: Call, account_id: int, request: _Bounded) -> list[Deal]:
    book, (first, last) = call.book(account_id), _window(request)
    return [one for one in reversed(book.deals) if first <= one.executed_ms <= last]


def _orders(call: Call, request: ProtoOAOrderListReq) -> ProtoOAOrderListRes:
    account_id = request.ctidTraderAccountId
    found = _orders_within(call, account_id, request)
    return ProtoOAOrderListRes(
        ctidTraderAccountId=account_id,
        order=[call.mapper(account_id).order(one) for one in found[:PAGE_ROWS]],
        hasMore=len(found) > PAGE_ROWS,
    )


def _orders_of_position(
    call: Call, request: ProtoOAOrderListByPositionIdReq
) -> ProtoOAOrderListByPositionIdRes:
    account_id = request.ctidTraderAccountId
    found = [
        one
        for one in _orders_within(call, account_id, request)
        if one.position_id == request.positionId
    ]
    return ProtoOAOrderListByPositionIdRes(
        ctidTraderAccountId=account_id,
        order=[call.mapper(account_id).order(one) for one in found[:PAGE_ROWS]],
        hasMore=len(found) > PAGE_ROWS,
    )


def _orders_within(call: Call, account_id: int, request: _Bounded) -> list[Order]:
    book, (first, last) = call.book(account_id), _window(request)
    found = [one for one in book.history.values() if first <= one.updated_ms <= last]
    return sorted(found, key=lambda one: (one.updated_ms, one.order_id), reverse=True)


def _order_details(call: Call, request: ProtoOAOrderDetailsReq) -> ProtoOAOrderDetailsRes:
    account_id = request.ctidTraderAccountId
    book, mapper = call.book(account_id), call.mapper(account_id)
    order = book.history.get(request.orderId)
    if order is None:
        raise Refusal(
            "ORDER_NOT_FOUND",
            f"Order {request.orderId} not found or not belong to trader {book.spec.login}",
        )
    return ProtoOAOrderDetailsRes(
        ctidTraderAccountId=account_id,
        order=mapper.order(order),
        deal=[mapper.deal(one) for one in book.deals if one.order_id == order.order_id],
    )


def _cash_flow(call: Call, request: ProtoOACashFlowHistoryListReq) -> ProtoOACashFlowHistoryListRes:
    book, (first, last) = call.book(request.ctidTraderAccountId), _window(request)
    return ProtoOACashFlowHistoryListRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        depositWithdraw=[
            executions.cash_entry(one)
            for one in book.ledger.cash_entries
            if first <= one.at_ms <= last
        ],
    )


HISTORY_HANDLERS: dict[int, Handler] = {
    2133: _deals,
    2143: _cash_flow,
    2175: _orders,
    2179: _deals_of_position,
    2181: _order_details,
    2183: _orders_of_position,
}
