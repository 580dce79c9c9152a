"""What the broker refuses, as a copy trader over HTTP hears it: it decides by the words.

The words are written out here a second time on purpose, as the traders that search for them have
them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.pool_walk import ACCOUNT, ACCOUNTS
from harness.stack import Stack, running_stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

PERMANENT = (
    "insufficient free margin",
    "not enough money",
    "margin call",
    "account disabled",
    "symbol not found",
    "invalid volume",
    "market closed",
)
AGAIN = (
    "timeout",
    "etimedout",
    "econnrefused",
    "econnreset",
    "connection refused",
    "no response",
    "socket hang up",
    "network",
    "esockettimedout",
    "position not found",
    "invalid response from getpositions",
)
ORDER = {"account_id": ACCOUNT, "symbol": "EURUSD", "action": "BUY", "volume": 0.1}

GIVE_UP = {
    "NOT_ENOUGH_MONEY": "not enough money",
    "TRADING_BAD_VOLUME": "invalid volume",
    "SYMBOL_NOT_FOUND": "symbol not found",
    "MARKET_CLOSED": "market closed",
    "SYMBOL_HAS_HOLIDAY": "market closed",
    "TRADING_DISABLED": "market closed",
    "RET_ACCOUNT_DISABLED": "account disabled",
    "TRADING_NOT_ALLOWED": "account disabled",
    "SHORT_SELLING_NOT_ALLOWED": "trading not allowed",
    "MAX_EXPOSURE_REACHED": "exposure",
    "TOO_MANY_POSITIONS": "too many positions",
    "TRADING_BAD_STOPS": "invalid stops",
    "PROTECTION_IS_TOO_CLOSE_TO_MARKET": "invalid stops",
    "TRADING_BAD_PRICES": "invalid stops",
}
TRY_AGAIN = {
    "POSITION_LOCKED": "timeout",
    "PENDING_EXECUTION": "timeout",
    "SERVER_IS_UNDER_MAINTENANCE": "network",
    "CANT_ROUTE_REQUEST": "network",
    "CH_SERVER_NOT_REACHABLE": "network",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with running_stack(accounts=ACCOUNTS) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url) as client:
        yield client


async def answered(stack: Stack, http: httpx.AsyncClient, code: str) -> dict[str, Any]:
    """Place an order that the broker answers with an error code; return our answer."""
    fault = Fault(FaultKind.REFUSE, code=code, text="In the broker's words")
    await stack.simulator.striker.strike(fault)
    response = await http.post("/trade/execute", json=ORDER)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    assert (answer["success"], answer["code"]) == (False, code)
    assert answer["detail"] == answer["error"]
    return answer


@pytest.mark.parametrize("code", GIVE_UP)
async def test_what_cannot_succeed_is_given_up(
    stack: Stack, http: httpx.AsyncClient, code: str
) -> None:
    answer = await answered(stack, http, code)
    assert answer["outcome"] == "not_executed"
    text = answer["error"].lower()
    assert GIVE_UP[code] in text
    assert "in the broker's words" in text
    assert not any(word in text for word in AGAIN)
    assert answer["retryable"] is False


@pytest.mark.parametrize("code", TRY_AGAIN)
async def test_what_may_succeed_later_is_tried_again(
    stack: Stack, http: httpx.AsyncClient, code: str
) -> None:
    answer = await answered(stack, http, code)
    assert answer["outcome"] == "not_executed"
    text = answer["error"].lower()
    assert TRY_AGAIN[code] in text
    assert not any(word in text for word in PERMANENT)
    assert answer["retryable"] is True


async def test_a_position_that_is_gone_is_said_so_and_tried_again(http: httpx.AsyncClient) -> None:
    body = {"account_id": ACCOUNT, "position_id": "99"}
    answer = (await http.post("/position/close", json=body)).json()
    assert (answer["success"], answer["code"]) == (False, "POSITION_NOT_FOUND")
    assert "position not found" in answer["error"].lower()


async def test_a_code_that_nobody_knows_is_told_verbatim_and_not_called_a_refusal(
    stack: Stack, http: httpx.AsyncClient
) -> None:
    answer = await answered(stack, http, "NEVER_SEEN_BEFORE")
    assert answer["outcome"] == "unknown"
    assert "NEVER_SEEN_BEFORE: In the broker's words" in answer["error"]
    assert not any(word in answer["error"].lower() for word in AGAIN)
