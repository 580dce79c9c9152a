"""Snapshots: what they change, what they may not undo, and how an absence is proved."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from fxpool.account.book import AccountBook
from fxpool.account.events import (
    BalanceChanged,
    DealAdded,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderVanished,
    PositionChanged,
    PositionClosed,
    PositionOpened,
    PositionPartiallyClosed,
    PositionVanished,
)
from fxpool.domain.trades import CloseReason, ExecutionType, OrderStatus, PositionStatus, Side
from fxpool.errors import LocalProtocolError, NotReady
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
    position,
    protection,
    replay,
    trader,
)

CLOSED = created(status=PositionStatus.CLOSED, updated_at=at(60))
CLOSE = execution(
    ExecutionType.ORDER_FILLED, order=closing_order(), position=CLOSED, deal=closing_deal()
)


def test_reading_before_the_first_snapshot_is_refused() -> None:
    book = AccountBook()
    with pytest.raises(NotReady):
        _ = book.trader
    book.load_trader(trader())
    for read in (lambda: book.positions, lambda: book.orders, book.totals):
        with pytest.raises(NotReady):
            read()


def test_a_snapshot_needs_its_beginning() -> None:
    with pytest.raises(LocalProtocolError):
        live_book().reconcile([], [])


def test_the_first_snapshot_reports_nothing() -> None:
    book = live_book(position(), orders=(limit_order(), protection()))
    assert book.positions == {500: position()}
    assert book.orders == {600: limit_order()}


def test_a_snapshot_reports_what_differs() -> None:
    book = live_book(position())
    amended = position(stop_loss=Decimal("1.12"), updated_at=at(5))
    other = position(501, opened_at=at(6), updated_at=at(6))
    book.begin_reconcile()
    assert book.reconcile([amended, other], [limit_order()]) == [
        PositionChanged(position(), amended),
        PositionOpened(other, None),
        OrderPlaced(limit_order()),
    ]
    book.begin_reconcile()
    assert book.reconcile([amended, other], [limit_order()]) == []


def test_an_absent_position_is_not_closed() -> None:
    book = live_book(position())
    book.begin_reconcile()
    assert book.reconcile([], []) == [PositionVanished(position())]
    assert set(book.positions) == {500}
    book.begin_reconcile()
    assert book.reconcile([], []) == []
    book.begin_reconcile()
    assert book.reconcile([position()], []) == []
    assert book.vanished == {}


def test_deals_prove_a_close_and_tell_its_reason_and_result() -> None:
    book = live_book(position())
    book.begin_reconcile()
    book.reconcile([], [])
    events = book.prove_closed(500, [closing_deal(), deal()], closing_order())
    assert events == [
        DealAdded(closing_deal()),
        PositionClosed(position(), closing_deal(), CloseReason.MANUAL, Decimal("0.88")),
        BalanceChanged(Decimal("1000.00"), Decimal("1000.88"), None),
    ]
    assert book.positions == {}
    assert book.prove_closed(500, [closing_deal(), deal()], closing_order()) == []
    assert book.apply_execution(CLOSE) == []


def test_deals_that_leave_a_volume_prove_nothing() -> None:
    book = live_book(position())
    book.begin_reconcile()
    book.reconcile([], [])
    part = closing_deal(filled_volume_cents=100_000)
    assert book.prove_closed(500, [deal(), part], None) == []
    assert book.prove_closed(500, [], None) == []
    assert set(book.vanished) == {500}


def test_a_position_on_the_other_side_is_closed_and_opened_once_deals_show_it() -> None:
    turned = position(side=Side.SELL, volume_cents=100_000, updated_at=at(60))
    book = live_book(position())
    book.begin_reconcile()
    assert book.reconcile([turned], []) == [PositionVanished(position())]
    assert book.prove_closed(500, [deal()], None) == []
    both = closing_deal(filled_volume_cents=300_000, volume_cents=300_000)
    assert book.prove_closed(500, [deal(), both], None) == [
        DealAdded(both),
        PositionClosed(position(), both, CloseReason.OTHER, Decimal("0.88")),
        PositionOpened(turned, None),
        BalanceChanged(Decimal("1000.00"), Decimal("1000.88"), None),
    ]
    assert book.positions == {500: turned}
    assert book.vanished == {}


def test_the_reason_is_unknown_without_the_closing_order() -> None:
    book = live_book(position())
    wrong = closing_order(999)
    events = book.prove_closed(500, [deal(), closing_deal()], wrong)
    (closed,) = (event for event in events if isinstance(event, PositionClosed))
    assert closed.reason is CloseReason.OTHER


def test_a_fill_during_the_snapshot_is_not_undone() -> None:
    book = live_book()
    book.begin_reconcile()
    replay(book, market_open())
    assert book.reconcile([], []) == []
    assert set(book.positions) == {500}
    assert book.vanished == {}


def test_a_close_during_the_snapshot_is_not_undone() -> None:
    book = live_book(position())
    book.begin_reconcile()
    book.apply_execution(CLOSE)
    assert book.reconcile([position()], []) == []
    assert book.positions == {}


def test_a_cancellation_during_the_snapshot_is_not_undone() -> None:
    book = live_book(orders=(limit_order(),))
    book.begin_reconcile()
    gone = limit_order(status=OrderStatus.CANCELLED)
    book.apply_execution(execution(ExecutionType.ORDER_CANCELLED, order=gone))
    assert book.reconcile([], [limit_order()]) == []
    assert book.orders == {}


def test_a_trailing_stop_moved_during_the_snapshot_is_kept() -> None:
    """The server does not move a position's update time when it trails."""
    trailing = position(stop_loss=Decimal("1.12"), trailing_stop_loss=True)
    book = live_book(trailing)
    book.begin_reconcile()
    book.apply_trailing_stop(500, Decimal("1.121"))
    assert book.reconcile([trailing], []) == []
    assert book.positions[500].stop_loss == Decimal("1.121")


def test_an_execution_older_than_the_snapshot_counts_its_deal_only() -> None:
    book = live_book()
    replay(book, market_open())
    rest = position(volume_cents=100_000, updated_at=at(60))
    later = replace(rest, stop_loss=Decimal("1.12"), updated_at=at(61))
    book.begin_reconcile()
    book.reconcile([later], [])
    assert book.realised(500) is None
    part = closing_deal(filled_volume_cents=100_000)
    events = book.apply_execution(
        execution(ExecutionType.ORDER_FILLED, order=closing_order(), position=rest, deal=part)
    )
    assert [type(event) for event in events] == [DealAdded, BalanceChanged]
    assert book.positions == {500: later}


def test_the_results_of_parts_closed_while_away_are_asked_for() -> None:
    book = live_book(position())
    assert book.deals_wanted() == {500}
    assert book.realised(500) is None
    book.add_deals(500, [deal()])
    assert book.deals_wanted() == set()
    assert book.realised(500) == 0
    rest = position(volume_cents=100_000, updated_at=at(60))
    book.begin_reconcile()
    assert book.reconcile([rest], []) == [PositionPartiallyClosed(position(), rest, None)]
    assert book.deals_wanted() == {500}
    book.add_deals(500, [deal(), closing_deal(filled_volume_cents=100_000)])
    assert book.realised(500) == Decimal("0.88")


def test_a_part_closed_and_a_stop_moved_while_away_are_two_changes() -> None:
    book = live_book(position())
    rest = position(volume_cents=100_000, stop_loss=Decimal("1.1"), updated_at=at(60))
    unmoved = replace(rest, stop_loss=position().stop_loss)
    book.begin_reconcile()
    assert book.reconcile([rest], []) == [
        PositionPartiallyClosed(position(), unmoved, None),
        PositionChanged(unmoved, rest),
    ]


def test_a_deal_that_the_list_shows_early_is_left_to_its_event() -> None:
    book = live_book(position())
    part = closing_deal(filled_volume_cents=100_000)
    book.add_deals(500, [deal(), part])
    assert book.realised(500) == 0
    rest = position(volume_cents=100_000, updated_at=at(60))
    events = book.apply_execution(
        execution(ExecutionType.ORDER_FILLED, order=closing_order(), position=rest, deal=part)
    )
    assert PositionPartiallyClosed(position(), rest, part) in events
    assert book.realised(500) == Decimal("0.88")


def test_an_absent_order_with_an_open_position_was_filled() -> None:
    book = live_book(orders=(limit_order(),))
    book.begin_reconcile()
    events = book.reconcile([position()], [])
    filled = limit_order(status=OrderStatus.FILLED)
    assert events == [PositionOpened(position(), None), OrderFilled(filled, None)]


def test_an_absent_order_without_a_position_is_looked_up() -> None:
    book = live_book(orders=(limit_order(),))
    book.begin_reconcile()
    assert book.reconcile([], []) == [OrderVanished(limit_order())]
    assert book.orders == {}
    assert set(book.vanished_orders) == {600}
    assert book.prove_done(limit_order()) == []
    gone = limit_order(status=OrderStatus.CANCELLED)
    assert book.prove_done(gone) == [OrderCancelled(gone)]
    assert book.prove_done(gone) == []
    assert book.vanished_orders == {}
