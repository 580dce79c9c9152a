"""What happened on an account: deals, orders and cash flow, newest first (SW-19)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOACashFlowHistoryListReq,
    ProtoOACashFlowHistoryListRes,
    ProtoOADealListByPositionIdReq,
    ProtoOADealListByPositionIdRes,
    ProtoOADealListReq,
    ProtoOADealListRes,
    ProtoOADealOffsetListReq,
    ProtoOADealOffsetListRes,
    ProtoOAOrderDetailsReq,
    ProtoOAOrderDetailsRes,
    ProtoOAOrderListByPositionIdReq,
    ProtoOAOrderListByPositionIdRes,
    ProtoOAOrderListReq,
    ProtoOAOrderListRes,
)
from fxpool.simulator.engine.model import Deal, Order
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.handlers.windows import (
    WEEK_MS,
    Bounded,
    check_width,
    incorrect_boundaries,
    window,
)
from fxpool.simulator.protocol import executions, offsets
from fxpool.simulator.refusal import Refusal

PAGE_ROWS = 1000
"""Rows of one answer at most; more are announced by ``hasMore``."""


def _deals(call: Call, request: ProtoOADealListReq) -> ProtoOADealListRes:
    account_id = request.ctidTraderAccountId
    check_width(call, request, WEEK_MS)
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
    if not call.venue.profile.deals_of_position_newest_first:
        found.reverse()
    return ProtoOADealListByPositionIdRes(
        ctidTraderAccountId=account_id,
        deal=[call.mapper(account_id).deal(one) for one in found[:PAGE_ROWS]],
        hasMore=len(found) > PAGE_ROWS,
    )


def _deals_within(call: Call, account_id: int, request: Bounded) -> list[Deal]:
    """Return the deals of a window that are in the history already, newest first (SW-21)."""
    deals, (first, last) = call.book(account_id).deals, window(request)
    begin = bisect_left(deals, first, key=_executed_ms)
    end = bisect_right(deals, min(last, _newest_told_ms(call)), key=_executed_ms)
    return deals[begin:end][::-1]


def _told_deals(call: Call, account_id: int) -> Sequence[Deal]:
    deals = call.book(account_id).deals
    return deals[: bisect_right(deals, _newest_told_ms(call), key=_executed_ms)]


def _newest_told_ms(call: Call) -> int:
    """Return when the newest deal was executed that the history may tell: a fresh one is late."""
    return call.at_ms - round(call.venue.profile.deal_delay * 1000)


def _executed_ms(deal: Deal) -> int:
    return deal.executed_ms


def _orders(call: Call, request: ProtoOAOrderListReq) -> ProtoOAOrderListRes:
    account_id = request.ctidTraderAccountId
    check_width(call, request, WEEK_MS)
    found = _orders_within(call, account_id, request)
    return ProtoOAOrderListRes(
        ctidTraderAccountId=account_id,
        order=[call.mapper(account_id).listed_order(one) for one in found[:PAGE_ROWS]],
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
        order=[call.mapper(account_id).listed_order(one) for one in found[:PAGE_ROWS]],
        hasMore=len(found) > PAGE_ROWS,
    )


def _orders_within(call: Call, account_id: int, request: Bounded) -> list[Order]:
    book, (first, last) = call.book(account_id), window(request)
    return book.history.within(first, last)


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
    """Answer with a week at most: the one window that the present protocol still limits."""
    book, (first, last) = call.book(request.ctidTraderAccountId), window(request)
    if last - first > WEEK_MS:
        raise incorrect_boundaries()
    return ProtoOACashFlowHistoryListRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        depositWithdraw=[
            executions.cash_entry(one)
            for one in book.ledger.cash_entries
            if first <= one.at_ms <= last
        ],
    )


def _deal_offsets(call: Call, request: ProtoOADealOffsetListReq) -> ProtoOADealOffsetListRes:
    """Answer which deals a deal closed, and which closed it."""
    deals = _told_deals(call, request.ctidTraderAccountId)
    deal = next((one for one in deals if one.deal_id == request.dealId), None)
    if deal is None:
        raise Refusal("ENTITY_NOT_FOUND", f"Deal {request.dealId} not found")
    matches = offsets.matches([one for one in deals if one.position_id == deal.position_id])
    return ProtoOADealOffsetListRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        offsetBy=[
            offsets.offset(one.closing, one.volume) for one in matches if one.opening == deal
        ],
        offsetting=[
            offsets.offset(one.opening, one.volume) for one in matches if one.closing == deal
        ],
    )


HISTORY_HANDLERS: dict[int, Handler] = {
    2133: _deals,
    2143: _cash_flow,
    2175: _orders,
    2179: _deals_of_position,
    2181: _order_details,
    2183: _orders_of_position,
    2185: _deal_offsets,
}
