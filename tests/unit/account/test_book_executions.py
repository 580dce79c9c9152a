"""The event sequences of a live server (recorded ones where the fact sheet has them)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from fxpool.account.events import (
    BalanceChanged,
    DealAdded,
    OrderCancelled,
    OrderChanged,
    OrderExpired,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    PositionChanged,
    PositionClosed,
    PositionOpened,
    PositionPartiallyClosed,
    PositionVanished,
)
from fxpool.domain.cash import CashOperation
from fxpool.domain.trades import (
    CashFlow,
    CloseReason,
    DealStatus,
    Execution,
    ExecutionType,
    OrderStatus,
    OrderType,
    PositionStatus,
    Side,
)
from harness.values import (
    at,
    closing_deal,
    closing_order,
    created,
    deal,
    execution,
    limit_order,
    live_book,
    market_open,
    order,
    position,
    protection,
    replay,
)

PROTECTED = position(stop_loss=Decimal("1.12469"), take_profit=Decimal("1.12669"), updated_at=at(1))
CLOSED = created(status=PositionStatus.CLOSED, updated_at=at(60))


def close_fill(**of_deal: object) -> Execution:
    return execution(
        ExecutionType.ORDER_FILLED,
        order=closing_order(),
        position=CLOSED,
        deal=closing_deal(**of_deal),
    )


def test_an_acceptance_opens_nothing_and_the_fill_opens_one_position() -> None:
    book = live_book()
    accepted, filled = market_open()
    assert book.apply_execution(accepted) == []
    assert book.positions == {}
    assert book.apply_execution(filled) == [DealAdded(deal()), PositionOpened(position(), deal())]
    assert book.positions == {500: position()}
    assert book.realised(500) == 0


def test_protection_shows_on_the_position_and_not_as_an_order() -> None:
    book = live_book()
    replay(book, market_open())
    accepted = execution(
        ExecutionType.ORDER_ACCEPTED, order=protection(), position=PROTECTED, by_server=True
    )
    assert book.apply_execution(accepted) == [PositionChanged(position(), PROTECTED)]
    assert book.orders == {}


def test_an_amendment_is_one_change() -> None:
    book = live_book(PROTECTED)
    amended = replace(PROTECTED, take_profit=None, updated_at=at(2))
    events = book.apply_execution(
        execution(ExecutionType.ORDER_REPLACED, order=protection(), position=amended)
    )
    assert events == [PositionChanged(PROTECTED, amended)]


def test_a_partial_close_leaves_the_rest_open_and_its_result_on_the_position() -> None:
    book = live_book()
    replay(book, market_open())
    rest = position(volume_cents=100_000, commission=Decimal("-0.03"), updated_at=at(60))
    part = closing_deal(filled_volume_cents=100_000)
    events = book.apply_execution(
        execution(ExecutionType.ORDER_FILLED, order=closing_order(), position=rest, deal=part)
    )
    assert events == [
        DealAdded(part),
        PositionPartiallyClosed(position(), rest, part),
        BalanceChanged(Decimal("1000.00"), Decimal("1000.88"), None),
    ]
    assert book.realised(500) == Decimal("0.88")
    shrunk = execution(
        ExecutionType.ORDER_REPLACED, order=protection(), position=rest, by_server=True
    )
    assert book.apply_execution(shrunk) == []


def test_a_close_with_protection_is_reported_once_while_the_broker_cleans_up() -> None:
    book = live_book(PROTECTED)
    emptied = created(updated_at=at(60), stop_loss=Decimal("1.12469"))
    first = replace(close_fill(), position=emptied)
    events = book.apply_execution(first)
    assert [type(event) for event in events] == [DealAdded, PositionClosed, BalanceChanged]
    cancelled = execution(
        ExecutionType.ORDER_CANCELLED,
        order=protection(status=OrderStatus.CANCELLED),
        position=CLOSED,
        by_server=True,
    )
    assert book.apply_execution(cancelled) == []
    assert book.positions == {}


def test_a_close_without_protection_closes_in_the_fill() -> None:
    book = live_book()
    replay(book, market_open())
    _, closed, _ = book.apply_execution(close_fill())
    assert closed == PositionClosed(position(), closing_deal(), CloseReason.MANUAL, Decimal("0.88"))
    remembered = book.closed_position(500)
    assert remembered is not None
    assert remembered.realised == Decimal("0.88")
    assert book.trader.balance == Decimal("1000.88")


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ("1.12465", CloseReason.STOP_LOSS),
        ("1.12480", CloseReason.STOP_LOSS),
        ("1.12670", CloseReason.TAKE_PROFIT),
    ],
)
def test_a_hit_protection_tells_its_side_by_the_price(price: str, reason: CloseReason) -> None:
    book = live_book(PROTECTED)
    hit = execution(
        ExecutionType.ORDER_FILLED,
        order=protection(status=OrderStatus.FILLED),
        position=CLOSED,
        deal=closing_deal(price=Decimal(price)),
        by_server=True,
    )
    (closed,) = (e for e in book.apply_execution(hit) if isinstance(e, PositionClosed))
    assert closed.reason is reason


def test_a_stop_out_is_named_as_one() -> None:
    book = live_book(position())
    stopped = replace(close_fill(), order=closing_order(is_stop_out=True), by_server=True)
    (closed,) = (e for e in book.apply_execution(stopped) if isinstance(e, PositionClosed))
    assert closed.reason is CloseReason.STOP_OUT


def test_a_pending_order_is_placed_amended_and_cancelled() -> None:
    book = live_book()
    resting = limit_order()
    placed = execution(ExecutionType.ORDER_ACCEPTED, order=resting, position=created())
    assert book.apply_execution(placed) == [OrderPlaced(resting)]
    moved = limit_order(limit_price=Decimal("1.11"), updated_at=at(5))
    amended = execution(ExecutionType.ORDER_REPLACED, order=moved, position=created())
    assert book.apply_execution(amended) == [OrderChanged(resting, moved)]
    assert book.orders == {600: moved}
    gone = replace(moved, status=OrderStatus.CANCELLED, updated_at=at(6))
    cancelled = execution(ExecutionType.ORDER_CANCELLED, order=gone, position=CLOSED)
    assert book.apply_execution(cancelled) == [OrderCancelled(gone)]
    assert book.orders == {}
    assert book.positions == {}


def test_a_pending_order_fills_into_the_position_of_its_acceptance() -> None:
    book = live_book(orders=(limit_order(),))
    filled = limit_order(status=OrderStatus.FILLED, executed_volume_cents=200_000)
    events = book.apply_execution(
        execution(
            ExecutionType.ORDER_FILLED,
            order=filled,
            position=position(),
            deal=deal(),
            by_server=True,
        )
    )
    assert events == [
        OrderFilled(filled, deal()),
        DealAdded(deal()),
        PositionOpened(position(), deal()),
    ]
    assert book.orders == {}


def test_a_pending_order_filled_in_part_rests_on_and_opens_the_position() -> None:
    book = live_book(orders=(limit_order(),))
    partly = limit_order(executed_volume_cents=100_000, updated_at=at(1))
    first = deal(status=DealStatus.PARTIALLY_FILLED, filled_volume_cents=100_000)
    half = position(volume_cents=100_000, updated_at=at(1))
    events = book.apply_execution(
        execution(ExecutionType.ORDER_PARTIAL_FILL, order=partly, position=half, deal=first)
    )
    assert events == [
        OrderChanged(limit_order(), partly),
        DealAdded(first),
        PositionOpened(half, first),
    ]
    last = deal(702, filled_volume_cents=100_000, executed_at=at(2))
    filled = limit_order(status=OrderStatus.FILLED, updated_at=at(2))
    whole = position(updated_at=at(2))
    events = book.apply_execution(
        execution(ExecutionType.ORDER_FILLED, order=filled, position=whole, deal=last)
    )
    assert events == [OrderFilled(filled, last), DealAdded(last), PositionChanged(half, whole)]
    assert book.realised(500) == 0


def test_an_acceptance_before_a_triggered_fill_changes_nothing() -> None:
    stop = limit_order(type=OrderType.STOP, stop_price=Decimal("1.13"), limit_price=None)
    book = live_book(orders=(stop,))
    again = execution(ExecutionType.ORDER_ACCEPTED, order=stop, position=created())
    assert book.apply_execution(again) == []


def test_an_expired_order_leaves() -> None:
    book = live_book(orders=(limit_order(),))
    gone = limit_order(status=OrderStatus.EXPIRED)
    events = book.apply_execution(
        execution(ExecutionType.ORDER_EXPIRED, order=gone, position=CLOSED, by_server=True)
    )
    assert events == [OrderExpired(gone)]
    assert book.orders == {}


@pytest.mark.parametrize("type", [ExecutionType.ORDER_REJECTED, ExecutionType.ORDER_ACCEPTED])
def test_a_rejection_has_the_brokers_word(type: ExecutionType) -> None:  # noqa: A002
    book = live_book()
    refused = order(status=OrderStatus.REJECTED)
    events = book.apply_execution(execution(type, order=refused, error_code="MARKET_CLOSED"))
    assert events == [OrderRejected(refused, "MARKET_CLOSED")]


def test_a_rejected_cancellation_leaves_the_order_resting() -> None:
    book = live_book(orders=(limit_order(),))
    refused = execution(
        ExecutionType.ORDER_CANCEL_REJECTED, order=limit_order(), error_code="ORDER_NOT_FOUND"
    )
    assert book.apply_execution(refused) == []
    assert book.orders == {600: limit_order()}


def test_the_rest_of_a_partly_filled_market_order_is_cancelled() -> None:
    book = live_book()
    cancelled = order(status=OrderStatus.CANCELLED, executed_volume_cents=100_000)
    half = position(volume_cents=100_000)
    first = deal(filled_volume_cents=100_000)
    events = book.apply_execution(
        execution(ExecutionType.ORDER_CANCELLED, order=cancelled, position=half, deal=first)
    )
    assert events == [OrderCancelled(cancelled), DealAdded(first), PositionOpened(half, first)]


def test_a_trailing_stop_moves_without_an_execution() -> None:
    book = live_book(PROTECTED)
    (event,) = book.apply_trailing_stop(500, Decimal("1.125"))
    assert event == PositionChanged(PROTECTED, replace(PROTECTED, stop_loss=Decimal("1.125")))
    assert book.apply_trailing_stop(500, Decimal("1.125")) == []
    assert book.apply_trailing_stop(999, Decimal("1.125")) == []


def test_swap_changes_the_position() -> None:
    book = live_book(position())
    charged = position(swap=Decimal("-1.10"), updated_at=at(9))
    events = book.apply_execution(execution(ExecutionType.SWAP, position=charged))
    assert events == [PositionChanged(position(), charged)]


def test_a_deposit_changes_the_balance_once() -> None:
    book = live_book()
    flow = CashFlow(8, Decimal(500), Decimal("1500.00"), 2, at(1), CashOperation.DEPOSIT)
    deposit = execution(ExecutionType.DEPOSIT_WITHDRAW, cash_flow=flow)
    assert book.apply_execution(deposit) == [
        BalanceChanged(Decimal("1000.00"), Decimal("1500.00"), flow)
    ]
    assert book.apply_execution(deposit) == []


def test_an_older_balance_never_overwrites_a_newer_one() -> None:
    book = live_book(position(), balance_version=7)
    events = book.apply_execution(close_fill(version=6))
    assert not any(isinstance(event, BalanceChanged) for event in events)
    assert book.trader.balance == Decimal("1000.00")


def test_a_trader_record_read_before_a_close_does_not_undo_it() -> None:
    book = live_book(position())
    book.apply_execution(close_fill())
    assert book.load_trader(live_book().trader) == []
    assert book.trader.balance == Decimal("1000.88")
    assert book.trader.balance_version == 2


def test_a_repeated_fill_changes_nothing() -> None:
    book = live_book()
    accepted, filled = market_open()
    replay(book, [accepted, filled])
    assert book.apply_execution(filled) == []
    book.apply_execution(close_fill())
    assert book.apply_execution(filled) == []
    assert book.apply_execution(close_fill()) == []
    assert book.positions == {}


def test_a_rejected_deal_moves_nothing() -> None:
    book = live_book(position())
    refused = closing_deal(status=DealStatus.REJECTED)
    events = book.apply_execution(
        execution(ExecutionType.ORDER_REJECTED, order=closing_order(), deal=refused)
    )
    assert events == [OrderRejected(closing_order(), "")]
    assert book.positions == {500: position()}


def test_a_position_called_closed_without_its_deal_waits_for_proof() -> None:
    book = live_book(position())
    cancelled = execution(ExecutionType.ORDER_CANCELLED, order=protection(), position=CLOSED)
    assert book.apply_execution(cancelled) == [PositionVanished(position())]
    assert set(book.positions) == set(book.vanished) == {500}


def test_a_netted_position_that_turns_is_a_close_and_an_opening() -> None:
    book = live_book(position())
    turned = position(side=Side.SELL, volume_cents=100_000, updated_at=at(60))
    flip = closing_deal(volume_cents=300_000, filled_volume_cents=300_000)
    events = book.apply_execution(
        execution(
            ExecutionType.ORDER_FILLED,
            order=order(603, side=Side.SELL),
            position=turned,
            deal=flip,
        )
    )
    assert [type(event) for event in events] == [
        DealAdded,
        PositionClosed,
        PositionOpened,
        BalanceChanged,
    ]
    assert book.positions == {500: turned}


def test_closed_positions_are_remembered_for_a_day() -> None:
    book = live_book(position(), position(501))
    book.apply_execution(close_fill())
    late = closing_deal(702, position_id=501, executed_at=at(60 + 25 * 3600), version=3)
    gone = created(501, status=PositionStatus.CLOSED)
    book.apply_execution(
        execution(ExecutionType.ORDER_FILLED, order=closing_order(), position=gone, deal=late)
    )
    assert book.closed_position(501) is not None
    assert book.closed_position(500) is None
