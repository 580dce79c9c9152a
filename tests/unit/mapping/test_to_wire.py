from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fxpool.domain.quotes import LiveQuote
from fxpool.domain.requests import KEEP, REMOVE, OrderIntent
from fxpool.domain.trades import OrderType, Side, StopTrigger, TimeInForce
from fxpool.errors import InvalidOrder, NoQuote
from fxpool.mapping import to_wire
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto import model_pb2 as model
from harness.values import at, limit_order, order, position, symbol

SYMBOL = symbol()
QUOTE = LiveQuote(1)
QUOTE.bid, QUOTE.ask = 112560, 112570

INDEX = symbol(digits=2)
INDEX_QUOTE = LiveQuote(1)
INDEX_QUOTE.bid, INDEX_QUOTE.ask = 8_520_000_000, 8_520_150_000


def intent(**more: Any) -> OrderIntent:
    known = {
        "symbol_id": 1,
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "volume_cents": 100_000,
        "client_order_id": "ours",
    }
    return OrderIntent(**known | more)


def test_a_market_order_says_what_it_must_and_no_more() -> None:
    request = to_wire.new_order(9, intent(price=Decimal(1)), SYMBOL, None)
    assert request == wire.ProtoOANewOrderReq(
        ctidTraderAccountId=9,
        symbolId=1,
        orderType=model.MARKET,
        tradeSide=model.BUY,
        volume=100_000,
        clientOrderId="ours",
    )


def test_absolute_protection_of_a_market_order_becomes_distances() -> None:
    levels = {"stop_loss": Decimal("1.12470"), "take_profit": Decimal("1.12700")}
    buy = to_wire.new_order(9, intent(**levels), SYMBOL, QUOTE)
    assert (buy.relativeStopLoss, buy.relativeTakeProfit) == (100, 130)
    assert not buy.HasField("stopLoss")
    assert not buy.HasField("takeProfit")
    mirrored = {"stop_loss": Decimal("1.12700"), "take_profit": Decimal("1.12470")}
    sell = to_wire.new_order(9, intent(side=Side.SELL, **mirrored), SYMBOL, QUOTE)
    assert (sell.relativeStopLoss, sell.relativeTakeProfit) == (140, 90)


def test_distances_are_whole_ticks_of_the_symbol() -> None:
    request = to_wire.new_order(9, intent(stop_loss=Decimal("85111.494")), INDEX, INDEX_QUOTE)
    assert request.relativeStopLoss == 9_001_000


@pytest.mark.parametrize(
    "more",
    [
        {"stop_loss": Decimal("1.12570")},
        {"stop_loss": Decimal("1.13")},
        {"take_profit": Decimal("1.12")},
        {"side": Side.SELL, "stop_loss": Decimal("1.12")},
        {"side": Side.SELL, "take_profit": Decimal("1.13")},
    ],
)
def test_protection_on_the_wrong_side_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidOrder, match="invalid stops"):
        to_wire.new_order(9, intent(**more), SYMBOL, QUOTE)


def test_protection_cannot_be_measured_without_a_quote() -> None:
    with pytest.raises(NoQuote):
        to_wire.new_order(9, intent(stop_loss=Decimal(1)), SYMBOL, None)
    with pytest.raises(NoQuote):
        to_wire.new_order(9, intent(stop_loss=Decimal(1)), SYMBOL, LiveQuote(1))


def test_a_limit_order_carries_absolute_prices_in_the_symbols_digits() -> None:
    request = to_wire.new_order(
        9,
        intent(
            type=OrderType.LIMIT,
            price=Decimal("1.123456"),
            stop_loss=Decimal("1.12"),
            take_profit=Decimal("1.13"),
        ),
        SYMBOL,
        None,
    )
    assert (request.limitPrice, request.stopLoss, request.takeProfit) == (1.12346, 1.12, 1.13)
    assert not request.HasField("stopPrice")
    assert not request.HasField("relativeStopLoss")


def test_a_stop_order_carries_its_stop_price() -> None:
    request = to_wire.new_order(9, intent(type=OrderType.STOP, price=Decimal("1.13")), SYMBOL, None)
    assert request.stopPrice == 1.13
    assert not request.HasField("limitPrice")


def test_a_stop_limit_order_needs_its_slippage() -> None:
    stop_limit = intent(type=OrderType.STOP_LIMIT, price=Decimal("1.13"), slippage_points=20)
    request = to_wire.new_order(9, stop_limit, SYMBOL, None)
    assert (request.stopPrice, request.slippageInPoints) == (1.13, 20)
    with pytest.raises(InvalidOrder):
        to_wire.new_order(9, replace(stop_limit, slippage_points=None), SYMBOL, None)


@pytest.mark.parametrize("price", [None, Decimal(0), Decimal(-1)])
def test_a_pending_order_needs_a_price(price: Decimal | None) -> None:
    with pytest.raises(InvalidOrder):
        to_wire.new_order(9, intent(type=OrderType.LIMIT, price=price), SYMBOL, None)


def test_an_expiration_makes_an_order_good_till_that_date() -> None:
    pending = intent(type=OrderType.LIMIT, price=Decimal("1.12"), expires_at=at(0))
    request = to_wire.new_order(9, pending, SYMBOL, None)
    assert request.timeInForce == model.GOOD_TILL_DATE
    assert request.expirationTimestamp == 1_772_452_800_000
    for wrong in (
        replace(pending, time_in_force=TimeInForce.GOOD_TILL_CANCEL),
        replace(pending, expires_at=None, time_in_force=TimeInForce.GOOD_TILL_DATE),
    ):
        with pytest.raises(InvalidOrder):
            to_wire.new_order(9, wrong, SYMBOL, None)


def test_texts_have_the_brokers_limits() -> None:
    request = to_wire.new_order(9, intent(label="L" * 100, comment="C" * 512), SYMBOL, None)
    assert (len(request.label), len(request.comment)) == (100, 512)
    for more in (
        {"label": "L" * 101},
        {"comment": "C" * 513},
        {"client_order_id": "O" * 51},
        {"client_order_id": ""},
    ):
        with pytest.raises(InvalidOrder):
            to_wire.new_order(9, intent(**more), SYMBOL, None)


def test_server_made_order_types_cannot_be_placed() -> None:
    with pytest.raises(InvalidOrder):
        to_wire.new_order(9, intent(type=OrderType.STOP_LOSS_TAKE_PROFIT), SYMBOL, None)


def test_an_amendment_sends_the_untouched_leg_and_the_flags_again() -> None:
    guarded = position(
        stop_loss=Decimal("1.12"),
        take_profit=Decimal("1.13"),
        trailing_stop_loss=True,
        guaranteed_stop_loss=True,
        stop_trigger=StopTrigger.OPPOSITE,
    )
    request = to_wire.amend_position(9, guarded, SYMBOL, KEEP, Decimal("1.14"))
    assert request == wire.ProtoOAAmendPositionSLTPReq(
        ctidTraderAccountId=9,
        positionId=500,
        stopLoss=1.12,
        takeProfit=1.14,
        trailingStopLoss=True,
        guaranteedStopLoss=True,
        stopLossTriggerMethod=model.OPPOSITE,
    )


def test_a_removed_leg_is_left_out_with_its_flags() -> None:
    guarded = position(
        stop_loss=Decimal("1.12"), take_profit=Decimal("1.13"), trailing_stop_loss=True
    )
    request = to_wire.amend_position(9, guarded, SYMBOL, REMOVE, KEEP)
    assert request == wire.ProtoOAAmendPositionSLTPReq(
        ctidTraderAccountId=9, positionId=500, takeProfit=1.13
    )


def test_an_amended_order_sends_all_its_present_values_again() -> None:
    resting = limit_order(
        relative_stop_loss=Decimal("0.001"), take_profit=Decimal("1.13"), expires_at=at(0)
    )
    request = to_wire.amend_order(9, resting, SYMBOL, price=Decimal("1.11"))
    assert request == wire.ProtoOAAmendOrderReq(
        ctidTraderAccountId=9,
        orderId=600,
        volume=200_000,
        limitPrice=1.11,
        relativeStopLoss=100,
        takeProfit=1.13,
        expirationTimestamp=1_772_452_800_000,
    )
    changed = to_wire.amend_order(
        9, resting, SYMBOL, volume_cents=100_000, stop_loss=Decimal("1.1"), take_profit=REMOVE
    )
    assert (changed.volume, changed.limitPrice, changed.stopLoss) == (100_000, 1.12, 1.1)
    assert not changed.HasField("relativeStopLoss")
    assert not changed.HasField("takeProfit")


def test_only_pending_orders_are_amended() -> None:
    with pytest.raises(InvalidOrder):
        to_wire.amend_order(9, order(), SYMBOL, price=Decimal(1))


def test_a_close_and_a_cancellation_name_their_object() -> None:
    assert to_wire.close_position(9, 500, 100) == wire.ProtoOAClosePositionReq(
        ctidTraderAccountId=9, positionId=500, volume=100
    )
    assert to_wire.cancel_order(9, 600) == wire.ProtoOACancelOrderReq(
        ctidTraderAccountId=9, orderId=600
    )


def test_distances_go_out_as_distances_on_every_type_of_order() -> None:
    distances = {
        "stop_loss_distance": Decimal("0.0025"),
        "take_profit_distance": Decimal("0.005"),
    }
    market = to_wire.new_order(9, intent(**distances), SYMBOL, None)
    limit = intent(type=OrderType.LIMIT, price=Decimal("1.1"), **distances)
    for request in (market, to_wire.new_order(9, limit, SYMBOL, None)):
        assert (request.relativeStopLoss, request.relativeTakeProfit) == (250, 500)


@pytest.mark.parametrize(("base", "sent"), [(None, 1.1257), (Decimal("1.1255"), 1.1255)])
def test_a_market_range_counts_from_its_base_or_from_the_quote(
    base: Decimal | None, sent: float
) -> None:
    ranged = intent(type=OrderType.MARKET_RANGE, slippage_points=20, base_price=base)
    request = to_wire.new_order(9, ranged, SYMBOL, QUOTE)
    assert (request.baseSlippagePrice, request.slippageInPoints) == (sent, 20)


def test_a_market_range_without_a_quote_is_refused() -> None:
    ranged = intent(type=OrderType.MARKET_RANGE, slippage_points=20)
    with pytest.raises(NoQuote):
        to_wire.new_order(9, ranged, SYMBOL, None)


@pytest.mark.parametrize("flag", ["trailing_stop_loss", "guaranteed_stop_loss"])
def test_a_kind_of_stop_loss_needs_a_stop_loss(flag: str) -> None:
    with pytest.raises(InvalidOrder, match="stop loss"):
        to_wire.new_order(9, intent(**{flag: True}), SYMBOL, QUOTE)
    both = intent(**{flag: True}, stop_loss_distance=Decimal("0.001"))
    request = to_wire.new_order(9, both, SYMBOL, QUOTE)
    assert (request.trailingStopLoss, request.guaranteedStopLoss).count(True) == 1


def test_flags_of_a_position_are_kept_set_or_cleared() -> None:
    held = position(stop_loss=Decimal("1.12"), trailing_stop_loss=True)
    kept = to_wire.amend_position(9, held, SYMBOL, KEEP, KEEP)
    cleared = to_wire.amend_position(9, held, SYMBOL, KEEP, KEEP, trailing=False)
    assert kept.trailingStopLoss
    assert cleared.HasField("trailingStopLoss")
    assert not cleared.trailingStopLoss
    with pytest.raises(InvalidOrder, match="stop loss"):
        to_wire.amend_position(9, held, SYMBOL, REMOVE, KEEP, trailing=True)


def test_a_flag_that_a_pending_order_is_to_lose_is_sent_as_false() -> None:
    held = limit_order(relative_stop_loss=Decimal("0.001"), trailing_stop_loss=True)
    cleared = to_wire.amend_order(9, held, SYMBOL, trailing=False)
    assert cleared.HasField("trailingStopLoss")
    assert not cleared.trailingStopLoss
    assert to_wire.amend_order(9, held, SYMBOL).trailingStopLoss
    assert not to_wire.amend_order(9, limit_order(), SYMBOL).HasField("trailingStopLoss")
