"""What the broker shows and nobody can read: it is named, and keeps nobody from getting out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from google.protobuf.message import Message

from fxpool.account import AccountState, Phase, reader
from fxpool.account.events import OrderGone, PositionClosed
from fxpool.domain.requests import OrderIntent
from fxpool.domain.trades import CloseReason, OrderType, Side
from fxpool.mapping.formats import TradeResult
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto.model_pb2 import LIMIT, ProtoOAOrder
from fxpool.platforms.base import CloseRequest, PlatformError, TradeRequest
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.handlers import HANDLERS, Call
from harness.accounts import EURUSD, LOT_CENTS, USD_ACCOUNT, market, open_desk
from harness.broker import orders_made
from harness.platforms import Heard, Served, live_platform
from harness.wait import wait_until

NEW_ORDER = 2106
RECONCILE = 2124
DEALS_OF_POSITION = 2179
ORDER_DETAILS = 2181
SNAPSHOT, DETAILS = HANDLERS[RECONCILE], HANDLERS[ORDER_DETAILS]
SELL_LIMIT = TradeRequest("EURUSD", "SELL_LIMIT", Decimal("0.1"), open_price=Decimal("1.2"))
BUY_LIMIT = OrderIntent(
    EURUSD, Side.BUY, OrderType.LIMIT, LOT_CENTS // 10, "", price=Decimal("1.12000")
)
UNKNOWN_VALIDITY = b"\x90\x01\x63"  # field 18 (timeInForce), number 99


def make_unreadable(order: ProtoOAOrder) -> None:
    """Give an order a time in force that this build does not know."""
    order.ClearField("timeInForce")
    order.MergeFromString(UNKNOWN_VALIDITY)


def with_unreadable_limits(call: Call, request: wire.ProtoOAReconcileReq) -> Message:
    """Show positions and orders as they are, but for limit orders."""
    answer = SNAPSHOT(call, request)
    assert isinstance(answer, wire.ProtoOAReconcileRes)
    for order in answer.order:
        if order.orderType == LIMIT:
            make_unreadable(order)
    return answer


def with_unreadable_position(
    position_id: str,
) -> Callable[[Call, wire.ProtoOAReconcileReq], Message]:
    """Show positions and orders as they are, but for one position."""

    def handler(call: Call, request: wire.ProtoOAReconcileReq) -> Message:
        answer = SNAPSHOT(call, request)
        assert isinstance(answer, wire.ProtoOAReconcileRes)
        for position in answer.position:
            if position.positionId == int(position_id):
                position.ClearField("price")
        return answer

    return handler


def with_unreadable_details(call: Call, request: wire.ProtoOAOrderDetailsReq) -> Message:
    answer = DETAILS(call, request)
    assert isinstance(answer, wire.ProtoOAOrderDetailsRes)
    make_unreadable(answer.order)
    return answer


def state_of(served: Served) -> AccountState:
    return served.platform._accounts["alpha"].account.live.state


async def not_synchronised(served: Served, words: str) -> None:
    """Wait until a reading has failed for a reason with these words."""
    await wait_until(lambda: words in state_of(served).reason)
    assert state_of(served).phase is Phase.SYNCHRONISING


async def test_an_order_that_cannot_be_read_is_named_and_keeps_nobody_from_getting_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with live_platform() as served:
        platform, opened = served.platform, await served.buy()
        limit = await platform.execute("alpha", SELL_LIMIT)
        heard = Heard(platform.subscribe())
        monkeypatch.setitem(HANDLERS, RECONCILE, with_unreadable_limits)
        served.simulator.cut_all()
        told = await heard.until("orderUnreadable")
        assert (told.body["orderId"], "timeInForce" in told.body["reason"]) == (
            limit["orderId"],
            True,
        )
        await heard.until("reconnected")
        assert heard.of("snapshot")[-1].body["orders"] is None
        assert not heard.of("orderCancelled") + heard.of("orderGone")

        health = await platform.health()
        assert (health["status"], health["details"]["alpha"]["phase"]) == ("degraded", "live")
        assert limit["orderId"] in health["details"]["alpha"]["unreadableOrders"]
        assert (await platform.pool_stats())["ordersUnreadable"] == 1
        assert (await platform.positions("alpha"))["count"] == 1
        with pytest.raises(PlatformError, match=f"cannot be read: {limit['orderId']}") as refused:
            await platform.orders("alpha")
        assert refused.value.status == 503

        more = await served.buy()
        assert (more["outcome"], more["code"]) == ("not_executed", "NOT_READY")
        for word in (limit["orderId"], "timeInForce", "Cancel it"):
            assert word in more["error"]
        by_name = await served.buy(allow_unsynchronized=True)
        assert (by_name["success"], by_name["unsynchronized"]) == (True, True)
        closed = await platform.close_position("alpha", CloseRequest(opened["positionId"]))
        assert (closed["success"], "unsynchronized" in closed) == (True, False)
        assert (await platform.close_positions("alpha"))["closed"] == 1

        assert (await platform.cancel_order("alpha", limit["orderId"]))["success"]
        assert (await platform.orders("alpha"))["orders"] == []
        assert (await served.buy())["success"]
        assert (await platform.health())["status"] == "healthy"


async def test_an_order_that_cannot_be_read_keeps_no_other_ticket_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with live_platform() as served:
        await served.platform.execute("alpha", SELL_LIMIT)
        monkeypatch.setitem(HANDLERS, RECONCILE, with_unreadable_limits)
        served.simulator.faults.cut_before_answer(NEW_ORDER)
        lost = await served.buy()
        assert lost["outcome"] == "unknown"
        settled = await served.platform.wait_ticket(lost["ticketId"], 10.0)
        assert settled["outcome"] == "executed"


async def test_a_position_that_cannot_be_read_keeps_nobody_from_closing_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with live_platform() as served:
        odd, good, other = [(await served.buy())["positionId"] for _ in range(3)]
        monkeypatch.setitem(HANDLERS, RECONCILE, with_unreadable_position(odd))
        served.simulator.cut_all()
        await not_synchronised(served, f"position {odd}")
        assert "closes and cancels go meanwhile" in state_of(served).reason
        with pytest.raises(PlatformError, match=f"position {odd}"):
            await served.platform.positions("alpha")
        assert f"position {odd}" in (await served.buy())["error"]

        closed = await served.platform.close_position("alpha", CloseRequest(good))
        assert (closed["success"], closed["unsynchronized"]) == (True, True)
        refused = await served.platform.close_position("alpha", CloseRequest(odd))
        assert (refused["code"], refused["outcome"]) == ("NOT_READY", "not_executed")
        both = await served.platform.close_positions("alpha")
        rows = {row["positionId"]: row["success"] for row in both["results"]}
        assert (both["success"], rows) == (False, {odd: False, other: True})

        monkeypatch.setitem(HANDLERS, RECONCILE, SNAPSHOT)
        await served.phase("alpha", Phase.LIVE)
        (left,) = (await served.platform.positions("alpha"))["positions"]
        assert left["id"] == odd


async def test_a_position_whose_deals_are_refused_keeps_nobody_from_closing_others() -> None:
    async with live_platform() as served:
        gone, left = [(await served.buy())["positionId"] for _ in range(2)]
        heard = Heard(served.platform.subscribe())
        await served.cut()
        served.simulator.venue.engine.books[USD_ACCOUNT].positions.pop(int(gone))
        served.simulator.faults.stand(
            Fault(FaultKind.REFUSE, DEALS_OF_POSITION, code="SERVER_ERROR", times=0)
        )
        await served.simulator.resume_accepting()
        await not_synchronised(served, f"reading the end of {gone} failed")
        assert "SERVER_ERROR" in state_of(served).reason
        refused: TradeResult = await served.buy()
        assert (refused["code"], refused["outcome"]) == ("NOT_READY", "not_executed")
        assert f"what became of position {gone} cannot be read" in refused["error"]
        closed = await served.platform.close_position("alpha", CloseRequest(left))
        assert (closed["success"], closed["unsynchronized"]) == (True, True)
        told = await heard.until("positionClosed")
        assert told.body["positionId"] == left
        assert len(heard.of("positionClosed")) == 1
        assert len(orders_made(served.simulator)) == 2


async def test_an_end_that_cannot_be_read_is_told_without_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "LAG_SECONDS", 0.5)
    monkeypatch.setitem(HANDLERS, ORDER_DETAILS, with_unreadable_details)
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY, stop_loss=Decimal("1.12300")))
        resting = (await desk.trading.place(BUY_LIMIT)).order.order_id
        await desk.cut()
        desk.simulator.venue.engine.books[USD_ACCOUNT].orders.pop(resting)
        desk.quote("1.12290", "1.12300")  # hits the stop loss
        await desk.simulator.resume_accepting()
        await wait_until(lambda: f"order {resting} cannot be read" in desk.account.state.reason)
        await desk.live()
        (closed,) = desk.told.of(PositionClosed)
        assert isinstance(closed, PositionClosed)
        assert closed.reason is CloseReason.OTHER
        (gone,) = desk.told.of(OrderGone)
        assert isinstance(gone, OrderGone)
        assert gone.order.order_id == resting
