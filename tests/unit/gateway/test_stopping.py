"""What a gateway that stops says to whom."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from fxpool.gateway import Gateway, create_app
from harness.hub_platform import HubPlatform


@pytest.fixture
def app() -> Gateway:
    app = create_app(HubPlatform())
    app.stop()
    return app


@pytest.fixture
async def client(app: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize("path", ["/trade/execute", "/order/cancel", "/positions/close-all"])
async def test_a_trading_call_is_not_executed_and_may_be_repeated(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.post(path, json={"account_id": "a"})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["success"], body["outcome"]) == (False, "not_executed")
    assert (body["code"], body["retryable"]) == ("STOPPING", True)
    assert "network" in body["error"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"idempotencyKey": "k1"}, {}),
        ({"clientOrderId": "k1"}, {}),
        ({"comment": "Copy_77_L1"}, {}),
        ({}, {"Idempotency-Key": "k1"}),
    ],
)
async def test_an_order_with_a_key_may_be_a_repeat_so_its_outcome_is_unknown(
    client: httpx.AsyncClient, body: dict[str, str], headers: dict[str, str]
) -> None:
    answer = await client.post("/trade/execute", json={"account_id": "a"} | body, headers=headers)
    told = answer.json()
    assert (told["code"], told["outcome"], told["retryable"]) == ("STOPPING", "unknown", True)
    assert "nothing was sent now" in told["error"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"comment": "Scalper"}'])
async def test_what_has_no_key_was_not_executed(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/trade/execute", content=content)
    assert answer.json()["outcome"] == "not_executed"


async def test_closing_many_keeps_its_shape(client: httpx.AsyncClient) -> None:
    body = (await client.post("/positions/close-all", json={"account_id": "a"})).json()
    assert (body["closed"], body["failed"], body["results"]) == (0, 0, [])


async def test_a_read_is_told_when_to_come_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/positions/a")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert answer.json()["code"] == "STOPPING"


async def test_the_gateway_is_alive_and_not_ready(client: httpx.AsyncClient) -> None:
    alive, ready = await client.get("/health/live"), await client.get("/health/ready")
    assert (alive.status_code, alive.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()["status"]) == (503, "stopping")
