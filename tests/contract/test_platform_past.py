"""The past through the Platform contract: in this process and over HTTP, the same answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fxpool.client import UnifiedPoolClient
from fxpool.mapping import history_formats as shapes
from fxpool.mapping.report_formats import AccountReport
from fxpool.platforms.base import CloseRequest, Platform, PlatformError, TradeRequest
from harness.stack import Stack
from harness.wait import wait_until

ACCOUNT = "alpha"


def conform(value: Any, shape: Any) -> None:
    """Assert that a value has exactly the keys and types of a shape, at every depth."""
    assert msgspec.convert(value, shape) == value


async def a_closed_trade(stack: Stack) -> str:
    """Buy 0.10 lots, gain 9 pips on 0.04 of them and the rest; return the position's id."""
    stack.simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
    request = TradeRequest("EURUSD", "BUY", Decimal("0.10"), comment="by hand")
    position_id = (await stack.platform.execute(ACCOUNT, request))["positionId"]
    stack.simulator.quote("EURUSD", Decimal("1.12660"), Decimal("1.12670"))
    for volume in (Decimal("0.04"), None):
        closed = await stack.platform.close_position(ACCOUNT, CloseRequest(position_id, volume))
        assert closed["success"], closed
    return position_id


async def test_metrics_of_an_account_that_never_traded_are_null_and_not_zero(
    platform: Platform,
) -> None:
    metrics = await platform.metrics(ACCOUNT)
    conform(metrics, shapes.AccountMetrics)
    assert (metrics["trades"], metrics["deposits"], metrics["profit"]) == (0, 10_000.0, 0.0)
    nulls = ("winRate", "profitFactor", "averageWin", "sharpeRatio", "calmarRatio", "bestTrade")
    assert [metrics[name] for name in nulls] == [None] * len(nulls)  # type: ignore[literal-required] # names of fields
    assert metrics["proven"]


async def test_metrics_count_a_trade_once_and_add_up_to_the_balance(
    platform: Platform, stack: Stack
) -> None:
    await a_closed_trade(stack)
    metrics = await platform.metrics(ACCOUNT)
    conform(metrics, shapes.AccountMetrics)
    assert (metrics["trades"], metrics["wonTrades"], metrics["winRate"]) == (1, 1, 100.0)
    assert metrics["profit"] == pytest.approx(metrics["balance"] - metrics["deposits"])
    assert metrics["averageLoss"] is None
    assert metrics["proven"]


async def test_trades_are_parts_with_their_costs_the_newest_first(
    platform: Platform, stack: Stack
) -> None:
    position_id = await a_closed_trade(stack)
    history = await platform.trades(ACCOUNT)
    conform(history, shapes.TradeHistory)
    newest, oldest = history["trades"]
    assert (newest["volume"], oldest["volume"]) == (0.06, 0.04)
    assert {row["positionId"] for row in history["trades"]} == {position_id}
    assert (oldest["type"], oldest["entryType"]) == ("DEAL_TYPE_BUY", "DEAL_ENTRY_OUT")
    assert (oldest["pips"], oldest["comment"]) == (9.0, "by hand")
    assert oldest["netProfit"] == pytest.approx(
        oldest["profit"] + oldest["swap"] + oldest["commission"]
    )
    assert (history["count"], history["hasMore"]) == (2, False)


async def test_a_limit_keeps_the_newest_and_says_that_there_is_more(
    platform: Platform, stack: Stack
) -> None:
    await a_closed_trade(stack)
    history = await platform.trades(ACCOUNT, limit=1)
    assert [row["volume"] for row in history["trades"]] == [0.06]
    assert history["hasMore"]


async def test_cash_operations_are_there_when_asked_for(platform: Platform, stack: Stack) -> None:
    await a_closed_trade(stack)
    history = await platform.trades(ACCOUNT, include_balance=True, order="asc")
    conform(history, shapes.TradeHistory)
    types = [row["type"] for row in history["trades"]]
    assert types == ["DEAL_TYPE_BALANCE", "DEAL_TYPE_BUY", "DEAL_TYPE_BUY"]
    assert history["trades"][0]["profit"] == 10_000.0


async def test_growth_ends_today_with_the_present_balance(platform: Platform, stack: Stack) -> None:
    await a_closed_trade(stack)
    growth = await platform.daily_growth(ACCOUNT, days=5)
    conform(growth, shapes.DailyGrowth)
    today = growth["growth"][-1]
    assert today["balance"] == (await platform.account_information(ACCOUNT))["balance"]
    assert today["deposits"] == 10_000.0
    now = (await platform.account_information(ACCOUNT))["equity"]
    assert today["equity"] in {None, now}, "as far as it was recorded by now"


async def test_symbol_statistics_are_of_one_symbol(platform: Platform, stack: Stack) -> None:
    await a_closed_trade(stack)
    stats = await platform.symbol_stats(ACCOUNT, "EURUSD")
    conform(stats, shapes.SymbolStats)
    assert (stats["trades"], stats["volume"]) == (1, 0.1)
    assert (await platform.symbol_stats(ACCOUNT, "GBPUSD"))["trades"] == 0
    with pytest.raises(PlatformError) as caught:
        await platform.symbol_stats(ACCOUNT, "NOSUCH")
    assert caught.value.status == 404


async def test_risk_is_told_in_both_vocabularies(platform: Platform, stack: Stack) -> None:
    await a_closed_trade(stack)
    risk = await platform.risk_status(ACCOUNT)
    conform(risk, shapes.RiskStatus)
    assert (risk["risk_status"], risk["riskLevel"]) == ("OK", "low")
    assert risk["current_drawdown_percent"] == risk["drawdown"] == 0.0
    stack.simulator.deposit(10012345, -900_000)
    stack.simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
    await stack.platform.execute(ACCOUNT, TradeRequest("EURUSD", "BUY", Decimal("0.50")))
    stack.simulator.quote("EURUSD", Decimal("1.12260"), Decimal("1.12270"))
    account = stack.platform._accounts.find(ACCOUNT).account
    await wait_until(lambda: account.equity is not None and account.equity < 870)
    risk = await platform.risk_status(ACCOUNT)
    assert (risk["risk_status"], risk["riskLevel"]) == ("CRITICAL", "high")
    assert risk["daily_loss_percent"] > 10


async def test_open_trades_are_the_open_positions(platform: Platform, stack: Stack) -> None:
    stack.simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
    await stack.platform.execute(ACCOUNT, TradeRequest("EURUSD", "BUY", Decimal("0.10")))
    answer = await platform.open_trades(ACCOUNT)
    conform(answer, shapes.OpenTrades)
    assert answer["count"] == 1
    assert answer["open_trades"][0]["symbol"] == "EURUSD"


@pytest.mark.parametrize("timeframe", ["1m", "6m", "1h", "6h", "1d", "1M"])
async def test_bars_are_in_order_whole_and_inside_the_period(
    platform: Platform, timeframe: str
) -> None:
    end = datetime.now(UTC) - timedelta(days=1)
    begin = end - timedelta(days=70 if timeframe == "1M" else 3)
    answer = await platform.bars(ACCOUNT, "EURUSD", timeframe, begin=begin, end=end)
    conform(answer, shapes.BarList)
    times = [bar["time"] for bar in answer["bars"]]
    assert times
    assert times == sorted(set(times))
    assert begin.timestamp() * 1000 <= times[0] <= times[-1] < end.timestamp() * 1000
    for bar in answer["bars"]:
        assert bar["low"] <= min(bar["open"], bar["close"])
        assert bar["high"] >= max(bar["open"], bar["close"])


async def test_bars_refuse_what_makes_no_sense(platform: Platform) -> None:
    end = datetime.now(UTC)
    for timeframe, begin in (
        ("7m", end - timedelta(days=1)),
        ("1m", end),
        ("1m", datetime(2011, 1, 1, tzinfo=UTC)),
    ):
        with pytest.raises(PlatformError) as caught:
            await platform.bars(ACCOUNT, "EURUSD", timeframe, begin=begin, end=end)
        assert (caught.value.status, caught.value.code) == (422, "INVALID_REQUEST")


async def test_the_client_has_all_these_calls(platform: Platform, stack: Stack) -> None:
    await a_closed_trade(stack)
    client = UnifiedPoolClient.direct(platform)
    assert (await client.get_account_metrics(ACCOUNT))["trades"] == 1
    assert (await client.getTradeHistory(ACCOUNT))["count"] == 2
    assert (await client.get_daily_growth(ACCOUNT))["growth"]
    assert (await client.get_symbol_stats(ACCOUNT, "GBPUSD")) is None
    assert (await client.get_risk_status(ACCOUNT))["riskLevel"] == "low"
    assert (await client.get_open_trades(ACCOUNT))["count"] == 0
    assert await client.getHistoricalData(ACCOUNT, "EURUSD", "1h")


async def test_a_past_that_is_not_known_is_an_error_and_not_empty(
    platform: Platform, stack: Stack
) -> None:
    await stack.simulator.stop_accepting()
    stack.simulator.cut_all()
    live = stack.platform._accounts.find(ACCOUNT).live
    await wait_until(lambda: not live.channel.is_authorised)
    for call in (
        platform.metrics(ACCOUNT),
        platform.trades(ACCOUNT),
        platform.daily_growth(ACCOUNT),
        platform.symbol_stats(ACCOUNT, "EURUSD"),
        platform.risk_status(ACCOUNT),
        platform.open_trades(ACCOUNT),
        platform.bars(ACCOUNT, "EURUSD"),
    ):
        with pytest.raises(PlatformError) as caught:
            await call
        assert caught.value.status == 503


async def test_a_report_is_the_same_over_http_and_adds_up(platform: Platform, stack: Stack) -> None:
    await a_closed_trade(stack)
    report = await platform.report(ACCOUNT, days=2, limit=1)
    conform(report, AccountReport)
    summary = report["summary"]
    assert (summary["trades"], summary["closings"], len(report["closings"])) == (1, 2, 1)
    change = summary["closingBalance"] - summary["openingBalance"]
    assert change == pytest.approx(
        summary["profit"] + summary["charges"] + summary["deposits"] - summary["withdrawals"]
    )
    assert report["account"]["simulated"]
    assert [row["name"] for row in report["bySymbol"]] == ["EURUSD"]
    client = UnifiedPoolClient.direct(platform)
    assert (await client.get_report(ACCOUNT, days=2))["summary"]["closings"] == 2
    with pytest.raises(PlatformError, match="is not before"):
        await platform.report(ACCOUNT, begin=datetime(2999, 1, 1, tzinfo=UTC))
