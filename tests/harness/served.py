"""``fxpool serve`` in a process of its own, on a broker of this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from fxpool.platforms.remote import RemotePlatform
from fxpool.simulator import Simulator
from harness.commands import DEADLINE, line_where, started
from harness.stack import ACCOUNTS, healthy

BUY = {"account_id": "alpha", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}


@dataclass(frozen=True, slots=True)
class Process:
    """One gateway.

    Attributes:
        log: the lines that it wrote since it listens.
    """

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient
    log: list[str]

    async def buy(self, **more: Any) -> dict[str, Any]:
        headers = more.pop("headers", {})
        answer = await self.http.post("/trade/execute", json={**BUY, **more}, headers=headers)
        result: dict[str, Any] = answer.json()
        return result

    async def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get(path)).json()
        return found

    async def ended(self) -> int:
        """Return the exit code, once it has ended."""
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()


def environment_for(simulator: Simulator, folder: Path) -> dict[str, str]:
    """Return what configures a gateway on this broker, with its files in ``folder``."""
    routing = folder / "routing-config.json"
    routing.write_text(json.dumps({"accounts": ACCOUNTS}))
    return {
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


@asynccontextmanager
async def gateway(simulator: Simulator, folder: Path, **more: str) -> AsyncIterator[Process]:
    """Run a gateway on any free port; all that run in one folder share its journal.

    ``more`` are further variables of its environment.
    """
    environment = environment_for(simulator, folder) | more
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(started("serve", "--port", "0", **environment))
        line = await line_where(process.stderr, lambda line: "gateway listens" in line)
        url = json.loads(line)["url"]
        log: list[str] = []
        keeping = asyncio.create_task(_keep(process, log))
        stack.callback(keeping.cancel)
        platform = RemotePlatform(url)
        await healthy(platform)
        await platform.close()
        http = httpx.AsyncClient(base_url=platform.base_url, timeout=40, trust_env=False)
        yield Process(process, await stack.enter_async_context(http), log)


async def _keep(process: asyncio.subprocess.Process, log: list[str]) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        log.append(line.decode())
