"""The HTTP API over a real pool and a simulated broker: what existing callers send and read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import product
from typing import Any

import httpx
import pytest

from harness.stack import Stack, running_stack

BID, ASK = Decimal("1.10000"), Decimal("1.10010")


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with running_stack() as running:
        running.simulator.quote("EURUSD", BID, ASK)
        yield running


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url) as http:
        subscribed = await post(http, "/streaming/subscribe", symbol="EURUSD", account_id=None)
        assert subscribed["success"] is True
        await eventually(http, "/prices/EURUSD", symbol="EURUSD")
        yield http


async def eventually(http: httpx.AsyncClient, path: str, **expected: Any) -> None:
    """Ask until the answer holds what is expected."""
    async with asyncio.timeout(10):
        while not expected.items() <= (await http.get(path)).json().items():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def post(http: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    response = await http.post(path, json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def get(http: httpx.AsyncClient, path: str) -> Any:
    response = await http.get(path)
    assert response.status_code == 200, response.text
    return response.json()


async def buy(http: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    """Open a position as the copier does."""
    body = {
        "account_id": "alpha",
        "environment": "demo",
        "symbol": "EURUSD",
        "action": "BUY",
        "actionType": "ORDER_TYPE_BUY",
        "volume": 0.29,
        "stopLoss": 1.09,
        "takeProfit": 1.12,
        "comment": "Copy_40021877_L10",
    }
    opened = await post(http, "/trade/execute", **{**body, **more})
    assert opened["success"] is True, opened
    return opened


async def test_an_account_is_read_by_any_of_its_names(client: httpx.AsyncClient) -> None:
    paths = ("/account/{}", "/accounts/{}/info", "/api/ctrader/account/{}")
    for path, name in product(paths, ("alpha", "12345", "10012345")):
        account = await get(client, path.format(name))
        assert account["id"] == name
        assert account["login"] == "12345"
        assert account["balance"] == account["equity"] == 10_000.0
        assert account["simulated"] is True
        assert account["marginLevel"] is None


async def test_a_market_order_is_a_position_with_exact_protection(
    client: httpx.AsyncClient,
) -> None:
    opened = await buy(client)
    assert opened["outcome"] == "executed"
    assert opened["protection"] == "set"
    assert isinstance(opened["positionId"], str)
    listed = await get(client, "/positions/12345")
    assert listed["count"] == 1
    assert listed["synchronized"] is True
    (position,) = listed["positions"]
    assert position["id"] == opened["positionId"]
    assert position["type"] == "POSITION_TYPE_BUY"
    assert (position["volume"], position["stopLoss"], position["takeProfit"]) == (0.29, 1.09, 1.12)
    assert position["comment"] == "Copy_40021877_L10"
    assert position["time"] == position["openTime"]
    alias = await get(client, "/accounts/alpha/positions")
    assert [row["id"] for row in alias["positions"]] == [position["id"]]


async def test_a_position_is_changed_and_closed_in_parts(client: httpx.AsyncClient) -> None:
    opened = await buy(client)
    position_id = opened["positionId"]
    named = {"account_id": 12345, "position_id": position_id}
    changed = await post(client, "/position/modify", **named, stop_loss=1.095, take_profit=None)
    assert changed["success"] is True
    (position,) = (await get(client, "/positions/alpha"))["positions"]
    assert (position["stopLoss"], position["takeProfit"]) == (1.095, 1.12)
    part = await post(
        client, "/position/close", accountId="12345", positionId=int(position_id), volume="0.09"
    )
    assert (part["success"], part["closedVolume"], part["remainingVolume"]) == (True, 0.09, 0.2)
    rest = await post(client, "/position/close", **named)
    assert rest["success"] is True
    assert rest["order_id"] == rest["orderId"]
    assert rest["profit"] < 0
    assert (await get(client, "/positions/alpha"))["positions"] == []
    again = await post(client, "/position/close", **named)
    assert (again["success"], again["code"]) == (False, "POSITION_NOT_FOUND")
    assert "position not found" in again["error"].lower()
    assert again["detail"] == again["error"]


@pytest.mark.parametrize("where", ["header", "body"])
async def test_a_key_that_the_close_of_a_part_cannot_keep_is_refused(
    client: httpx.AsyncClient, where: str
) -> None:
    opened = await buy(client, comment=f"of a part, by {where}")
    named = {"account_id": "alpha", "position_id": opened["positionId"]}
    headers = {"Idempotency-Key": "k1"} if where == "header" else {}
    keyed = named if where == "header" else named | {"idempotencyKey": "k1"}
    refused = await client.post("/position/close", json=keyed | {"volume": 0.1}, headers=headers)
    assert refused.status_code == 422
    answer = refused.json()
    assert (answer["code"], answer["outcome"]) == ("INVALID_REQUEST", "not_executed")
    assert "leave the key out" in answer["detail"]
    whole = await client.post("/position/close", json=keyed, headers=headers)
    assert (whole.json()["success"], whole.json()["remainingVolume"]) == (True, 0)


PENDING: list[tuple[str, dict[str, Any], str]] = [
    ("/trade/limit", {"side": "BUY", "price": 1.05}, "ORDER_TYPE_BUY_LIMIT"),
    ("/order/limit", {"action": "sell", "limit_price": "1.2"}, "ORDER_TYPE_SELL_LIMIT"),
    ("/trade/stop", {"actionType": "BUY_STOP", "stopPrice": 1.2}, "ORDER_TYPE_BUY_STOP"),
    ("/order/stop", {"side": "SELL", "openPrice": 1.05}, "ORDER_TYPE_SELL_STOP"),
    ("/trade/execute", {"type": "BUY_LIMIT", "open_price": 1.05}, "ORDER_TYPE_BUY_LIMIT"),
]


async def test_a_pending_order_is_placed_listed_changed_and_cancelled(
    client: httpx.AsyncClient,
) -> None:
    common = {"accountId": "alpha", "symbol": "EURUSD", "lots": "0.40", "clientId": 77}
    for path, body, kind in PENDING:
        placed = await post(client, path, **common, **body)
        assert placed["success"] is True, placed
        assert placed["type"] == kind
        (order,) = (await get(client, "/orders/alpha"))["orders"]
        assert (order["id"], order["type"], order["volume"]) == (placed["orderId"], kind, 0.4)
        assert (order["clientId"], order["magic"]) == ("77", 77)
        named = {"account_id": "alpha", "order_id": placed["orderId"]}
        changed = await post(client, "/order/modify", **named, volume=0.5)
        assert changed["success"] is True, changed
        (order,) = (await get(client, "/orders/alpha"))["orders"]
        assert order["volume"] == 0.5
        cancelled = await post(client, "/order/cancel", **named)
        assert cancelled["success"] is True
        assert (await get(client, "/orders/alpha"))["orders"] == []


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"volume": 0.291}, "invalid volume"),
    ({"volume": 9_999}, "invalid volume"),
    ({"volume": 90}, "not enough money"),
    ({"symbol": "NOSUCH"}, "symbol not found"),
    ({"stopLoss": 1.2}, "invalid stops"),
    ({"environment": "live"}, "environment"),
]


async def test_a_refused_order_is_an_answer_with_the_words_that_callers_match(
    client: httpx.AsyncClient,
) -> None:
    order = {"account_id": "alpha", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}
    for change, words in REFUSED:
        refused = await post(client, "/trade/execute", **{**order, **change})
        assert (refused["success"], refused["outcome"]) == (False, "not_executed")
        assert words in refused["error"].lower()
    assert (await get(client, "/positions/alpha"))["positions"] == []


async def test_what_is_unknown_is_404_with_a_text(client: httpx.AsyncClient) -> None:
    unknown = ("/account/x", "/positions/x", "/orders/x", "/accounts/x/symbols", "/prices/NOSUCH")
    for path in unknown:
        response = await client.get(path)
        assert response.status_code == 404
        assert isinstance(response.json()["detail"], str)


async def test_an_order_for_an_unknown_account_is_404(client: httpx.AsyncClient) -> None:
    body = {"account_id": "omega", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}
    response = await client.post("/trade/execute", json=body)
    assert (response.status_code, response.json()["code"]) == (404, "ACCOUNT_NOT_FOUND")


async def test_prices_are_read_with_and_without_an_account(client: httpx.AsyncClient) -> None:
    price = await get(client, "/prices/EURUSD?accountId=12345")
    assert (price["bid"], price["ask"], price["symbol"]) == (1.1, 1.1001, "EURUSD")
    assert price["brokerTime"].endswith("Z")
    assert set(await get(client, "/prices")) == {"EURUSD"}


async def test_symbols_are_listed_and_mapped(client: httpx.AsyncClient) -> None:
    symbols = await get(client, "/accounts/alpha/symbols")
    assert {"EURUSD", "XAUUSD"} <= set(symbols["symbols"])
    mapping = await get(client, "/symbols/mapping/XAUUSD?account_id=alpha")
    assert (mapping["cTraderName"], mapping["cTraderId"]) == ("GOLD", 22)


async def test_streaming_is_initialised_once_the_positions_are_loaded(
    client: httpx.AsyncClient,
) -> None:
    await buy(client)
    state = await post(client, "/streaming/initialize", accountId=12345)
    assert (state["success"], state["synchronized"], state["positions"]) == (True, True, 1)
    left = await post(client, "/streaming/unsubscribe", symbol="EURUSD", account_id="beta")
    assert left["success"] is True


async def test_the_pool_says_how_it_is(client: httpx.AsyncClient) -> None:
    health = await get(client, "/health")
    assert (health["status"], health["simulated"]) == ("healthy", True)
    assert set(health["accounts"]) == {"alpha", "beta"}
    assert await get(client, "/health/ready") == {"status": "ready"}
    root = await get(client, "/")
    assert root["status"] == "healthy"
    assert "/trade/execute" in root["endpoints"]
    stats = await get(client, "/pool/stats")
    assert stats["activeConnections"] == 1
    assert set(await get(client, "/stats")) == set(stats)
    assert set(await get(client, "/accounts")) == {"alpha", "beta"}
    summary = await get(client, "/accounts/summary")
    assert (summary["alpha"]["connected"], summary["alpha"]["balance"]) == (True, 10_000.0)
    everything = await get(client, "/positions/all")
    assert everything == {name: {"count": 0, "positions": []} for name in ("alpha", "beta")}
    metrics = (await client.get("/metrics")).text
    assert "fxpool_active_connections 1.0" in metrics


async def test_a_cut_link_makes_reads_503_and_a_reset_brings_them_back(
    client: httpx.AsyncClient, stack: Stack
) -> None:
    await stack.simulator.stop_accepting()
    stack.simulator.cut_all()
    await eventually(client, "/health", status="unhealthy")
    response = await client.get("/positions/alpha")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert response.json()["retryable"] is True
    row = (await get(client, "/positions/all"))["alpha"]
    assert row["count"] is None
    assert "positions" not in row
    refused = await post(
        client, "/trade/execute", account_id="alpha", symbol="EURUSD", action="BUY", volume=0.1
    )
    assert (refused["success"], refused["outcome"]) == (False, "not_executed")
    assert "network" in refused["error"]
    await stack.simulator.resume_accepting()
    assert (await post(client, "/connections/reset"))["success"] is True
    await eventually(client, "/health", status="healthy")
    assert (await get(client, "/positions/alpha"))["count"] == 0
