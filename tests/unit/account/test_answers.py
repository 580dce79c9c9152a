"""What an answer to an order request comes to."""

from __future__ import annotations

from fxpool.account.answers import Placed, Protection, deals_of, ids_of, last_order
from fxpool.domain.trades import DealStatus, ExecutionType, OrderStatus
from harness.values import deal, execution, market_open, order


def test_the_order_is_the_one_that_was_told_last() -> None:
    assert last_order(tuple(market_open())).status is OrderStatus.FILLED


def test_a_deal_counts_once_and_only_if_it_was_executed() -> None:
    rejected = deal(702, status=DealStatus.REJECTED)
    executions = (
        execution(ExecutionType.ORDER_PARTIAL_FILL, deal=deal(700)),
        execution(ExecutionType.ORDER_PARTIAL_FILL, deal=deal(700)),
        execution(ExecutionType.ORDER_REJECTED, deal=rejected),
        execution(ExecutionType.ORDER_FILLED, deal=deal(701)),
    )
    assert [found.deal_id for found in deals_of(executions)] == [700, 701]


def test_the_evidence_names_each_order_and_deal_once() -> None:
    assert ids_of(tuple(market_open())) == "order 600, deal 700"


def test_only_an_order_that_was_filled_for_less_is_partial() -> None:
    asked = order(volume_cents=200_000)
    whole = Placed(asked, (deal(filled_volume_cents=200_000),), None, Protection.NONE)
    part = Placed(asked, (deal(filled_volume_cents=100_000),), None, Protection.NONE)
    resting = Placed(asked, (), None, Protection.NONE)
    assert [each.is_partial for each in (whole, part, resting)] == [False, True, False]
