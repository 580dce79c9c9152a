"""Every switch of the engine: each option changes what a client sees."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from fxpool.simulator.engine import Rules
from fxpool.simulator.engine.accounts import AccountType
from fxpool.simulator.engine.commands import PlaceOrder
from fxpool.simulator.engine.model import OrderKind, PositionStatus, Side
from fxpool.simulator.engine.notices import Execution, Notice
from fxpool.simulator.engine.rules import (
    MarginBasis,
    MarketClosedCarrier,
    NettedExcess,
    StopLimitForm,
    TriggeredFill,
    WrongSideStops,
)
from fxpool.simulator.engine.symbols import Holiday, Interval, TradingMode
from fxpool.simulator.refusal import Carrier, Refusal
from harness.trader import START_MS, Trader, words


def execution(notice: Notice) -> Execution:
    assert isinstance(notice, Execution)
    return notice


def test_every_switch_names_its_number_and_says_why() -> None:
    documentation = Rules.__doc__ or ""
    for one in fields(Rules):
        has_number = one.name not in {"margin_basis", "execution_delay_ms"}
        assert f"        {one.name}: {'SW-' if has_number else ''}" in documentation


@pytest.mark.parametrize("shows", [True, False])
def test_an_acceptance_shows_the_position_to_come_or_none(*, shows: bool) -> None:
    trader = Trader(Rules(shows_created_position=shows))
    for told in (trader.place(), trader.place(OrderKind.LIMIT, limit_price=112_000)):
        position = execution(told[0]).position
        assert (position is not None) is shows
        assert position is None or position.status is PositionStatus.CREATED


def test_closing_an_open_position_always_shows_it() -> None:
    trader = Trader(Rules(shows_created_position=False))
    position = trader.open()
    told = trader.close(position.position_id, 100_000)
    assert execution(told[0]).position == position


@pytest.mark.parametrize(("named", "name"), [(True, "1"), (False, "")])
def test_the_server_names_its_own_orders_or_not(*, named: bool, name: str) -> None:
    trader = Trader(Rules(names_own_orders=named))
    told = trader.place(relative_stop_loss=500, client_order_id="mine")
    assert [getattr(execution(one).order, "client_order_id", None) for one in told] == [
        "mine",
        "mine",
        name,
    ]


MARKET_RANGE: dict[str, Any] = {
    "kind": OrderKind.MARKET_RANGE,
    "base_slippage_price": 112_560,
    "slippage_points": 100,
    "stop_loss": 112_000,
    "take_profit": 113_000,
}


def test_a_market_range_order_with_prices_is_refused_or_protected_by_them() -> None:
    with pytest.raises(Refusal, match="absolute values"):
        Trader().place(**MARKET_RANGE)
    trader = Trader(Rules(market_range_takes_levels=True))
    assert words(trader.place(**MARKET_RANGE)) == ["A id", "F id", "A srv"]
    levels = trader.only_position().levels
    assert (levels.stop_loss, levels.take_profit) == (112_000, 113_000)
    with pytest.raises(Refusal, match="BAD_STOPS"):
        trader.place(**MARKET_RANGE | {"stop_loss": 113_000})


@pytest.mark.parametrize(
    ("form", "given", "limit"),
    [
        (StopLimitForm.SLIPPAGE, {"slippage_points": 10}, 113_010),
        (StopLimitForm.SLIPPAGE, {"limit_price": 113_050}, None),
        (StopLimitForm.LIMIT_PRICE, {"limit_price": 113_050}, 113_050),
        (StopLimitForm.LIMIT_PRICE, {"slippage_points": 10}, None),
        (StopLimitForm.BOTH, {"limit_price": 113_050}, 113_050),
        (StopLimitForm.BOTH, {"slippage_points": 10}, 113_010),
        (StopLimitForm.BOTH, {}, None),
    ],
)
def test_a_stop_limit_order_is_limited_by_slippage_or_price(
    form: StopLimitForm, given: dict[str, int], limit: int | None
) -> None:
    trader = Trader(Rules(stop_limit_form=form))
    if limit is None:
        with pytest.raises(Refusal, match="misses required fields"):
            trader.place(OrderKind.STOP_LIMIT, stop_price=113_000, **given)
        return
    trader.place(OrderKind.STOP_LIMIT, stop_price=113_000, **given)
    assert trader.tick(113_080, 113_090) == []
    (order,) = trader.book.orders.values()
    assert order.limit_price == limit
    assert words(trader.tick(limit - 10, limit)) == ["F srv"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (TriggeredFill.SERVER_EVENT, ["F srv", "A srv"]),
        (TriggeredFill.PLAIN_EVENT, ["F push", "A srv"]),
        (TriggeredFill.ACCEPTED_FIRST, ["A srv", "F srv", "A srv"]),
    ],
)
def test_a_triggered_order_is_told_in_one_of_three_ways(
    rule: TriggeredFill, expected: list[str]
) -> None:
    trader = Trader(Rules(triggered_fill=rule))
    trader.place(OrderKind.STOP, stop_price=113_000, relative_stop_loss=100)
    assert words(trader.tick(113_000, 113_010)) == expected


@pytest.mark.parametrize(("accepted", "word"), [(True, "A id"), (False, "R id")])
def test_first_levels_are_accepted_or_replaced(*, accepted: bool, word: str) -> None:
    trader = Trader(Rules(first_protection_accepted=accepted))
    assert words(trader.protect(trader.open().position_id, stop_loss=112_000)) == [word]


@pytest.mark.parametrize(("cancels", "word"), [(True, "C id"), (False, "R id")])
def test_removed_levels_are_cancelled_or_replaced(*, cancels: bool, word: str) -> None:
    trader = Trader(Rules(removal_cancels=cancels))
    position = trader.open(relative_stop_loss=500)
    assert words(trader.protect(position.position_id)) == [word]
    assert not trader.book.orders


@pytest.mark.parametrize(
    ("closed", "status"), [(True, PositionStatus.CLOSED), (False, PositionStatus.CREATED)]
)
def test_a_bare_position_ends_closed_or_created(*, closed: bool, status: PositionStatus) -> None:
    trader = Trader(Rules(bare_close_is_closed=closed))
    told = trader.close(trader.open().position_id, 100_000)
    position = execution(told[-1]).position
    assert position is not None
    assert position.status is status


@pytest.mark.parametrize(("cancels", "expected"), [(False, ["F srv"]), (True, ["F srv", "C srv"])])
def test_after_a_hit_nothing_more_or_a_cancellation(*, cancels: bool, expected: list[str]) -> None:
    trader = Trader(Rules(cancels_after_hit=cancels))
    trader.open(relative_stop_loss=500)
    assert words(trader.tick(112_000, 112_010)) == expected
    assert not trader.book.orders


@pytest.mark.parametrize(
    ("rule", "expected", "held"),
    [
        (NettedExcess.NEW_POSITION, ["A id", "P id", "F id"], 100_000),
        (NettedExcess.SAME_POSITION, ["A id", "P id", "F id"], 100_000),
        (NettedExcess.REFUSED, ["A id", "P id", "C srv"], 0),
    ],
)
@pytest.mark.parametrize("symbol", [{}, {"liquidity": 200_000}])
def test_a_netted_excess_opens_flips_or_goes(
    rule: NettedExcess, expected: list[str], held: int, symbol: dict[str, Any]
) -> None:
    """Whether one price takes all of the order, or its first level just the old position."""
    trader = Trader(
        Rules(netted_excess=rule), symbol=symbol, account={"account_type": AccountType.NETTED}
    )
    first = trader.open(volume=200_000)
    assert words(trader.place(side=Side.SELL, volume=300_000)) == expected
    assert sum(one.volume for one in trader.book.positions.values()) == held
    assert (first.position_id in trader.book.positions) is (rule is NettedExcess.SAME_POSITION)
    assert {one.side for one in trader.book.positions.values()} <= {Side.SELL}


def test_executions_may_be_lost_but_not_undone() -> None:
    trader = Trader(Rules(lost_execution_chance=1.0))
    assert trader.place() == []
    assert trader.only_position().volume == 100_000
    half = Trader(Rules(lost_execution_chance=0.5))
    heard = sum(len(half.place()) for _ in range(20))
    assert 0 < heard < 40


@pytest.mark.parametrize("delay_ms", [0, 100])
def test_an_amendment_may_come_too_early(delay_ms: int) -> None:
    trader = Trader(Rules(amend_delay_ms=delay_ms))
    position_id = trader.open().position_id
    trader.at_ms += 99
    if delay_ms:
        with pytest.raises(Refusal, match="POSITION_NOT_FOUND"):
            trader.protect(position_id, stop_loss=112_000)
    trader.at_ms += 1
    assert words(trader.protect(position_id, stop_loss=112_000)) == ["A id"]


def test_a_clock_that_was_put_back_hides_no_position() -> None:
    trader = Trader()
    position_id = trader.open().position_id
    trader.at_ms -= 5000
    assert words(trader.protect(position_id, stop_loss=112_000)) == ["A id"]


@pytest.mark.parametrize(
    ("rule", "code", "carrier"),
    [
        (WrongSideStops.BAD_STOPS, "TRADING_BAD_STOPS", Carrier.ORDER_ERROR),
        (WrongSideStops.INVALID_REQUEST, "INVALID_REQUEST", Carrier.ERROR_RES),
    ],
)
def test_levels_on_the_wrong_side_are_refused_by_one_of_two_messages(
    rule: WrongSideStops, code: str, carrier: Carrier
) -> None:
    trader = Trader(Rules(wrong_side_stops=rule))
    position_id = trader.open().position_id
    for levels in ({"stop_loss": 112_570}, {"take_profit": 112_550}):
        with pytest.raises(Refusal) as refusal:
            trader.protect(position_id, **levels)
        assert (refusal.value.code, refusal.value.carrier) == (code, carrier)
        assert trader.only_position().levels.is_empty


def test_levels_on_the_wrong_side_may_fill_at_once() -> None:
    trader = Trader(Rules(wrong_side_stops=WrongSideStops.ACCEPTED))
    position_id = trader.open().position_id
    assert words(trader.protect(position_id, take_profit=112_500)) == ["A id", "F srv"]
    assert not trader.book.positions


NEVER_OPEN = {"schedule": (Interval(0, 1),)}


@pytest.mark.parametrize(
    ("rule", "carrier"),
    [
        (MarketClosedCarrier.ORDER_ERROR, Carrier.ORDER_ERROR),
        (MarketClosedCarrier.ERROR_RES, Carrier.ERROR_RES),
    ],
)
def test_a_closed_market_is_told_by_an_error(rule: MarketClosedCarrier, carrier: Carrier) -> None:
    trader = Trader(Rules(market_closed_carrier=rule), symbol=NEVER_OPEN)
    with pytest.raises(Refusal) as refusal:
        trader.submit(PlaceOrder(1, OrderKind.MARKET, Side.BUY, 100_000))
    assert (refusal.value.code, refusal.value.carrier) == ("MARKET_CLOSED", carrier)
    assert not trader.book.history


UNTRADED: list[tuple[dict[str, Any], str]] = [
    ({"holidays": (Holiday(1, "Monday", START_MS // 86_400_000),)}, "SYMBOL_HAS_HOLIDAY"),
    ({"trading_mode": TradingMode.DISABLED_WITH_PENDINGS_EXECUTION}, "TRADING_DISABLED"),
    ({"trading_mode": TradingMode.CLOSE_ONLY}, "TRADING_DISABLED"),
]


@pytest.mark.parametrize(("symbol", "code"), UNTRADED)
@pytest.mark.parametrize("rule", MarketClosedCarrier)
def test_a_holiday_and_disabled_trading_are_told_as_a_closed_market_is(
    symbol: dict[str, Any], code: str, rule: MarketClosedCarrier
) -> None:
    trader = Trader(Rules(market_closed_carrier=rule), symbol=symbol)
    if rule is MarketClosedCarrier.EXECUTION:
        (rejected,) = trader.place()
        assert (words([rejected]), execution(rejected).error_code) == (["X id"], code)
        return
    with pytest.raises(Refusal) as refusal:
        trader.place()
    assert (refusal.value.code, refusal.value.carrier.value) == (code, rule.value)


def test_a_pending_order_of_a_disabled_symbol_may_be_told_by_a_rejected_one() -> None:
    symbol = {"trading_mode": TradingMode.DISABLED_WITHOUT_PENDINGS_EXECUTION}
    trader = Trader(Rules(market_closed_carrier=MarketClosedCarrier.EXECUTION), symbol=symbol)
    (rejected,) = trader.place(OrderKind.LIMIT, limit_price=112_000)
    assert execution(rejected).error_code == "TRADING_DISABLED"
    assert not trader.book.orders


@pytest.mark.parametrize(
    ("basis", "margins"),
    [(MarginBasis.AT_OPENING, (112_570, 112_570)), (MarginBasis.AT_EACH_EVENT, (112_570, 120_010))],
)
def test_margin_keeps_the_rate_of_the_opening_or_follows_each_event(
    basis: MarginBasis, margins: tuple[int, int]
) -> None:
    trader = Trader(Rules(margin_basis=basis))
    position_id = trader.open(volume=10_000_000).position_id
    opened = trader.book.positions[position_id].used_margin
    trader.tick(120_000, 120_010)
    assert trader.book.positions[position_id].used_margin == opened  # a quote is no event
    trader.engine.deposit(10, 1, trader.at_ms)
    renewed = trader.book.positions[position_id].used_margin
    assert (opened, renewed) == margins
    assert trader.book.worth.margin_total() == renewed


def test_a_closed_market_may_be_told_by_a_rejected_order() -> None:
    trader = Trader(Rules(market_closed_carrier=MarketClosedCarrier.EXECUTION), symbol=NEVER_OPEN)
    (rejected,) = trader.place()
    assert words([rejected]) == ["X id"]
    assert execution(rejected).error_code == "MARKET_CLOSED"
    assert not trader.book.positions


@pytest.mark.parametrize("pushes", [False, True])
def test_changes_of_the_account_may_be_pushed(*, pushes: bool) -> None:
    trader = Trader(Rules(pushes_account_changes=pushes))
    added = ["margin"] if pushes else []
    assert words(trader.place()) == ["A id", "F id", *added]
    position_id = trader.only_position().position_id
    added = ["account"] if pushes else []
    assert words(trader.close(position_id, 100_000)) == ["A id", "F id", *added]
    assert words(trader.engine.deposit(10, 1, trader.at_ms)) == ["cash srv", *added]
    assert words(trader.engine.give_bonus(10, 1, trader.at_ms)) == ["bonus srv", *added]
