"""One call under all its paths: the aliases of the older pools, and the prefix behind a proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from harness.stack import Stack

ALIASES = {
    "/account/alpha": "/accounts/alpha/info",
    "/positions/alpha": "/accounts/alpha/positions",
    "/orders/alpha": "/accounts/alpha/orders",
    "/pool/stats": "/stats",
}
READS = ("/", "/health", "/accounts", "/accounts/summary", "/positions/all", *ALIASES)
MOVING = {"brokerTime", "updateTime", "asOf", "timestamp", "uptimeSeconds", "connectionsReused"}
"""What is another number a moment later."""


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url) as client:
        yield client


async def still(http: httpx.AsyncClient, path: str) -> Any:
    """Return an answer without what moves by itself."""
    response = await http.get(path)
    assert response.status_code == 200, f"{path}: {response.text}"
    body = response.json()
    return {key: value for key, value in body.items() if key not in MOVING | {"reuse_ratio"}}


async def test_a_call_answers_the_same_under_each_of_its_paths(http: httpx.AsyncClient) -> None:
    for path, alias in ALIASES.items():
        assert await still(http, alias) == await still(http, path)


async def test_every_call_answers_below_both_prefixes(http: httpx.AsyncClient) -> None:
    for path in READS:
        assert await still(http, f"/api/ctrader{path}") == await still(http, path)
    paths = (await http.get("/openapi.json")).json()["paths"]
    for path in paths:  # 405 or any other word of the route itself, not 404 of no route
        bare, prefixed = [
            (await http.request("PATCH", prefix + path)).status_code
            for prefix in ("", "/api/ctrader")
        ]
        assert (bare, prefixed) == (405, 405), path


async def test_a_star_subscribes_to_all_mapped_symbols(http: httpx.AsyncClient) -> None:
    body = {"symbol": "*", "account_id": "alpha"}
    answer = (await http.post("/streaming/subscribe", json=body)).json()
    assert (answer["success"], answer["symbol"], answer["accounts"]) == (True, "*", ["alpha"])
    assert (await http.get("/pool/stats")).json()["subscriptions"] > 1
