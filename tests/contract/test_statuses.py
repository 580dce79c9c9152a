"""What callers hear when a request makes no sense, or the broker refuses what is no trade."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.stack import Stack, running_stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDER = {"account_id": "alpha", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}
BARS = 2137
"""ProtoOAGetTrendbarsReq"""

SENSELESS = {
    "/account/alpha?account_id=x&accountId=y": "account_id",
    "/prices/EURUSD?account_id=x&accountId=y": "account_id",
    "/accounts/alpha/bars/EURUSD?timeframe=7q": "timeframe",
    "/accounts/alpha/trades?days=many": "days",
    "/accounts/alpha/trades?order=sideways": "order",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with running_stack() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url) as client:
        yield client


@pytest.mark.parametrize("path", SENSELESS)
async def test_a_query_that_makes_no_sense_names_its_field(
    http: httpx.AsyncClient, path: str
) -> None:
    response = await http.get(path)
    assert response.status_code == 422
    assert response.json()["detail"].startswith(SENSELESS[path])


async def test_a_refusal_of_what_is_no_trade_is_502_in_the_brokers_words(
    stack: Stack, http: httpx.AsyncClient
) -> None:
    fault = Fault(FaultKind.REFUSE, payload_type=BARS, code="UNSUPPORTED_MESSAGE", text="Not here")
    await stack.simulator.striker.strike(fault)
    response = await http.get("/accounts/alpha/bars/EURUSD?timeframe=1h")
    assert response.status_code == 502
    assert response.json()["detail"] == "UNSUPPORTED_MESSAGE: Not here"


async def test_a_read_for_another_environment_tells_the_true_one(http: httpx.AsyncClient) -> None:
    account = (await http.get("/account/alpha?environment=live&region=london")).json()
    assert account["environment"] == "demo"


async def test_a_trade_for_another_environment_is_refused(http: httpx.AsyncClient) -> None:
    answer = (await http.post("/trade/execute", json=ORDER | {"environment": "live"})).json()
    assert (answer["success"], answer["outcome"]) == (False, "not_executed")
    assert answer["code"] == "ENVIRONMENT_MISMATCH"


@pytest.mark.parametrize("timeframe", ["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "1M"])
async def test_bars_are_told_in_each_timeframe(http: httpx.AsyncClient, timeframe: str) -> None:
    response = await http.get(f"/accounts/alpha/bars/EURUSD?timeframe={timeframe}")
    assert response.status_code == 200, response.text
    assert response.json()["timeframe"] == {"1M": "1mn"}.get(timeframe, timeframe)
