"""Answers of trading calls: what is known of a failure, and the ticket that tells more."""

from __future__ import annotations

import asyncio

from fxpool.account.call_tickets import CallTickets, note_ticket
from fxpool.errors import (
    FxPoolError,
    MappingError,
    NotReady,
    RequestAbandoned,
    RequestTimedOut,
    TradeRefused,
)
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.trade_answers import answered
from fxpool.platforms.words import Call

CUT = RequestAbandoned("the link ended")


async def call(*tickets: str | None, error: FxPoolError | None = None) -> TradeResult:
    """A trading call that stores these tickets (None: it goes without one), and then ends."""
    for ticket_id in tickets:
        note_ticket(ticket_id)
    await asyncio.sleep(0)
    if error is not None:
        raise error
    return TradeResult(success=True, outcome="executed")


async def test_a_change_whose_question_before_it_has_no_answer_was_not_sent() -> None:
    for error in (CUT, RequestTimedOut("no answer before the deadline")):
        answer = await answered(call(error=error), Call.CHANGE)
        assert (answer["code"], answer["outcome"]) == ("NOT_SENT", "not_executed")
        assert answer["retryable"]
        assert "ticketId" not in answer


async def test_a_change_that_may_have_left_is_unknown_and_names_its_ticket() -> None:
    answer = await answered(call("t1", error=CUT), Call.CHANGE)
    assert (answer["outcome"], answer["ticketId"]) == ("unknown", "t1")


async def test_what_fails_after_a_request_may_have_left_and_says_no_outcome_is_unknown() -> None:
    late = NotReady("the link ended", phase="reconnecting")
    for error in (late, MappingError("no time")):
        answer = await answered(call("t1", error=error), Call.CHANGE)
        assert (answer["outcome"], answer["ticketId"]) == ("unknown", "t1")
        before = await answered(call(error=error), Call.CHANGE)
        assert before["outcome"] == "not_executed"


async def test_an_exit_that_went_without_a_ticket_is_unknown_too() -> None:
    answer = await answered(call(None, error=CUT), Call.CHANGE)
    assert answer["outcome"] == "unknown"
    assert "ticketId" not in answer


async def test_a_second_request_of_a_call_leaves_it_open_where_the_first_was_sent() -> None:
    answer = await answered(call("t1", "t2", error=CUT), Call.CHANGE)
    assert (answer["outcome"], answer["ticketId"]) == ("unknown", "t2")


async def test_a_refusal_of_the_broker_names_its_ticket() -> None:
    answer = await answered(call("t1", error=TradeRefused("MARKET_CLOSED")), Call.CHANGE)
    assert (answer["outcome"], answer["ticketId"]) == ("not_executed", "t1")


async def test_calls_at_the_same_time_name_each_its_own_ticket() -> None:
    answers = await asyncio.gather(*(answered(call(f"t{i}"), Call.CHANGE) for i in range(5)))
    assert [answer["ticketId"] for answer in answers] == [f"t{i}" for i in range(5)]


async def test_what_was_stored_outside_of_a_call_is_nobodys() -> None:
    note_ticket("t0")
    with CallTickets() as outer:
        answer = await answered(call("t1"), Call.CHANGE)
    assert answer["ticketId"] == "t1"
    assert (outer.newest, outer.may_have_left) == (None, False)


async def test_an_orders_own_ticket_is_not_replaced_by_that_of_its_protection() -> None:
    async def order() -> TradeResult:
        note_ticket("t1")
        note_ticket("protection")
        return TradeResult(success=True, outcome="executed", ticketId="t1")

    assert (await answered(order(), Call.NEW_ORDER))["ticketId"] == "t1"
