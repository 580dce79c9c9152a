"""The shipped NGINX files, run by a real NGINX in front of a real gateway."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from fxpool.simulator.certificates import Certificates, certificates_in
from harness.proxy import NGINX, WHY_NOT, proxied
from harness.stack import running_stack

pytestmark = pytest.mark.skipif(NGINX is None, reason=WHY_NOT)

PREFIX = "/api/ctrader"
NOWHERE = "http://127.0.0.1:9"
BUY = {"account_id": "alpha", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return certificates_in(tmp_path / "tls", datetime.now(UTC))


def trusting(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates.ca_file)


async def first_with(messages: AsyncIterator[Any], word: str) -> str:
    """Return the first message that has a word in it."""
    async for message in messages:
        if word in str(message):
            return str(message)
    raise AssertionError(f"the stream ended before {word}")


async def test_calls_a_websocket_and_events_go_through_the_proxy(
    tmp_path: Path, certificates: Certificates
) -> None:
    tls = trusting(certificates)
    async with (
        running_stack() as stack,
        proxied(stack.url, tmp_path, certificates.server_file) as url,
        httpx.AsyncClient(base_url=url + PREFIX, verify=tls, trust_env=False) as http,
        connect(f"{url.replace('https', 'wss')}{PREFIX}/ws", ssl=tls, proxy=None) as socket,
        http.stream("GET", "/events", params={"accounts": "alpha"}) as events,
    ):
        lines = events.aiter_lines()
        async with asyncio.timeout(10):  # much less than a full buffer would take
            assert json.loads(await socket.recv())["type"] == "snapshot"
            await first_with(lines, "snapshot")
            bought = (await http.post("/trade/execute", json=BUY)).json()
            assert bought["success"], bought
            assert bought["positionId"] in await first_with(lines, "positionOpened")
            assert bought["positionId"] in await first_with(aiter(socket), "positionOpened")
        (position,) = (await http.get("/positions/alpha")).json()["positions"]
        assert position["id"] == bought["positionId"]


async def test_the_rate_limit_answers_in_our_words_and_never_holds_a_close_up(
    tmp_path: Path, certificates: Certificates
) -> None:
    tls = trusting(certificates)
    tight = {"rate=100r/s": "rate=1r/m", "burst=400": "burst=2"}
    async with (
        running_stack() as stack,
        proxied(stack.url, tmp_path, certificates.server_file, **tight) as url,
        httpx.AsyncClient(base_url=url + PREFIX, verify=tls, trust_env=False) as http,
    ):
        answers = [await http.get("/health") for _ in range(5)]
        closes = [
            await http.post("/position/close", json={"account_id": "alpha", "position_id": "1"})
            for _ in range(5)
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refused = answers[-1]
    assert (refused.json()["code"], refused.json()["outcome"]) == (
        "TOO_MANY_REQUESTS",
        "not_executed",
    )
    assert "network" in refused.json()["detail"]
    assert refused.headers["Retry-After"] == "1"
    assert [answer.status_code for answer in closes] == [200] * 5


async def test_without_a_gateway_a_read_may_be_repeated_and_a_trade_is_unknown(
    tmp_path: Path, certificates: Certificates
) -> None:
    tls = trusting(certificates)
    async with (
        proxied(NOWHERE, tmp_path, certificates.server_file) as url,
        httpx.AsyncClient(base_url=url + PREFIX, verify=tls, trust_env=False) as http,
    ):
        read = await http.get("/positions/alpha")
        trade = await http.post("/trade/execute", json=BUY)
    assert (read.status_code, read.json()["retryable"]) == (502, True)
    assert "network" in read.json()["detail"]
    assert (trade.status_code, trade.json()["outcome"]) == (502, "unknown")
    assert "network" not in trade.json()["detail"]
    assert trade.json()["retryable"] is False
