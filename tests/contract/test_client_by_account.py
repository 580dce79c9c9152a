"""UnifiedPoolClient, contract 15.2: the calls by account on each platform, and their failures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from fxpool.client import UnifiedPoolClient
from fxpool.platforms.base import PlatformError
from harness.client_setup import META, Setup

BUY: dict[str, Any] = {"symbol": "EURUSD", "action": "BUY", "volume": 0.1}
Call = Callable[[UnifiedPoolClient, str], Awaitable[Any]]

READS: dict[str, Call] = {
    "getAccountInfo": lambda client, account: client.getAccountInfo(account),
    "getPositions": lambda client, account: client.getPositions(account),
    "getAccountMetrics": lambda client, account: client.getAccountMetrics(account),
    "getTradeHistory": lambda client, account: client.getTradeHistory(account),
    "getDailyGrowth": lambda client, account: client.getDailyGrowth(account),
    "getSymbolStats": lambda client, account: client.getSymbolStats(account, "EURUSD"),
    "getRiskStatus": lambda client, account: client.getRiskStatus(account),
    "getOpenTrades": lambda client, account: client.getOpenTrades(account),
    "getPendingOrders": lambda client, account: client.getPendingOrders(account),
    "hasOpenPosition": lambda client, account: client.hasOpenPosition(account, "EURUSD"),
    "getPositionBySymbol": lambda client, account: client.getPositionBySymbol(account, "EURUSD"),
    "getAvailableSymbols": lambda client, account: client.getAvailableSymbols(account),
    "getRecentHistory": lambda client, account: client.getRecentHistory(account),
}


@pytest.mark.parametrize("name", READS)
async def test_a_read_that_cannot_look_raises_with_all_facts(name: str, unused_port: int) -> None:
    """Contract 15.2, "required on failure" of every read: raises."""
    async with UnifiedPoolClient.connect(f"http://127.0.0.1:{unused_port}") as client:
        with pytest.raises(PlatformError) as caught:
            await READS[name](client, "alpha")
    error = caught.value
    assert (error.status, error.code, error.retryable) == (503, "POOL_UNREACHABLE", True)
    assert error.detail == str(error)
    assert error.outcome is None


async def test_reads_by_account_answer_on_metaapi_and_on_ctrader(setup: Setup) -> None:
    """Contract 15.2, "returns" of the reads."""
    for account in (META, "alpha"):
        assert (await setup.client.getAccountInfo(account))["balance"] > 0
        assert await setup.client.getPositions(account) == []
        assert (await setup.client.getOpenTrades(account))["open_trades"] == []
        assert (await setup.client.getTradeHistory(account))["trades"] == []
        assert (await setup.client.getAccountMetrics(account))["trades"] >= 0
        assert (await setup.client.getDailyGrowth(account))["growth"]
        assert await setup.client.getSymbolStats(account, "EURUSD") is None, "no trades"
        assert (await setup.client.getRiskStatus(account))["risk_status"] == "OK"
        assert await setup.client.getPendingOrders(account) == []
        assert await setup.client.getRecentHistory(account) == []
        assert await setup.client.initializeStreaming(account) is True
    assert "EURUSD" in await setup.client.getAvailableSymbols("alpha")


async def test_the_region_is_the_arguments_then_the_files_then_new_york(setup: Setup) -> None:
    """Contract 15.2, region."""
    setup.metaapi.terminals["bare"] = setup.metaapi.terminals[META]
    setup.metaapi.terminals["unlisted"] = setup.metaapi.terminals[META]
    setup.route({META: {"platform": "mt5", "region": "london"}, "bare": {"platform": "mt4"}})
    for account, region in ((META, "sydney"), (META, None), ("bare", None), ("unlisted", None)):
        await setup.client.initialize_streaming(account, region)
    regions = [body["region"] for body in setup.metaapi.bodies]
    assert regions == ["sydney", "london", "new-york", "new-york"]


async def test_a_trade_on_metaapi_has_that_pools_body_and_a_flat_answer(setup: Setup) -> None:
    """Contract 15.2, executeTrade: execute body, result and comment default of metaapi."""
    result = await setup.client.executeTrade(
        META, None, {**BUY, "stopLoss": 1.0, "clientId": "ui-7", "unknownField": 1}
    )
    assert (result["success"], result["outcome"]) == (True, "executed")
    assert setup.metaapi.bodies == [
        {
            "account_id": META,
            "region": "london",
            "symbol": "EURUSD",
            "action": "BUY",
            "volume": Decimal("0.1"),
            "stop_loss": 1,
            "comment": "FXTrueUp",
        }
    ]
    (position,) = await setup.client.get_positions(META)
    assert result["positionId"] == position["id"]
    assert position["time"] == position["openTime"]
    assert await setup.client.hasOpenPosition(META, "EURUSD")
    assert await setup.client.getPositionBySymbol(META, "GBPUSD") is None


async def test_what_a_metaapi_pool_would_drop_is_refused_before_it_is_sent(setup: Setup) -> None:
    """Contract 15.2, placeLimitOrder and placeStopOrder on metaapi: refuse."""
    for call in (
        setup.client.placeLimitOrder(META, None, {**BUY, "openPrice": 1.0}),
        setup.client.placeStopOrder(META, None, {**BUY, "price": 1.2}),
        setup.client.executeTrade(META, None, {**BUY, "action": "BUY_LIMIT", "openPrice": 1.0}),
        setup.client.executeTrade(META, None, {**BUY, "trailingStopLoss": True, "stopLoss": 1.0}),
        setup.client.executeTrade(META, None, {**BUY, "idempotencyKey": "k"}),
        setup.client.closePosition(META, None, "1", 0.05),
    ):
        result = await call
        assert (result["code"], result["outcome"]) == ("NOT_SUPPORTED", "not_executed")
    assert setup.metaapi.bodies == []
    assert await setup.client.cancelOrder(META, None, "1") is False
    assert setup.metaapi.bodies == []


async def test_missing_margin_has_one_phrase_on_metaapi(setup: Setup) -> None:
    """Contract 15.2, error text of metaapi: margin phrases."""
    result = await setup.client.execute_trade(META, None, {**BUY, "volume": 900})
    assert (result["success"], result["outcome"]) == (False, "not_executed")
    assert "Insufficient free margin" in result["error"]


async def test_positions_are_changed_and_closed_on_both_platforms(setup: Setup) -> None:
    """Contract 15.2, modifyPosition and closePosition."""
    for account in (META, "alpha"):
        result = await setup.client.execute_trade(account, None, {**BUY, "takeProfit": 1.9})
        identity = result["positionId"]
        assert await setup.client.modifyPosition(account, None, identity, 1.01) is True
        (position,) = await setup.client.get_positions(account)
        assert (position["stopLoss"], position["takeProfit"]) == (1.01, 1.9)
        assert await setup.client.modifyPosition(account, None, "1", 1.01) is False
        closed = await setup.client.closePosition(account, None, identity)
        assert closed["success"], closed
        assert closed["orderId"]
        again = await setup.client.closePosition(account, None, identity)
        assert not again["success"]
        assert "position not found" in again["error"].lower()


async def test_a_pool_that_cannot_be_reached_is_not_a_refused_change(setup: Setup) -> None:
    """Contract 15.2, modifyPosition: raises, unless the older way is asked for."""
    with pytest.raises(PlatformError) as caught:
        await setup.client.modifyPosition("dx", None, "1", 1.0)
    assert caught.value.outcome == "not_executed"
    modified = await setup.client.modify_position("dx", None, "1", 1.0, failure_is_false=True)
    assert modified is False
    closed = await setup.client.closePosition("dx", None, "1")
    assert not closed["success"]
    assert "connection refused" in closed["error"]
    assert await setup.client.initializeStreaming("dx") is False


async def test_pending_orders_on_ctrader(setup: Setup) -> None:
    """Contract 15.2, placeLimitOrder, placeStopOrder, getPendingOrders, cancelOrder."""
    limit = await setup.client.placeLimitOrder(
        "alpha", None, {"symbol": "EURUSD", "side": "BUY", "volume": 0.1, "openPrice": 0.9}
    )
    stop = await setup.client.placeStopOrder(
        "alpha", None, {"symbol": "EURUSD", "side": "SELL", "volume": 0.1, "price": 0.8}
    )
    orders = await setup.client.getPendingOrders("alpha")
    assert {order["id"] for order in orders} == {limit["orderId"], stop["orderId"]}
    assert await setup.client.cancelOrder("alpha", None, limit["orderId"]) is True
    assert await setup.client.cancelOrder("alpha", None, limit["orderId"]) is False


async def test_recent_history_is_what_closed_in_the_last_hours(setup: Setup) -> None:
    """Contract 15.2, getRecentHistory on cTrader: closed trades."""
    bought = await setup.client.execute_trade("alpha", None, BUY)
    await setup.client.close_position("alpha", None, bought["positionId"])
    (trade,) = await setup.client.getRecentHistory("alpha", None, 24, "EURUSD")
    assert trade["positionId"] == bought["positionId"]
    assert await setup.client.getRecentHistory("alpha", None, 24, "GBPUSD") == []
    assert await setup.client.getRecentHistory("alpha", hours=0) == []


async def test_bars_and_symbol_mappings(setup: Setup) -> None:
    """Contract 15.2, getHistoricalData and getSymbolMapping."""
    bars = await setup.client.getHistoricalData("alpha", "EURUSD", "1h")
    assert all(bar["high"] >= bar["low"] for bar in bars)
    mapping = await setup.client.getSymbolMapping("XAUUSD")
    assert mapping is not None
    assert mapping["cTraderName"] == "GOLD"
    assert await setup.client.getSymbolMapping("NOSUCH") is None
