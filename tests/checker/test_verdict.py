"""The checker's own judgement, on histories written by hand: each broken promise is seen."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from checker.history import (
    AMEND_POSITION,
    CANCEL,
    CLOSE,
    PLACE,
    Book,
    BrokersDeal,
    BrokersOrder,
    HeldPosition,
    Ledger,
    Observed,
    Operation,
    Outcome,
    ResumedStream,
    Stream,
    TicketlessExit,
    TicketRow,
    Told,
)
from checker.verdict import Rule, violations

LOTS = Decimal("0.1")
HELD = HeldPosition(LOTS, "BUY", None, None)
BOOK = Book({"5": HELD}, {}, Decimal(1000))
ORDER = BrokersOrder(
    order_id="6",
    label="i1",
    position_id="5",
    status="FILLED",
    kind="MARKET",
    lots=LOTS,
    executed_lots=LOTS,
    is_closing=False,
    is_protection=False,
    created_ms=1050,
)
CLOSING = replace(ORDER, order_id="8", is_closing=True, created_ms=2050)
DEAL = BrokersDeal("7", "6", "5", executed_ms=1060)
OK = Operation(
    number=0,
    client="c0",
    gateway=0,
    act=PLACE,
    account="alpha",
    intent="i1",
    target="",
    key=None,
    began_ms=1000,
    ended_ms=1100,
    outcome=Outcome.OK,
    result={"orderId": "6", "ticketId": "t1"},
)
TICKET = TicketRow("t1", "alpha", PLACE, "executed", "executed", "i1", "")
STREAM = Stream("g0.1", "alpha", began_ms=900, deals=["7"], numbers=[1, 2, 3])


def seen(
    *operations: Operation,
    orders: tuple[BrokersOrder, ...] = (ORDER,),
    deals: tuple[BrokersDeal, ...] = (DEAL,),
    **more: Any,
) -> Observed:
    ledger = Ledger(orders, deals, BOOK)
    parts = {"tickets": (TICKET,), "streams": (STREAM,), "books": {("g0", "alpha"): BOOK}}
    return Observed(operations, {"alpha": ledger}, **(parts | more))


def broken(observed: Observed) -> set[Rule]:
    return {violation.rule for violation in violations(observed)}


def test_a_run_that_kept_every_promise_breaks_none() -> None:
    assert violations(seen(OK)) == []


def test_a_second_order_of_one_intent_is_seen() -> None:
    assert Rule.ONE_ORDER in broken(seen(OK, orders=(ORDER, replace(ORDER, order_id="9"))))


def test_two_orders_under_one_key_are_seen_whatever_their_bodies() -> None:
    first, second = replace(OK, key="k"), replace(OK, key="k", intent="i2")
    orders = (ORDER, replace(ORDER, order_id="9", label="i2"))
    assert Rule.ONE_ORDER in broken(seen(first, second, orders=orders))


def test_ok_without_an_order_is_seen() -> None:
    assert Rule.OK_EXISTS in broken(seen(OK, orders=()))


def test_ok_with_another_order_is_seen() -> None:
    assert Rule.OK_EXISTS in broken(seen(OK, orders=(replace(ORDER, order_id="9"),)))


def test_fail_with_an_order_is_seen() -> None:
    failed = replace(OK, outcome=Outcome.FAIL, result={"code": "NOT_READY"})
    assert Rule.FAIL_DOES_NOT in broken(seen(failed))


def test_a_later_try_may_succeed_after_one_that_failed() -> None:
    failed = replace(OK, outcome=Outcome.FAIL, began_ms=800, ended_ms=900, result={})
    assert violations(seen(failed, OK)) == []


def test_a_repeat_that_is_told_fail_while_the_order_exists_is_seen() -> None:
    again = replace(OK, outcome=Outcome.FAIL, began_ms=1200, result={"code": "NOT_READY"})
    assert Rule.FAIL_DOES_NOT in broken(seen(OK, again))


@pytest.mark.parametrize("code", ["DUPLICATE_COPY", "CONNECT"])
def test_a_repeat_may_fail_without_a_word_against_the_order_that_exists(code: str) -> None:
    again = replace(OK, outcome=Outcome.FAIL, began_ms=1200, result={"code": code})
    assert violations(seen(OK, again)) == []


def test_an_order_that_the_broker_rejected_is_none() -> None:
    failed = replace(OK, outcome=Outcome.FAIL, result={})
    rejected = replace(ORDER, status="REJECTED", executed_lots=Decimal(0))
    ticket = replace(TICKET, state="refused", outcome="not_executed")
    observed = seen(failed, orders=(rejected,), deals=(), tickets=(ticket,))
    assert violations(replace(observed, streams=())) == []


@pytest.mark.parametrize(("kind", "counts"), [("MARKET_RANGE", False), ("LIMIT", True)])
def test_only_an_order_that_may_wait_was_made_though_it_was_cancelled(
    kind: str, counts: bool
) -> None:
    failed = replace(OK, outcome=Outcome.FAIL, result={})
    ended = replace(ORDER, kind=kind, status="CANCELLED", executed_lots=Decimal(0))
    ticket = replace(TICKET, state="refused", outcome="not_executed")
    observed = seen(failed, orders=(ended,), deals=(), tickets=(ticket,))
    assert bool(violations(replace(observed, streams=()))) is counts


@pytest.mark.parametrize("outcome", [None, "unknown"])
def test_a_ticket_that_stays_open_is_seen(outcome: str | None) -> None:
    ticket = replace(TICKET, outcome=outcome, state="sent")
    assert Rule.RESOLVED in broken(seen(OK, tickets=(ticket,)))


def test_a_ticket_of_an_unknown_outcome_that_is_gone_is_seen() -> None:
    unknown = replace(OK, outcome=Outcome.UNKNOWN, result={"ticketId": "t9"})
    assert Rule.RESOLVED in broken(seen(unknown))


def test_an_executed_ticket_without_an_order_is_seen() -> None:
    assert Rule.TICKET_IS_TRUE in broken(seen(orders=(), deals=()))


def test_an_order_whose_ticket_says_not_executed_is_seen() -> None:
    ticket = replace(TICKET, outcome="not_executed")
    assert Rule.HAS_TICKET in broken(seen(OK, tickets=(ticket,)))


def test_an_order_without_a_ticket_is_seen() -> None:
    assert Rule.HAS_TICKET in broken(seen(OK, tickets=()))


def test_a_close_that_two_tickets_claim_is_seen() -> None:
    close = replace(TICKET, ticket_id="t2", kind=CLOSE, intent="", target="5")
    tickets = (TICKET, close, replace(close, ticket_id="t3"))
    assert Rule.ONE_CLOSE in broken(seen(OK, orders=(ORDER, CLOSING), tickets=tickets))
    assert violations(seen(OK, orders=(ORDER, CLOSING), tickets=(TICKET, close))) == []


def test_a_close_without_its_deal_is_seen() -> None:
    close = replace(OK, act=CLOSE, target="5", intent="i2", result={"dealId": "99"})
    assert Rule.OK_EXISTS in broken(seen(OK, close))


def test_a_cancel_that_did_not_cancel_is_seen() -> None:
    cancel = replace(OK, act=CANCEL, target="6", intent="i2")
    assert Rule.OK_EXISTS in broken(seen(OK, cancel))


def test_a_failed_cancel_that_cancelled_is_seen() -> None:
    cancel = replace(OK, act=CANCEL, target="6", intent="i2", outcome=Outcome.FAIL)
    cancelled = replace(ORDER, status="CANCELLED")
    assert Rule.FAIL_DOES_NOT in broken(seen(OK, cancel, orders=(cancelled,)))


def test_an_amendment_that_was_told_and_is_not_there_is_seen() -> None:
    amend = replace(OK, act=AMEND_POSITION, target="5", intent="i2", result={"wanted": "1.1"})
    assert Rule.OK_EXISTS in broken(seen(OK, amend))


@pytest.mark.parametrize("deals", [[], ["7", "7"]])
def test_a_deal_that_is_missing_or_doubled_in_a_stream_is_seen(deals: list[str]) -> None:
    assert Rule.DEAL_ONCE in broken(seen(OK, streams=(replace(STREAM, deals=deals),)))


def test_a_stream_that_ended_or_began_later_need_not_tell_a_deal() -> None:
    silent = replace(STREAM, deals=[])
    for stream in (replace(silent, ended=True), replace(silent, began_ms=2000)):
        assert violations(seen(OK, streams=(stream,))) == []


def test_a_gap_in_a_stream_is_seen() -> None:
    assert Rule.NO_GAP in broken(seen(OK, streams=(replace(STREAM, numbers=[1, 3]),)))


SNAPSHOT = Told("snapshot", "e1", 1, 900)
TOLD = Told("dealAdded", "e1", 2, 1060, "7")
GAP = Told("gap", "", 0, 1100)
LATER = Told("snapshot", "e2", 1, 1200)


def resumed(*told: Told, starts_ms: tuple[int, ...] = (800,)) -> Observed:
    stream = ResumedStream("g0", "alpha", list(told), list(starts_ms))
    return seen(OK, resumed=(stream,))


def test_a_subscriber_that_goes_on_hears_each_change_once_or_of_a_gap() -> None:
    twice = replace(TOLD, seq=3)
    assert violations(resumed(SNAPSHOT, TOLD)) == []
    assert violations(resumed(SNAPSHOT, GAP, LATER)) == []
    assert violations(resumed(SNAPSHOT, LATER, starts_ms=(800, 1150))) == []
    assert broken(resumed(SNAPSHOT, TOLD, twice)) == {Rule.DEAL_ONCE}
    assert broken(resumed(SNAPSHOT)) == {Rule.DEAL_ONCE}
    assert broken(resumed(SNAPSHOT, replace(TOLD, seq=3))) == {Rule.NO_GAP}
    assert broken(resumed(SNAPSHOT, replace(TOLD, epoch="e2"))) == {Rule.NO_GAP}


def test_a_subscriber_without_a_snapshot_after_a_gap_or_a_new_start_is_seen() -> None:
    assert Rule.DEAL_ONCE in broken(resumed(SNAPSHOT, TOLD, GAP))
    assert Rule.DEAL_ONCE in broken(resumed(SNAPSHOT, TOLD, starts_ms=(800, 1150)))


def test_only_a_whole_close_and_a_cancel_may_go_without_a_ticket() -> None:
    closed = Book({}, {}, BOOK.balance)
    ledger = Ledger((ORDER, CLOSING), (DEAL,), closed)
    gone = replace(
        seen(OK, ticketless=(TicketlessExit("alpha", CLOSE, "5"),)),
        ledgers={"alpha": ledger},
        books={("g0", "alpha"): closed},
    )
    assert violations(gone) == []
    assert broken(replace(gone, ticketless=())) == {Rule.ONE_CLOSE}
    left = replace(ledger, book=BOOK)
    partly = replace(gone, ledgers={"alpha": left}, books={("g0", "alpha"): BOOK})
    assert broken(partly) == {Rule.ONE_CLOSE}
    placed = TicketlessExit("alpha", PLACE, "")
    assert broken(seen(OK, ticketless=(placed,))) == {Rule.UNJOURNALED}


def test_an_order_that_is_unknown_without_a_ticket_is_seen() -> None:
    unknown = replace(OK, outcome=Outcome.UNKNOWN, result={"outcome": "unknown"})
    assert broken(seen(unknown)) == {Rule.UNJOURNALED}
    for code in ("JOURNAL_DOWN", "STOPPING"):
        blind = replace(unknown, result={"outcome": "unknown", "code": code})
        assert broken(seen(replace(blind, key=None))) == {Rule.UNJOURNALED}
        assert broken(seen(replace(blind, key="k1"))) == set()


@pytest.mark.parametrize(
    "book",
    [
        replace(BOOK, balance=Decimal("999.99")),
        replace(BOOK, positions={}),
        replace(BOOK, positions={"5": replace(HELD, lots=Decimal("0.2"))}),
        replace(BOOK, positions={"5": replace(HELD, stop_loss=Decimal("1.1"))}),
    ],
)
def test_a_book_that_is_not_the_broker_s_is_seen(book: Book) -> None:
    assert broken(seen(OK, books={("g0", "alpha"): book})) == {Rule.BOOK_IS_BROKERS}
