"""Deals and orders of the past, depth and margins in MetaApi's paths, here and on another pool."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fxpool.domain.trades import Side
from fxpool.gateway import GatewayServer, create_app
from fxpool.mapping import metaapi_formats as shapes
from fxpool.platforms.base import PlatformError
from fxpool.platforms.records import MarginQuestion, OfPosition
from harness.metaapi_caller import MetaApiCaller, metaapi_caller
from harness.stack import Stack

ALL = "/time/2020-01-01T00:00:00.000Z/2040-01-01T00:00:00.000Z"


async def traded(alpha: MetaApiCaller) -> str:
    """Open a position, close it in two parts, and cancel an order; return the position's id."""
    order = {"symbol": "EURUSD", "volume": 0.1}
    opened = await alpha.done(
        actionType="ORDER_TYPE_BUY", **order, clientId="TE_EURUSD_1", comment="hi", magic=7
    )
    identity: str = opened["positionId"]
    await alpha.done(actionType="POSITION_PARTIAL", positionId=identity, volume=0.04)
    await alpha.done(actionType="POSITION_CLOSE_ID", positionId=identity)
    resting = await alpha.done(actionType="ORDER_TYPE_SELL_STOP", **order, openPrice=1.0)
    await alpha.done(actionType="ORDER_CANCEL", orderId=resting["orderId"])
    return identity


async def whole(alpha: MetaApiCaller, path: str) -> list[dict[str, Any]]:
    """Return a history, asking again while the account's past is being read."""
    while (response := await alpha.ask(path)).status_code == 202:
        assert response.headers["Retry-After"]
    rows: list[dict[str, Any]] = response.json()
    assert response.status_code == 200, rows
    return rows


async def test_the_past_is_told_by_ticket_by_position_and_by_time(stack: Stack) -> None:
    stack.simulator.quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"))
    async with metaapi_caller(stack.url) as alpha:
        identity = await traded(alpha)
        of_position = await whole(alpha, f"/history-deals/position/{identity}")
        deals = await whole(alpha, f"/history-deals{ALL}")
        assert msgspec.convert(deals, list[shapes.MetaApiDeal]) == deals
        assert [deal["time"] for deal in deals] == sorted(deal["time"] for deal in deals)
        assert [deal["id"] for deal in deals if deal.get("positionId") == identity] == [
            deal["id"] for deal in of_position
        ]
        opening, part, rest = of_position
        assert [deal["type"] for deal in of_position] == ["DEAL_TYPE_BUY"] + 2 * ["DEAL_TYPE_SELL"]
        assert [deal["entryType"] for deal in of_position] == ["DEAL_ENTRY_IN"] + 2 * [
            "DEAL_ENTRY_OUT"
        ]
        assert [deal["volume"] for deal in of_position] == [0.1, 0.04, 0.06]
        assert opening["commission"] == 0 != opening["ctrader"]["openingCommission"]
        assert {deal["clientId"] for deal in of_position} == {"TE_EURUSD_1"}
        assert {(deal["magic"], deal["comment"]) for deal in of_position} == {(7, "hi")}

        # The ledger: each deal changes the balance by its profit, swap and commission.
        before = part["ctrader"]["balance"]
        after = rest["ctrader"]["balance"]
        assert after - before == pytest.approx(rest["profit"] + rest["swap"] + rest["commission"])
        deposit = deals[0]
        assert (deposit["type"], deposit["profit"]) == ("DEAL_TYPE_BALANCE", 10_000.0)
        assert 8 * 10**15 < int(deposit["id"]) < 2**53
        changes = [d["profit"] + d.get("swap", 0) + d.get("commission", 0) for d in deals]
        assert sum(changes) == pytest.approx(after)

        assert await whole(alpha, f"/history-deals/ticket/{rest['id']}") == [rest]
        assert await whole(alpha, f"/history-deals/ticket/{deposit['id']}") == [deposit]
        assert await whole(alpha, "/history-deals/ticket/99") == []
        page = await alpha.read(f"/history-deals{ALL}", offset=1, limit=2)
        assert page == deals[1:3]
        empty = f"/history-deals/time/2020-01-01T00:00:00Z/{deals[0]['time']}"
        assert await whole(alpha, empty) == []
        await alpha.refused("/history-deals/time/now/then", 400, "ValidationError")

        (filled,) = await whole(alpha, f"/history-orders/ticket/{opening['orderId']}")
        assert msgspec.convert(filled, shapes.MetaApiOrder) == filled
        assert (filled["type"], filled["state"], filled["currentVolume"]) == (
            "ORDER_TYPE_BUY",
            "ORDER_STATE_FILLED",
            0.0,
        )
        assert await whole(alpha, "/history-orders/ticket/99") == []

        async def known() -> list[str]:
            return [row["state"] for row in await whole(alpha, f"/history-orders{ALL}")]

        while "ORDER_STATE_CANCELED" not in await known():
            pass  # the broker's history is read again soon after each deal
        assert (await known()).count("ORDER_STATE_FILLED") == 3
        orders = await whole(alpha, f"/history-orders/position/{identity}")
        assert {row["positionId"] for row in orders} == {identity}


async def test_depth_and_margins_are_told_here_and_on_another_pool(stack: Stack) -> None:
    async with metaapi_caller(stack.url) as alpha:
        book = await alpha.read("/symbols/EURUSD/current-book")
        assert msgspec.convert(book, shapes.MetaApiBook) == book
        kinds = [level["type"] for level in book["book"]]
        assert kinds == sorted(kinds, reverse=True)
        assert set(kinds) == {"BOOK_TYPE_SELL", "BOOK_TYPE_BUY"}
        prices = [level["price"] for level in book["book"]]
        assert prices == sorted(prices, reverse=True)
        question = {"symbol": "EURUSD", "type": "ORDER_TYPE_BUY", "volume": 0.1, "openPrice": 1.1}
        answer = await alpha._client.post(f"{alpha.path}/calculate-margin", json=question)
        assert answer.json()["margin"] > 100
        bad = await alpha._client.post(f"{alpha.path}/calculate-margin", json={"symbol": "EURUSD"})
        assert (bad.status_code, bad.json()["error"]) == (400, "ValidationError")
    remote = stack.remote()
    async with (
        GatewayServer(create_app(remote), port=0, drain_seconds=1) as server,
        metaapi_caller(server.url) as through,
    ):
        again = await through.read("/symbols/EURUSD/current-book")
        assert again["book"] == book["book"]
    asked = MarginQuestion("EURUSD", Side.BUY, Decimal("0.1"), Decimal("1.1"))
    assert await remote.order_margin("alpha", asked) == answer.json()
    assert await remote.deals("alpha", OfPosition("99")) == []
    with pytest.raises(PlatformError, match="Symbol not found"):
        await remote.depth("alpha", "NOPE")
    await remote.close()
