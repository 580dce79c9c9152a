"""Orders of every form, closes of many and the kill switch: in this process and over HTTP alike."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fxpool.domain.protection import Units
from fxpool.domain.trades import TimeInForce
from fxpool.mapping.formats import TradeResult
from fxpool.mapping.order_words import VolumeUnits
from fxpool.platforms.base import OrderChange, Platform, ProtectionRequest, TradeRequest
from harness.stack import Stack

ACCOUNT = "alpha"
ENTRY = Decimal("1.1257")


@pytest.fixture(autouse=True)
async def _quoted(platform: Platform, stack: Stack) -> None:
    stack.simulator.quote("EURUSD", Decimal("1.12560"), ENTRY)


async def place(platform: Platform, **changes: Any) -> TradeResult:
    request = {"symbol": "EURUSD", "action": "BUY", "volume": Decimal("0.1")} | changes
    return await platform.execute(ACCOUNT, TradeRequest(**request))


async def placed(platform: Platform, **changes: Any) -> TradeResult:
    result = await place(platform, **changes)
    assert result["success"], result
    return result


@pytest.mark.parametrize(
    ("units", "stop", "target"),
    [
        (Units.PRICE, "1.1232", "1.1307"),
        (Units.DISTANCE, "0.0025", "0.005"),
        (Units.POINTS, "250", "500"),
        (Units.PIPS, "25", "50"),
        (Units.MONEY, "25", "50"),  # 10,000 units: 0.1 a tick
        (Units.BALANCE_PERCENT, "0.25", "0.5"),  # of 10,000
    ],
)
async def test_protection_in_any_units_is_set_at_the_same_prices(
    platform: Platform, units: Units, stop: str, target: str
) -> None:
    result = await placed(
        platform,
        stop_loss=Decimal(stop),
        take_profit=Decimal(target),
        stop_loss_units=units,
        take_profit_units=units,
    )
    assert (result["stopLoss"], result["takeProfit"]) == (1.1232, 1.1307)
    assert result["protection"] == "set"


async def test_a_volume_may_be_given_in_units(platform: Platform) -> None:
    result = await placed(platform, volume=Decimal(12_000), volume_units=VolumeUnits.UNITS)
    assert result["volume"] == 0.12


async def test_a_volume_may_be_given_as_a_risk_of_the_equity(platform: Platform) -> None:
    result = await placed(
        platform,
        volume=None,
        risk_percent=Decimal(1),
        stop_loss=Decimal(50),
        stop_loss_units=Units.PIPS,
    )
    assert result["volume"] == 0.2  # 100.00 at risk, 500.00 a lot
    assert result["stopLoss"] == 1.1207


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"volume": None, "risk_percent": Decimal(1)}, "needs a stop loss"),
        ({"volume": None, "risk_percent": Decimal(1), "stop_loss": Decimal("1.2")}, "invalid stop"),
        ({"trailing_stop_loss": True}, "needs a stop loss"),
        ({"base_price": Decimal("1.12")}, "basePrice"),
        ({"stop_limit_price": Decimal("1.12")}, "stopLimitPrice"),
        (
            {"action": "BUY_LIMIT", "open_price": Decimal("1.1"), "slippage_points": 1},
            "slippagePoints",
        ),
        (
            {
                "action": "BUY_STOP_LIMIT",
                "open_price": Decimal("1.13"),
                "stop_limit_price": Decimal("1.129"),
            },
            "better side",
        ),
        ({"action": "BUY_LIMIT", "open_price": Decimal("1.100001")}, "invalid price"),
        ({"stop_loss": Decimal("1e-6")}, "invalid stops"),
        ({"take_profit": Decimal("1e15")}, "invalid stops"),
        ({"stop_loss": Decimal(20_000), "stop_loss_units": Units.MONEY}, "below zero"),
        (
            {"action": "SELL", "take_profit": Decimal(20_000), "take_profit_units": Units.MONEY},
            "zero",
        ),
        (
            {
                "action": "BUY_LIMIT",
                "open_price": Decimal("1.1"),
                "stop_loss": Decimal("1.2"),
                "stop_loss_units": Units.DISTANCE,
            },
            "below zero",
        ),
        ({"take_profit": Decimal("1e15"), "take_profit_units": Units.DISTANCE}, "invalid stops"),
        (
            {
                "action": "BUY_STOP_LIMIT",
                "open_price": Decimal("1.13"),
                "stop_limit_price": Decimal("1e15"),
            },
            "out of range",
        ),
        (
            {
                "action": "BUY_LIMIT",
                "open_price": Decimal("1.1"),
                "time_in_force": TimeInForce.GOOD_TILL_DATE,
            },
            "expiration",
        ),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(
    platform: Platform, more: dict[str, Any], text: str
) -> None:
    result = await place(platform, **more)
    assert not result["success"]
    assert result["outcome"] == "not_executed"
    assert text in result["error"]


async def test_a_stop_limit_order_takes_a_limit_past_its_stop(platform: Platform) -> None:
    result = await placed(
        platform,
        action="BUY_STOP_LIMIT",
        open_price=Decimal("1.13"),
        stop_limit_price=Decimal("1.1302"),
    )
    assert result["type"] == "ORDER_TYPE_BUY_STOP_LIMIT"
    assert result["openPrice"] == 1.13


async def test_a_market_order_with_a_slippage_fills_in_its_range_or_not_at_all(
    platform: Platform,
) -> None:
    inside = await placed(platform, slippage_points=3)
    assert inside["openPrice"] == 1.1257
    outside = await place(platform, slippage_points=3, base_price=Decimal("1.1250"))
    assert (outside["success"], outside["outcome"]) == (False, "not_executed")


async def test_a_pending_order_is_answered_with_the_levels_that_its_distances_make(
    platform: Platform,
) -> None:
    in_pips = {"stop_loss_units": Units.PIPS, "take_profit_units": Units.PIPS}
    levels = {"stop_loss": Decimal(20), "take_profit": Decimal(40)}
    limit = {"action": "BUY_LIMIT", "open_price": Decimal("1.12")}
    result = await placed(platform, **limit, **levels, **in_pips)
    assert (result["stopLoss"], result["takeProfit"]) == (1.118, 1.124)


async def test_a_limit_order_that_may_not_wait_is_not_executed(platform: Platform) -> None:
    result = await place(
        platform,
        action="BUY_LIMIT",
        open_price=Decimal("1.12"),
        time_in_force=TimeInForce.FILL_OR_KILL,
    )
    assert (result["success"], result["outcome"]) == (False, "not_executed")
    assert (await platform.orders(ACCOUNT))["count"] == 0


async def test_protection_of_a_position_may_be_relative_to_its_entry(platform: Platform) -> None:
    opened = await placed(platform)
    change = ProtectionRequest(
        opened["positionId"], stop_loss=Decimal(10), stop_loss_units=Units.PIPS
    )
    result = await platform.modify_position(ACCOUNT, change)
    assert (result["stopLoss"], result["takeProfit"]) == (1.1247, None)


async def test_a_pending_order_is_changed_in_any_units_from_its_new_price(
    platform: Platform,
) -> None:
    order = await placed(
        platform,
        action="BUY_LIMIT",
        open_price=Decimal("1.12"),
        stop_loss=Decimal("1.11"),
        expiration=datetime(2031, 1, 1, tzinfo=UTC),
    )
    change = OrderChange(
        order["orderId"],
        open_price=Decimal("1.119"),
        volume=Decimal(30_000),
        volume_units=VolumeUnits.UNITS,
        take_profit=Decimal(30),
        take_profit_units=Units.MONEY,  # 30,000 units: 0.3 a tick
        expiration=datetime(2032, 1, 1, tzinfo=UTC),
    )
    result = await platform.modify_order(ACCOUNT, change)
    assert result["success"], result
    (row,) = (await platform.orders(ACCOUNT))["orders"]
    assert (row["openPrice"], row["volume"]) == (1.119, 0.3)
    assert (row["stopLoss"], row["takeProfit"]) == (1.109, 1.12)  # the broker keeps distances
    nearer = OrderChange(order["orderId"], stop_loss=Decimal(20), stop_loss_units=Units.PIPS)
    result = await platform.modify_order(ACCOUNT, nearer)
    assert (result["stopLoss"], result["takeProfit"]) == (1.117, 1.12)
    off = OrderChange(order["orderId"], stop_loss=Decimal("1.110001"))
    assert "invalid stop loss" in (await platform.modify_order(ACCOUNT, off))["error"]


@pytest.mark.parametrize("leg", ["stop_loss", "take_profit"])
async def test_a_leg_that_the_broker_would_keep_is_not_called_removed(
    platform: Platform, leg: str
) -> None:
    order = await placed(
        platform,
        action="BUY_LIMIT",
        open_price=Decimal("1.12"),
        stop_loss=Decimal("1.11"),
        take_profit=Decimal("1.13"),
    )
    before = await platform.orders(ACCOUNT)
    change = OrderChange(order["orderId"], open_price=Decimal("1.119"), **{leg: Decimal(0)})
    result = await platform.modify_order(ACCOUNT, change)
    assert (result["success"], result["outcome"]) == (False, "not_executed")
    assert "place it anew" in result["error"]
    rows = [(row["openPrice"], row["stopLoss"], row["takeProfit"]) for row in before["orders"]]
    after = await platform.orders(ACCOUNT)
    assert rows == [(1.12, 1.11, 1.13)]
    assert [(r["openPrice"], r["stopLoss"], r["takeProfit"]) for r in after["orders"]] == rows


async def test_a_pending_order_off_the_tick_cannot_be_changed_to(platform: Platform) -> None:
    order = await placed(platform, action="BUY_LIMIT", open_price=Decimal("1.12"))
    change = OrderChange(order["orderId"], open_price=Decimal("1.120001"))
    result = await platform.modify_order(ACCOUNT, change)
    assert "invalid price" in result["error"]


async def test_all_positions_are_closed_each_with_its_result(platform: Platform) -> None:
    ids = {(await placed(platform))["positionId"] for _ in range(3)}
    answer = await platform.close_positions(ACCOUNT)
    assert (answer["success"], answer["closed"], answer["failed"]) == (True, 3, 0)
    assert {row["positionId"] for row in answer["results"]} == ids
    assert all("profit" in row for row in answer["results"])
    assert (await platform.positions(ACCOUNT))["count"] == 0


async def test_the_positions_of_one_symbol_are_closed(platform: Platform, stack: Stack) -> None:
    stack.simulator.quote("GBPUSD", Decimal("1.30000"), Decimal("1.30010"))
    await placed(platform)
    other = await placed(platform, symbol="GBPUSD")
    answer = await platform.close_positions(ACCOUNT, symbol="EURUSD")
    assert (answer["success"], answer["closed"]) == (True, 1)
    left = (await platform.positions(ACCOUNT))["positions"]
    assert [row["id"] for row in left] == [other["positionId"]]


async def test_closing_an_unknown_symbol_is_refused(platform: Platform) -> None:
    answer = await platform.close_positions(ACCOUNT, symbol="NOSUCH")
    assert (answer["success"], answer["outcome"]) == (False, "not_executed")
    assert "symbol not found" in answer["error"].lower()


async def test_a_halted_account_opens_nothing_and_closes(platform: Platform) -> None:
    opened = await placed(platform)
    state = await platform.halt(ACCOUNT, reason="fat finger")
    assert (state["halted"], state["reason"]) == (True, "fat finger")
    refused = await place(platform)
    assert refused["code"] == "HALTED"
    assert "fat finger" in refused["error"]
    assert (await platform.account_information(ACCOUNT))["halted"]
    assert (await platform.health())["details"][ACCOUNT]["halted"] == "fat finger"
    closed = await platform.close_positions(ACCOUNT)
    assert [row["positionId"] for row in closed["results"]] == [opened["positionId"]]
    assert not (await platform.resume(ACCOUNT))["halted"]
    await placed(platform)


async def test_a_halt_of_all_stops_every_account_until_all_are_resumed(
    platform: Platform,
) -> None:
    await platform.halt()
    assert (await place(platform))["code"] == "HALTED"
    assert (await platform.resume(ACCOUNT))["halted"]
    assert not (await platform.resume())["halted"]
    await placed(platform)


async def test_a_halt_stops_no_cancel(platform: Platform) -> None:
    order = await placed(platform, action="BUY_LIMIT", open_price=Decimal("1.12"))
    await platform.halt(ACCOUNT)
    cancelled = await platform.cancel_order(ACCOUNT, order["orderId"])
    assert cancelled["success"]
