"""Orders that can be trusted: at most one per intent, and always an answer in the end."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from google.protobuf.message import Message

from fxpool.account import Phase, tickets
from fxpool.account.resolver import GONE_SECONDS
from fxpool.clock import SystemClock
from fxpool.domain.tickets import Entry, TicketKind, TicketTrigger, received
from fxpool.mapping.formats import TicketInfo, TradeResult
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto.model_pb2 import BUY
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    PlatformError,
    ProtectionRequest,
    TradeRequest,
)
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.pool import TRADE_SECONDS
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.handlers import HANDLERS, Call
from harness.broker import USD_ACCOUNT, orders_made
from harness.platforms import ALPHA, Heard, Served, live_platform, settings_for
from harness.simulator_clients import frame_client
from harness.wait import wait_until

NEW_ORDER = 2106
AMEND_ORDER = 2109
AMEND_PROTECTION = 2110
CLOSE = 2111
ORDER_LIST = 2175
SYMBOL_BY_ID = 2116
LISTED = HANDLERS[ORDER_LIST]
COPY = "Copy_40021877_L10"
RETRY_WORDS = ("timeout", "network", "no response")


async def ticket_of(served: Served, result: TradeResult) -> TicketInfo:
    """Return a result's ticket once it is settled."""
    return await served.platform.wait_ticket(result["ticketId"], 10.0)


async def test_every_order_has_a_ticket_that_tells_its_life() -> None:
    async with live_platform() as served:
        result = await served.buy(stop_loss=Decimal("1.12"), client_id="77")
        ticket = await served.platform.ticket(result["ticketId"])
        assert [step["state"] for step in ticket["evidence"]] == [
            "received",
            "journaled",
            "sent",
            "accepted",
            "executed",
        ]
        assert ticket["intent"]["request"]["symbol"] == "EURUSD"
        assert (ticket["outcome"], ticket["resolved"]) == ("executed", False)
        assert ticket["result"] == result
        assert ticket["clientOrderId"] == result["clientOrderId"] == ticket["id"]


async def test_closes_amendments_and_cancels_are_journaled_too() -> None:
    async with live_platform() as served:
        opened = await served.buy(stop_loss=Decimal("1.12"))
        await served.platform.close_position("alpha", CloseRequest(opened["positionId"]))
        limit = TradeRequest("EURUSD", "SELL_LIMIT", Decimal("0.1"), open_price=Decimal("1.2"))
        placed = await served.platform.execute("alpha", limit)
        await served.platform.cancel_order("alpha", placed["orderId"])
        listed = (await served.platform.tickets("12345"))["tickets"]
        kinds = {ticket["kind"] for ticket in listed}
        assert kinds >= {"place", "close", "cancel"}
        assert {ticket["state"] for ticket in listed} == {"executed"}
        assert all("order " in ticket["evidence"][-1]["text"] for ticket in listed)


async def test_answers_to_closes_amendments_and_cancels_name_their_tickets() -> None:
    async with live_platform() as served:
        opened = await served.buy("0.5")
        position_id = opened["positionId"]
        platform = served.platform
        limit = TradeRequest("EURUSD", "SELL_LIMIT", Decimal("0.1"), open_price=Decimal("1.2"))
        placed = await platform.execute("alpha", limit)
        change = OrderChange(placed["orderId"], open_price=Decimal("1.21"))
        protection = ProtectionRequest(position_id, stop_loss=Decimal("1.12"))
        answers = {
            "amend_position": await platform.modify_position("alpha", protection),
            "amend_order": await platform.modify_order("alpha", change),
            "cancel": await platform.cancel_order("alpha", placed["orderId"]),
            "close": await platform.close_position(
                "alpha", CloseRequest(position_id, Decimal("0.2"))
            ),
        }
        for kind, answer in answers.items():
            assert answer["outcome"] == "executed"
            ticket = await platform.ticket(answer["ticketId"])
            assert (ticket["kind"], ticket["state"]) == (kind, "executed")
        (row,) = (await platform.close_positions("alpha"))["results"]
        assert (await platform.ticket(row["ticketId"]))["kind"] == "close"


async def test_what_is_refused_before_it_is_sent_leaves_no_ticket() -> None:
    async with live_platform() as served:
        result = await served.buy("0.015")
        assert "ticketId" not in result
        assert (await served.platform.tickets())["tickets"] == []


async def test_the_same_key_and_order_is_answered_with_the_first_result() -> None:
    async with live_platform() as served:
        first = await served.buy("0.10", idempotency_key="k1")
        again = await served.buy("0.1", idempotency_key="k1")
        assert first["clientOrderId"] == "k1"
        assert again == {**first, "duplicate": True}
        assert len(orders_made(served.simulator)) == 1


async def test_the_same_key_at_the_same_moment_makes_one_order() -> None:
    async with live_platform() as served:
        results = await asyncio.gather(*(served.buy(idempotency_key="k1") for _ in range(5)))
        assert len({result["positionId"] for result in results}) == 1
        assert sum("duplicate" in result for result in results) == 4
        assert len(orders_made(served.simulator)) == 1


async def test_another_order_under_the_same_key_is_refused() -> None:
    async with live_platform() as served:
        await served.buy("0.1", idempotency_key="k1")
        other = await served.buy("0.2", idempotency_key="k1")
        assert (other["success"], other["code"]) == (False, "IDEMPOTENCY_CONFLICT")
        assert other["outcome"] == "not_executed"
        assert len(orders_made(served.simulator)) == 1


async def test_a_key_outlives_the_process() -> None:
    async with live_platform() as served:
        first = await served.buy(idempotency_key="k1")
        await served.platform.close()
        request = TradeRequest("EURUSD", "BUY", Decimal("0.1"), idempotency_key="k1")
        again = await execute_after_a_restart(served, request)
        assert again["duplicate"]
        assert again["positionId"] == first["positionId"]


async def test_a_copy_is_made_once_and_never_again_after_it_was_closed() -> None:
    async with live_platform() as served:
        first = await served.buy("0.1", comment=COPY)
        again = await served.buy("0.11", comment=COPY)
        assert (again["duplicate"], again["positionId"]) == (True, first["positionId"])
        await served.platform.close_position("alpha", CloseRequest(first["positionId"]))
        late = await served.buy("0.1", comment=COPY)
        assert (late["success"], late["code"]) == (False, "DUPLICATE_COPY")
        assert not any(word in late["error"].lower() for word in RETRY_WORDS)
        assert len(orders_made(served.simulator)) == 1


async def test_a_copy_that_was_made_is_never_called_not_executed_while_the_account_is_away() -> (
    None
):
    async with live_platform() as served:
        first = await served.buy("0.1", comment=COPY)
        await served.cut()
        again = await served.buy("0.1", comment=COPY)
        assert again == {**first, "duplicate": True}


async def test_two_closes_of_a_position_without_an_answer_are_told_apart() -> None:
    async with live_platform() as served:
        opened = await served.buy("0.5")
        refuse = Fault(FaultKind.REFUSE, CLOSE, code="UNKNOWN_ERROR")
        served.simulator.faults.stand(refuse)
        request = CloseRequest(opened["positionId"], Decimal("0.2"))
        lost = await served.platform.close_position("alpha", request)
        await served.phase("alpha", Phase.LIVE)
        done = await served.platform.close_position("alpha", request)
        assert (lost["outcome"], done["outcome"]) == ("unknown", "executed")
        assert lost["ticketId"] != done["ticketId"]
        listed = (await served.platform.tickets("alpha"))["tickets"]
        closes = [ticket for ticket in listed if ticket["kind"] == "close"]
        outcomes = [(await served.platform.wait_ticket(t["id"], 10.0))["outcome"] for t in closes]
        assert sorted(str(one) for one in outcomes) == ["executed", "not_executed"]


async def test_a_refused_copy_may_be_tried_again() -> None:
    async with live_platform() as served:
        served.simulator.faults.stand(
            Fault(FaultKind.REFUSE, NEW_ORDER, code="NOT_ENOUGH_MONEY", text="no money")
        )
        refused = await served.buy(comment=COPY)
        assert "not enough money" in refused["error"]
        assert (await served.buy(comment=COPY))["success"]
        assert len(orders_made(served.simulator)) == 1


async def test_the_refusal_of_a_given_key_stands() -> None:
    async with live_platform() as served:
        served.simulator.faults.stand(
            Fault(FaultKind.REFUSE, NEW_ORDER, code="NOT_ENOUGH_MONEY", text="no money")
        )
        refused = await served.buy(idempotency_key="k1")
        again = await served.buy(idempotency_key="k1")
        assert again == {**refused, "duplicate": True}


async def test_a_lost_answer_is_told_as_unknown_and_found_at_the_broker() -> None:
    async with live_platform() as served, served.platform.subscribe() as stream:
        heard = Heard(stream)
        served.simulator.faults.cut_before_answer(NEW_ORDER)
        result = await served.buy("0.1", stop_loss=Decimal("1.12011"))
        assert (result["success"], result["outcome"]) == (False, "unknown")
        unknown = await heard.until("ticketUnknown")
        assert unknown.body["ticketId"] == result["ticketId"]
        ticket = await ticket_of(served, result)
        resolved = await heard.until("ticketResolved")
        assert resolved.body["ticket"] == ticket
        assert (ticket["outcome"], ticket["resolved"]) == ("executed", True)
        (position,) = (await served.platform.positions("alpha"))["positions"]
        told = ticket["result"]
        assert told is not None
        assert told["positionId"] == position["id"]
        assert told["openPrice"] == position["openPrice"]
        assert (told["protection"], position["stopLoss"]) == ("set", 1.12011)
        assert len(orders_made(served.simulator)) == 1
        stats = await served.platform.pool_stats()
        assert (stats["ticketsLost"], stats["ticketsUnknown"]) == (1, 0)


async def test_a_pending_order_whose_answer_was_lost_is_found_resting() -> None:
    async with live_platform() as served:
        served.simulator.faults.cut_before_answer(NEW_ORDER)
        request = TradeRequest("EURUSD", "SELL_LIMIT", Decimal("0.4"), open_price=Decimal("1.2"))
        result = await served.platform.execute("alpha", request)
        ticket = await ticket_of(served, result)
        (order,) = (await served.platform.orders("alpha"))["orders"]
        told = ticket["result"]
        assert told is not None
        assert (told["orderId"], told["state"]) == (order["id"], "ORDER_STATE_PLACED")


async def test_an_order_that_never_was_is_called_so_only_after_two_whole_readings() -> None:
    async with live_platform() as served:
        unclear = Fault(FaultKind.REFUSE, NEW_ORDER, code="UNKNOWN_ERROR", text="no idea")
        served.simulator.faults.stand(unclear)
        result = await served.buy(idempotency_key="k1")
        assert result["outcome"] == "unknown"
        ticket = await ticket_of(served, result)
        assert (ticket["state"], ticket["outcome"]) == ("not_executed", "not_executed")
        assert "2 complete readings" in ticket["evidence"][-1]["text"]
        again = await served.buy(idempotency_key="k1")
        assert again["success"]
        assert "duplicate" not in again
        assert len(orders_made(served.simulator)) == 1


async def test_a_reading_that_fails_is_no_evidence() -> None:
    async with live_platform() as served:
        faults = served.simulator.faults
        faults.stand(Fault(FaultKind.REFUSE, ORDER_LIST, code="SERVER_ERROR", times=0))
        faults.stand(Fault(FaultKind.REFUSE, NEW_ORDER, code="UNKNOWN_ERROR"))
        result = await served.buy()
        ticket = await served.platform.wait_ticket(result["ticketId"], 1.5)
        assert ticket["state"] == "unknown"
        faults.clear()
        assert (await ticket_of(served, result))["state"] == "not_executed"


def with_unknown_validity(call: Call, request: wire.ProtoOAOrderListReq) -> Message:
    """List the orders, each buy with a time in force that this build does not know."""
    answer = LISTED(call, request)
    assert isinstance(answer, wire.ProtoOAOrderListRes)
    for order in answer.order:
        if order.tradeData.tradeSide == BUY:
            order.ClearField("timeInForce")
            order.MergeFromString(b"\x90\x01\x63")  # field 18, number 99
    return answer


async def test_an_order_that_cannot_be_read_keeps_only_its_own_ticket_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(HANDLERS, ORDER_LIST, with_unknown_validity)
    async with live_platform() as served:
        served.simulator.faults.cut_before_answer(NEW_ORDER)
        ours = await served.buy()
        await served.phase("alpha", Phase.LIVE)
        served.simulator.faults.cut_before_answer(NEW_ORDER)
        other = await served.platform.execute(
            "alpha", TradeRequest("EURUSD", "SELL", Decimal("0.1"))
        )
        settled = await ticket_of(served, other)
        assert settled["outcome"] == "executed"
        held = await served.platform.wait_ticket(ours["ticketId"], 0.5)
        assert held["state"] == "unknown"
        assert "cannot be read" in held["evidence"][-1]["text"]


async def test_an_order_whose_ticket_took_too_long_to_be_stored_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tickets, "STORE_SECONDS", 0.3)
    async with live_platform() as served:
        url = settings_for(served.simulator).journal_url.get_secret_value()
        database = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            buying = asyncio.create_task(served.buy(idempotency_key="k1"))
            await asyncio.sleep(0.6)  # this is the time that it takes
            other.execute("ROLLBACK")
            order = await buying
        assert (order["outcome"], order["code"], order["retryable"]) == (
            "not_executed",
            "NOT_SENT",
            True,
        )
        assert "while its ticket was stored" in order["error"]
        assert orders_made(served.simulator) == []
        assert (await served.buy(idempotency_key="k1"))["success"]


def test_no_request_can_leave_that_another_process_takes_for_gone() -> None:
    assert TRADE_SECONDS + tickets.STORE_SECONDS < GONE_SECONDS


async def test_the_old_copiers_three_tries_against_a_lost_answer_make_one_position() -> None:
    async with live_platform() as served:
        served.simulator.faults.cut_before_answer(NEW_ORDER, times=3)
        results = []
        for _ in range(3):
            results.append(await served.buy(comment=COPY))
            if results[-1]["success"]:
                break
            text = results[-1]["error"].lower()
            assert any(word in text for word in RETRY_WORDS), text  # else it gives up
        (position,) = (await served.platform.positions("alpha"))["positions"]
        assert results[-1]["positionId"] == position["id"]
        assert len(orders_made(served.simulator)) == 1


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lost_new_stop_of_a_pending_order_is_settled_by_the_stop_that_it_has(
    arrives: bool,
) -> None:
    async with live_platform() as served:
        request = TradeRequest("EURUSD", "SELL_LIMIT", Decimal("0.4"), open_price=Decimal("1.2"))
        order_id = (await served.platform.execute("alpha", request))["orderId"]
        if arrives:
            served.simulator.faults.cut_before_answer(AMEND_ORDER)
        else:
            served.simulator.faults.stand(
                Fault(FaultKind.REFUSE, AMEND_ORDER, code="UNKNOWN_ERROR")
            )
        change = OrderChange(order_id, stop_loss=Decimal("1.21"))
        result = await served.platform.modify_order("alpha", change)
        assert (result["success"], result["outcome"]) == (False, "unknown")
        (ticket,) = (
            each
            for each in (await served.platform.tickets("alpha"))["tickets"]
            if each["kind"] == "amend_order"
        )
        settled = await served.platform.wait_ticket(ticket["id"], 10.0)
        assert settled["outcome"] == ("executed" if arrives else "not_executed")
        (order,) = (await served.platform.orders("alpha"))["orders"]
        assert order["stopLoss"] == (1.21 if arrives else None)


async def test_a_lost_change_that_is_not_in_force_is_not_said_to_have_never_arrived() -> None:
    async with live_platform() as served:
        faults, position_id = served.simulator.faults, (await served.buy())["positionId"]
        faults.stand(Fault(FaultKind.REFUSE, ORDER_LIST, code="SERVER_ERROR", times=0))
        faults.cut_before_answer(AMEND_PROTECTION)
        first = ProtectionRequest(position_id, stop_loss=Decimal("1.121"))
        lost = await served.platform.modify_position("alpha", first)
        await served.phase("alpha", Phase.LIVE)
        later = ProtectionRequest(position_id, stop_loss=Decimal("1.122"))
        assert (await served.platform.modify_position("alpha", later))["success"]
        faults.clear()
        result = (await ticket_of(served, lost))["result"]
        assert result is not None
        assert (result["outcome"], result["retryable"]) == ("not_executed", False)
        assert "a later one" in result["error"]
        assert not any(word in result["error"] for word in RETRY_WORDS)


async def test_a_close_whose_answer_was_lost_is_settled_by_its_closing_order() -> None:
    async with live_platform() as served:
        opened = await served.buy()
        served.simulator.faults.cut_before_answer(CLOSE)
        closed = await served.platform.close_position("alpha", CloseRequest(opened["positionId"]))
        assert closed["outcome"] == "unknown"
        listed = (await served.platform.tickets("alpha"))["tickets"]
        (ticket,) = (each for each in listed if each["kind"] == "close")
        settled = await served.platform.wait_ticket(ticket["id"], 10.0)
        assert settled["outcome"] == "executed"


async def test_a_close_by_somebody_else_before_is_no_proof_of_one_that_never_arrived() -> None:
    async with live_platform() as served:
        position_id = (await served.buy("0.5"))["positionId"]
        part = wire.ProtoOAClosePositionReq(
            ctidTraderAccountId=USD_ACCOUNT, positionId=int(position_id), volume=1_000_000
        )
        async with frame_client(served.simulator) as other:
            await other.ask(part)
        book = served.platform._accounts["alpha"].account.live.book
        await wait_until(lambda: book.positions[int(position_id)].volume_cents == 4_000_000)
        never = Fault(FaultKind.REFUSE, CLOSE, code="UNKNOWN_ERROR")
        served.simulator.faults.stand(never)
        result = await served.platform.close_position("alpha", CloseRequest(position_id))
        assert result["outcome"] == "unknown"
        ticket = await ticket_of(served, result)
        assert ticket["outcome"] == "not_executed"


@pytest.mark.parametrize("hours", [-6, 6])
async def test_an_order_is_found_though_the_clocks_differ_by_hours(hours: int) -> None:
    async with live_platform() as served:
        served.simulator.jump_clock(hours * 3600)
        served.simulator.faults.cut_before_answer(NEW_ORDER)
        lost = await served.buy(comment=COPY)
        assert (await ticket_of(served, lost))["outcome"] == "executed"
        again = await served.buy(comment=COPY)
        assert (again["success"], again["duplicate"]) == (True, True)
        assert len(orders_made(served.simulator)) == 1


async def test_a_caller_who_leaves_leaves_a_ticket_that_is_settled() -> None:
    async with live_platform() as served:
        delayed = Fault(FaultKind.DELAY_ANSWERS, NEW_ORDER, seconds=0.5)
        served.simulator.faults.stand(delayed)
        asking = asyncio.create_task(served.buy(idempotency_key="k1"))
        async with asyncio.timeout(5):
            while not orders_made(served.simulator):  # noqa: ASYNC110 (the broker is looked at)
                await asyncio.sleep(0.002)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        again = await served.buy(idempotency_key="k1")
        assert (again["success"], again["duplicate"]) == (True, True)
        assert len(orders_made(served.simulator)) == 1


def left_behind(age: timedelta) -> Entry:
    """Return what a process that is gone journaled so long ago, and may have sent."""
    at = SystemClock().at() - age
    ticket = received("t1", "alpha", TicketKind.PLACE, at, intent={}, client_order_id="t1")
    return Entry(ticket.after(TicketTrigger.JOURNALED, at))


async def test_what_a_dead_process_never_sent_is_settled_as_not_executed() -> None:
    async with live_platform() as served, served.platform.subscribe() as stream:
        await served.platform._journal.enter(left_behind(timedelta(minutes=1)))
        ticket = await served.platform.wait_ticket("t1", 10.0)
        states = [step["state"] for step in ticket["evidence"]]
        assert states == ["received", "journaled", "unknown", "not_executed"]
        heard = Heard(stream)
        for kind in ("ticketUnknown", "ticketResolved"):
            assert (await heard.until(kind)).body["ticketId"] == "t1"


async def test_what_nobody_sends_any_more_is_settled_as_soon_as_that_is_certain() -> None:
    async with live_platform() as served:
        await served.platform._journal.enter(left_behind(timedelta(seconds=30)))
        ticket = await served.platform.wait_ticket("t1", 60.0)
        received, _, lost, settled = (
            datetime.fromisoformat(step["time"]) for step in ticket["evidence"]
        )
        # The pauses between readings have grown to 10 s by then.
        assert lost - received < timedelta(seconds=GONE_SECONDS + 3)
        assert settled - lost < timedelta(seconds=5)


async def test_what_another_process_may_still_send_is_not_called_absent() -> None:
    async with live_platform() as served:
        await served.platform._journal.enter(left_behind(timedelta(seconds=10)))
        assert (await served.platform.wait_ticket("t1", 2.0))["state"] == "journaled"


@pytest.mark.parametrize("key", [None, "k1"])
async def test_an_order_is_not_sent_where_a_question_before_it_has_no_answer(
    key: str | None,
) -> None:
    async with live_platform() as served:
        served.simulator.faults.stand(Fault(FaultKind.CUT_BEFORE_ANSWER, SYMBOL_BY_ID))
        order = TradeRequest("GBPUSD", "BUY", Decimal("0.1"), idempotency_key=key)
        refused = await served.platform.execute("alpha", order)
        assert (refused["code"], refused["outcome"]) == ("NOT_SENT", "not_executed")
        assert refused["retryable"]
        assert "ticketId" not in refused
        assert orders_made(served.simulator) == []


async def test_an_internal_error_in_settling_is_told_and_settling_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with live_platform() as served:
        desk = served.platform._desk
        resolver = desk._resolvers["alpha"]
        with monkeypatch.context() as defect:
            defect.setitem(desk._resolvers, "alpha", object())  # type: ignore[arg-type] # a defect
            served.simulator.faults.cut_before_answer(NEW_ORDER)
            lost = await served.buy()
            assert lost["outcome"] == "unknown"
            await wait_until(lambda: desk.failure)
            health = await served.platform.health()
            assert health["status"] != "healthy"
            told = "down: those of alpha fail (AttributeError)"
            assert health["checks"]["tickets"] == told
        assert desk._resolvers["alpha"] is resolver
        assert (await ticket_of(served, lost))["outcome"] == "executed"
        await wait_until(lambda: desk.failure is None)


async def test_without_a_journal_nothing_is_opened_and_reads_go_on() -> None:
    async with live_platform() as served:
        await served.platform._journal.__aexit__()
        result = await served.buy()
        assert (result["success"], result["code"]) == (False, "JOURNAL_DOWN")
        assert result["outcome"] == "not_executed"
        assert (await served.platform.positions("alpha"))["positions"] == []
        assert orders_made(served.simulator) == []


async def test_without_a_journal_a_whole_close_and_a_cancel_go_and_a_partial_close_does_not() -> (
    None
):
    async with live_platform() as served:
        opened = await served.buy("0.2", stop_loss=Decimal("1.12"))
        limit = TradeRequest("EURUSD", "SELL_LIMIT", Decimal("0.1"), open_price=Decimal("1.2"))
        placed = await served.platform.execute("alpha", limit)
        await served.platform._journal.__aexit__()
        platform, position_id = served.platform, opened["positionId"]
        for refused in (
            await platform.close_position("alpha", CloseRequest(position_id, Decimal("0.1"))),
            await platform.modify_position("alpha", ProtectionRequest(position_id, Decimal(1))),
        ):
            assert (refused["code"], refused["outcome"]) == ("JOURNAL_DOWN", "not_executed")
        closed = await platform.close_position("alpha", CloseRequest(position_id))
        cancelled = await platform.cancel_order("alpha", placed["orderId"])
        assert (closed["outcome"], cancelled["outcome"]) == ("executed", "executed")
        assert (await platform.positions("alpha"))["positions"] == []
        assert (await platform.health())["checks"]["journal"].startswith("down: ")
        assert (await platform.pool_stats())["exitsUnjournaled"] == 2


async def test_a_ticket_that_is_not_there_is_404_and_a_wrong_state_names_the_right_ones() -> None:
    async with live_platform() as served:
        with pytest.raises(PlatformError, match="no ticket") as caught:
            await served.platform.ticket("nobody")
        assert caught.value.status == 404
        with pytest.raises(PlatformError, match="partially_executed"):
            await served.platform.tickets(state="lost")


async def execute_after_a_restart(served: Served, request: TradeRequest) -> TradeResult:
    """Place an order through a new platform on the same broker and journal."""
    settings = settings_for(served.simulator)
    platform = CTraderPlatform.from_settings(settings, accounts=[ALPHA])
    await platform.open()
    try:
        await Served(served.simulator, platform).phase("alpha", Phase.LIVE)
        return await platform.execute("alpha", request)
    finally:
        await platform.close()
