"""Trades from deals: lots first in, first out; parts; what is not known stays unknown."""

from __future__ import annotations

from decimal import Decimal

from fxpool.domain.trades import CloseDetail, Deal, DealStatus, Side
from fxpool.history.trades import OpenLots, trade_after
from harness.values import EURUSD, at


def opening(deal_id: int, seconds: float, cents: int, position_id: int = 500) -> Deal:
    return Deal(
        deal_id=deal_id,
        order_id=deal_id + 1000,
        position_id=position_id,
        symbol_id=EURUSD,
        side=Side.BUY,
        status=DealStatus.FILLED,
        volume_cents=cents,
        filled_volume_cents=cents,
        price=Decimal("1.1"),
        commission=Decimal("-0.05"),
        margin_rate=None,
        executed_at=at(seconds),
        close=None,
    )


def closing(deal_id: int, seconds: float, cents: int, *, closed: int | None = None) -> Deal:
    detail = CloseDetail(
        entry_price=Decimal("1.1"),
        gross_profit=Decimal("10.00"),
        swap=Decimal("-0.50"),
        commission=Decimal("-0.20"),
        conversion_fee=Decimal("-0.01"),
        balance=Decimal("1009.29"),
        balance_version=deal_id,
        closed_volume_cents=cents if closed is None else closed,
        quote_to_deposit_rate=None,
    )
    return Deal(
        deal_id=deal_id,
        order_id=deal_id + 1000,
        position_id=500,
        symbol_id=EURUSD,
        side=Side.SELL,
        status=DealStatus.FILLED,
        volume_cents=cents,
        filled_volume_cents=cents,
        price=Decimal("1.1025"),
        commission=Decimal("-0.10"),
        margin_rate=None,
        executed_at=at(seconds),
        close=detail,
    )


def test_the_oldest_lot_is_closed_first() -> None:
    lots = OpenLots()
    assert lots.take(opening(1, 0, 100)) is None
    assert lots.take(opening(2, 10, 100)) is None
    first, second = lots.take(closing(3, 20, 100)), lots.take(closing(4, 30, 100))
    assert first is not None
    assert second is not None
    assert (first.opened_at, first.opening_order_id) == (at(0), 1001)
    assert (second.opened_at, second.opening_order_id) == (at(10), 1002)
    assert not lots.is_open(500)


def test_a_part_that_spans_lots_was_opened_with_the_first_of_them() -> None:
    lots = OpenLots()
    lots.take(opening(1, 0, 100))
    lots.take(opening(2, 10, 100))
    part = lots.take(closing(3, 20, 150))
    assert part is not None
    assert part.opened_at == at(0)
    assert lots.is_open(500)


def test_a_part_has_the_side_of_its_position_and_all_its_costs() -> None:
    lots = OpenLots()
    lots.take(opening(1, 0, 100))
    part = lots.take(closing(2, 5, 100))
    assert part is not None
    assert part.side is Side.BUY
    assert part.commission == Decimal("-0.21")
    assert part.net_profit == Decimal("9.29")
    assert part.pips(Decimal("0.0001")) == 25


def test_a_close_without_its_opening_says_that_it_does_not_know() -> None:
    part = OpenLots().take(closing(2, 5, 100))
    assert part is not None
    assert part.opened_at is None
    assert trade_after(None, part).duration is None


def test_a_position_that_turns_round_stays_open() -> None:
    lots = OpenLots()
    lots.take(opening(1, 0, 100))
    part = lots.take(closing(2, 5, 160, closed=100))
    assert part is not None
    assert part.volume_cents == 100
    assert lots.is_open(500)


def test_two_parts_are_one_trade_on_the_capital_before_the_first() -> None:
    lots = OpenLots()
    lots.take(opening(1, 0, 200))
    first, second = lots.take(closing(2, 5, 100)), lots.take(closing(3, 9, 100))
    assert first is not None
    assert second is not None
    trade = trade_after(trade_after(None, first), second)
    assert (trade.parts, trade.net_profit, trade.capital) == (2, Decimal("18.58"), Decimal(1000))
    assert (trade.opened_at, trade.closed_at) == (at(0), at(9))
