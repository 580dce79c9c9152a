"""Gateways as processes of their own: two on one journal, and one that is killed in mid-order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from fxpool.platforms.remote import RemotePlatform
from fxpool.simulator import Simulator
from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.broker import orders_made
from harness.commands import line_where, started
from harness.stack import ACCOUNTS, STILL, healthy
from harness.wait import wait_until

NEW_ORDER = 2106
BUY = {"account_id": "alpha", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}


@dataclass(frozen=True, slots=True)
class Process:
    """One gateway."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient

    async def buy(self, **more: Any) -> dict[str, Any]:
        headers = more.pop("headers", {})
        answer = await self.http.post("/trade/execute", json={**BUY, **more}, headers=headers)
        result: dict[str, Any] = answer.json()
        return result

    async def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get(path)).json()
        return found


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(STILL) as running:
        yield running


@asynccontextmanager
async def gateway(simulator: Simulator, folder: Path) -> AsyncIterator[Process]:
    """Run a gateway on any free port; all that run in one folder share its journal."""
    routing = folder / "routing-config.json"
    routing.write_text(json.dumps({"accounts": ACCOUNTS}))
    environment = {
        "CTRADER_CLIENT_ID": simulator.credentials.client_id,
        "CTRADER_CLIENT_SECRET": simulator.credentials.client_secret,
        "CTRADER_ACCESS_TOKEN": simulator.grant.access_token,
        "CTRADER_DEMO_HOST": simulator.host,
        "CTRADER_DEMO_PORT": str(simulator.port),
        "CTRADER_CA_FILE": str(simulator.ca_file),
        "CTRADER_ROUTING_CONFIG": str(routing),
        "CTRADER_DATA_DIR": str(folder / "data"),
        "CTRADER_ORDER_SETTLE_SECONDS": "0.5",
    }
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(started("serve", "--port", "0", **environment))
        line = await line_where(process.stderr, lambda line: "gateway listens" in line)
        url = json.loads(line)["url"]
        drain = asyncio.create_task(_drain(process))
        stack.callback(drain.cancel)
        platform = RemotePlatform(url)
        await healthy(platform)
        await platform.close()
        http = httpx.AsyncClient(base_url=platform.base_url, timeout=40, trust_env=False)
        yield Process(process, await stack.enter_async_context(http))


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.readline():
        pass


async def test_one_key_at_the_same_moment_through_two_gateways_is_one_order_answered_twice(
    simulator: Simulator, tmp_path: Path
) -> None:
    async with gateway(simulator, tmp_path) as one, gateway(simulator, tmp_path) as other:
        for number in range(10):
            headers = {"Idempotency-Key": f"k{number}"}
            results = await asyncio.gather(one.buy(headers=headers), other.buy(headers=headers))
            assert [result["success"] for result in results] == [True, True]
            assert results[0]["positionId"] == results[1]["positionId"]
            assert sum("duplicate" in result for result in results) == 1
        assert len(orders_made(simulator)) == 10


async def test_a_gateway_killed_between_order_and_answer_finds_the_order_when_it_is_back(
    simulator: Simulator, tmp_path: Path
) -> None:
    delay = Fault(FaultKind.DELAY_ANSWERS, NEW_ORDER, seconds=30.0)
    simulator.faults.stand(delay)
    async with gateway(simulator, tmp_path) as killed:
        asking = asyncio.create_task(killed.buy(comment="Copy_1_L10"))
        await wait_until(lambda: orders_made(simulator))
        killed.process.kill()
        with pytest.raises(httpx.HTTPError):
            await asking
    async with gateway(simulator, tmp_path) as back:
        again = await back.buy(comment="Copy_1_L10")
        assert (again["success"], again["duplicate"]) == (True, True)
        ticket = await back.get(f"/tickets/{again['ticketId']}/wait?timeout=10")
        assert (ticket["state"], ticket["resolved"]) == ("executed", True)
        (position,) = (await back.get("/positions/alpha"))["positions"]
        assert position["id"] == again["positionId"]
    assert len(orders_made(simulator)) == 1
