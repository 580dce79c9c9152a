"""MetaApi's statistics (MetaStats) of a cTrader account: the same figures as the pool's."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from fxpool.gateway import GatewayServer, create_app
from fxpool.mapping import metastats_formats as shapes
from harness.metaapi_caller import MetaApiCaller, metaapi_caller
from harness.metaapi_server import running_metaapi
from harness.metaapi_stack import open_metaapi, rest_way
from harness.stack import Stack

ALWAYS = "/historical-trades/" + "/".join(
    quote(f"{year}-01-01 00:00:00.000", safe="") for year in (2020, 2040)
)


async def traded(stack: Stack, alpha: MetaApiCaller) -> tuple[str, str]:
    """Close a winner in two parts and leave another position open; return their ids."""
    stack.simulator.quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"))
    order = {"actionType": "ORDER_TYPE_BUY", "symbol": "EURUSD", "volume": 0.1}
    winner = str((await alpha.done(**order, comment="hi"))["positionId"])
    stack.simulator.quote("EURUSD", Decimal("1.10210"), Decimal("1.10220"))
    await alpha.done(actionType="POSITION_PARTIAL", positionId=winner, volume=0.04)
    stack.simulator.quote("EURUSD", Decimal("1.10310"), Decimal("1.10320"))
    await alpha.done(actionType="POSITION_CLOSE_ID", positionId=winner)
    return winner, str((await alpha.done(**order))["positionId"])


async def until(alpha: MetaApiCaller, path: str, trades: int) -> Any:
    """Return a body once it counts so many trades; the past is read a moment after each deal."""
    async with asyncio.timeout(20):
        while True:
            response = await alpha.ask(path)
            body = response.json()
            if response.status_code == 202:
                assert response.headers["Retry-After"]
            elif len(body.get("trades", ())) == trades or body.get("metrics", {}).get("trades"):
                return body


async def test_trades_are_told_whole_and_the_metrics_are_the_pools(stack: Stack) -> None:
    async with metaapi_caller(stack.url) as alpha:
        winner, _ = await traded(stack, alpha)
        answer = await until(alpha, ALWAYS, 2)
        assert msgspec.convert(answer, shapes.MetaStatsTradesAnswer) == answer
        deposit, trade = answer["trades"]
        assert (deposit["type"], deposit["profit"], "symbol" in deposit) == (
            "DEAL_TYPE_BALANCE",
            10_000.0,
            False,
        )
        balance = (await alpha.read("/account-information"))["balance"]
        assert 10_000 + trade["profit"] == pytest.approx(balance)
        assert trade["gain"] == pytest.approx(trade["profit"] / 100)
        assert trade == trade | {
            "_id": f"alpha+{winner}",
            "positionId": winner,
            "type": "DEAL_TYPE_BUY",
            "symbol": "EURUSD",
            "volume": 0.1,
            "openPrice": 1.1001,
            "closePrice": 1.1027,  # 0.04 lots at 1.1021, 0.06 at 1.1031
            "pips": 26.0,
            "success": "won",
            "comment": "hi",
        }
        page = await alpha.read(f"{ALWAYS}?offset=1&limit=1")
        assert page == {"trades": [trade]}
        past = ALWAYS.replace("2040", "2021")
        assert await alpha.read(past) == {"trades": []}

        told = (await until(alpha, "/metrics", 1))["metrics"]
        assert msgspec.convert(told, shapes.MetaStatsMetrics) == told
        pool = (await alpha._client.get("/accounts/alpha/metrics")).json()
        assert told == told | {
            "trades": 1,
            "wonTrades": 1,
            "deposits": 10_000.0,
            "profit": pool["profit"],
            "gain": pool["gain"],
            "maxDrawdown": pool["maxDrawdownPercent"],
            "bestTradeDate": trade["closeTime"],
        }
        assert told["profit"] == pytest.approx(trade["profit"])
        assert "sharpeRatio" not in told  # of fewer than 30 trades
        (day,) = told["dailyGrowth"]
        assert (day["balance"], day["date"]) == (balance, trade["closeTime"][:10])
        assert None not in told.values()


async def test_open_trades_have_their_result_and_open_positions_are_not_counted_in(
    stack: Stack,
) -> None:
    async with metaapi_caller(stack.url) as alpha:
        _, still_open = await traded(stack, alpha)
        body = await alpha.read("/open-trades")
        assert msgspec.convert(body, shapes.MetaStatsOpenTradesAnswer) == body
        (trade,) = body["openTrades"]
        (row,) = (await alpha._client.get("/positions/alpha")).json()["positions"]
        assert (trade["_id"], trade["profit"]) == (f"alpha+{still_open}", row["netProfit"])
        assert (trade["type"], trade["success"]) == ("POSITION_TYPE_BUY", "lost")
        await until(alpha, "/metrics", 1)
        refused = await alpha.refused("/metrics?includeOpenPositions=true", 400, "ValidationError")
        assert refused["details"][0]["parameter"] == "includeOpenPositions"
        await alpha.done(actionType="POSITIONS_CLOSE_SYMBOL", symbol="EURUSD")
        told = await alpha.read("/metrics", includeOpenPositions="true")
        assert told["metrics"]["inclusive"] is False
        await alpha.refused("/historical-trades/now/then", 400, "ValidationError")


async def test_what_is_not_served_is_refused_by_name(stack: Stack) -> None:
    async with metaapi_caller(stack.url) as alpha:
        await alpha.refused("/credits", 404, "NotFoundError")
        for method, path in (
            ("DELETE", ""),
            ("PUT", ""),
            ("POST", "/deploy"),
            ("POST", "/undeploy"),
        ):
            response = await alpha._client.request(method, alpha.path + path)
            assert response.status_code in {404, 405}, path
            assert response.json()["message"]


async def test_a_metatrader_account_has_the_same_statistics() -> None:
    async with (
        running_metaapi("alpha", "beta") as broker,
        open_metaapi(rest_way(broker.url)) as platform,
        GatewayServer(create_app(platform), port=0, drain_seconds=1) as server,
        metaapi_caller(server.url) as alpha,
    ):
        order = {"actionType": "ORDER_TYPE_BUY", "symbol": "EURUSD", "volume": 0.1}
        position_id = (await alpha.done(**order))["positionId"]
        broker.terminals["alpha"].quote("EURUSD", Decimal("1.10210"), Decimal("1.10220"))
        await alpha.done(actionType="POSITION_CLOSE_ID", positionId=position_id)
        answer = await until(alpha, ALWAYS, 2)
        assert msgspec.convert(answer, shapes.MetaStatsTradesAnswer) == answer
        deposit, trade = answer["trades"]
        assert (deposit["type"], deposit["profit"]) == ("DEAL_TYPE_BALANCE", 10_000.0)
        assert (trade["positionId"], trade["success"]) == (position_id, "won")
        balance = (await alpha.read("/account-information"))["balance"]
        assert 10_000 + trade["profit"] == pytest.approx(balance)
        told = (await until(alpha, "/metrics", 1))["metrics"]
        assert (told["trades"], told["profit"]) == (1, pytest.approx(trade["profit"]))
