from __future__ import annotations

import pytest
from google.protobuf.message import Message

from fxpool.errors import (
    AuthRefused,
    LocalProtocolError,
    OutcomeUnclear,
    RateLimited,
    RequestRefused,
    TradeRefused,
)
from fxpool.openapi.proto.messages_pb2 import ProtoOATraderReq
from fxpool.openapi.proto.model_pb2 import (
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    LIMIT,
    MARKET_RANGE,
    ORDER_ACCEPTED,
    ORDER_CANCEL_REJECTED,
    ORDER_CANCELLED,
    ORDER_EXPIRED,
    ORDER_FILLED,
    ORDER_PARTIAL_FILL,
    ORDER_REJECTED,
    ORDER_REPLACED,
    STOP,
    STOP_LIMIT,
    STOP_LOSS_TAKE_PROFIT,
    ProtoOATimeInForce,
)
from fxpool.session.trade import Trade
from harness.trades import (
    ORDER,
    amend_order,
    amend_position,
    cancel_order,
    close_position,
    execution,
    new_order,
)

NAMED_IN = [
    (new_order(), [ORDER_ACCEPTED, ORDER_FILLED]),
    (new_order(), [ORDER_ACCEPTED, ORDER_PARTIAL_FILL, ORDER_PARTIAL_FILL, ORDER_FILLED]),
    (new_order(MARKET_RANGE), [ORDER_ACCEPTED, ORDER_FILLED]),
    (new_order(LIMIT), [ORDER_ACCEPTED]),
    (new_order(STOP), [ORDER_ACCEPTED]),
    (new_order(STOP_LIMIT), [ORDER_ACCEPTED]),
    (new_order(LIMIT), [ORDER_FILLED]),
    (cancel_order(), [ORDER_CANCELLED]),
    (amend_order(), [ORDER_REPLACED]),
    (amend_position(), [ORDER_REPLACED]),
    (amend_position(), [ORDER_ACCEPTED]),
    (amend_position(), [ORDER_CANCELLED]),
    (close_position(), [ORDER_ACCEPTED, ORDER_FILLED]),
    (close_position(), [ORDER_ACCEPTED, ORDER_PARTIAL_FILL, ORDER_FILLED]),
]


@pytest.mark.parametrize(("request_message", "kinds"), NAMED_IN)
def test_a_request_finishes_at_the_last_event_of_its_sequence(
    request_message: Message, kinds: list[int]
) -> None:
    trade = Trade(request_message)
    events = [execution(kind) for kind in kinds]
    for event in events[:-1]:
        assert trade.take(event) is None
    assert trade.take(events[-1]) == tuple(events)


@pytest.mark.parametrize("validity", [IMMEDIATE_OR_CANCEL, FILL_OR_KILL])
def test_a_limit_order_that_may_not_wait_is_finished_by_its_fill_or_its_end(
    validity: ProtoOATimeInForce.ValueType,
) -> None:
    request = new_order(LIMIT)
    request.timeInForce = validity
    filled, cancelled = Trade(request), Trade(request)
    for trade in (filled, cancelled):
        assert trade.take(execution(ORDER_ACCEPTED)) is None
    assert isinstance(filled.take(execution(ORDER_FILLED)), tuple)
    assert isinstance(cancelled.take(execution(ORDER_CANCELLED)), TradeRefused)


@pytest.mark.parametrize("request_message", [new_order(), close_position()])
def test_a_cancelled_rest_ends_a_partly_filled_order_as_partial(request_message: Message) -> None:
    trade = Trade(request_message)
    trade.take(execution(ORDER_ACCEPTED))
    cancelled = execution(ORDER_CANCELLED, executed=40_000)
    outcome = trade.take(cancelled)
    assert isinstance(outcome, tuple)
    assert outcome[-1] is cancelled


@pytest.mark.parametrize("kind", [ORDER_CANCELLED, ORDER_EXPIRED])
def test_an_order_that_ended_without_an_execution_was_refused(kind: int) -> None:
    trade = Trade(new_order(MARKET_RANGE))
    trade.take(execution(ORDER_ACCEPTED))
    assert isinstance(trade.take(execution(kind)), TradeRefused)


def test_a_rejected_rest_never_denies_what_was_executed() -> None:
    trade = Trade(new_order())
    trade.take(execution(ORDER_PARTIAL_FILL, executed=40_000))
    assert isinstance(trade.take(execution(ORDER_REJECTED, error="MARKET_CLOSED")), tuple)


def test_a_refusal_after_a_partial_fill_leaves_the_outcome_open() -> None:
    trade = Trade(new_order())
    trade.take(execution(ORDER_PARTIAL_FILL, executed=40_000))
    assert isinstance(trade.refused(TradeRefused("MARKET_CLOSED")), OutcomeUnclear)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (execution(ORDER_REJECTED, error="MARKET_CLOSED"), TradeRefused),
        (execution(ORDER_REJECTED), TradeRefused),
        (execution(ORDER_REJECTED, error="UNKNOWN_ERROR"), TradeRefused),
        (execution(ORDER_ACCEPTED, error="NOT_ENOUGH_MONEY"), TradeRefused),
        (execution(ORDER_ACCEPTED, error="TIMEOUT_ERROR"), OutcomeUnclear),
        (execution(ORDER_ACCEPTED, error="NEVER_HEARD_OF"), OutcomeUnclear),
        (execution(ORDER_REJECTED, error="BLOCKED_PAYLOAD_TYPE"), RateLimited),
        (execution(ORDER_ACCEPTED, error="ACCOUNT_NOT_AUTHORIZED"), AuthRefused),
    ],
)
def test_an_execution_event_can_refuse(event: Message, kind: type[RequestRefused]) -> None:
    outcome = Trade(new_order()).take(event)  # type: ignore[arg-type]  # parametrize loses it
    assert type(outcome) is kind


def test_a_cancel_that_lost_the_race_is_refused() -> None:
    event = execution(ORDER_CANCEL_REJECTED, error="UNABLE_TO_CANCEL_ORDER")
    assert isinstance(Trade(cancel_order()).take(event), TradeRefused)


def test_a_kind_of_event_that_is_newer_than_the_schema_finishes_nothing() -> None:
    assert Trade(new_order(LIMIT)).take(execution(None)) is None


def test_an_order_is_claimed_once_its_id_is_known() -> None:
    trade = Trade(new_order())
    assert not trade.claims(execution(ORDER_FILLED))
    trade.take(execution(ORDER_ACCEPTED))
    assert trade.claims(execution(ORDER_FILLED))
    assert not trade.claims(execution(ORDER_FILLED, order_id=ORDER + 1))


def test_a_cancel_claims_the_cancellation_of_its_order_and_nothing_else() -> None:
    trade = Trade(cancel_order())
    assert trade.claims(execution(ORDER_CANCELLED))
    assert not trade.claims(execution(ORDER_FILLED))


def test_an_amendment_claims_nothing_without_its_id() -> None:
    assert not Trade(amend_order()).claims(execution(ORDER_REPLACED))


@pytest.mark.parametrize(
    "message", [ProtoOATraderReq(ctidTraderAccountId=1), new_order(STOP_LOSS_TAKE_PROFIT)]
)
def test_what_is_no_order_request_is_our_mistake(message: Message) -> None:
    with pytest.raises(LocalProtocolError):
        Trade(message)
