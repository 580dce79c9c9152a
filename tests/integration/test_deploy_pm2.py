"""The shipped PM2 file, run by a real PM2."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from fxpool.platforms.base import PlatformError
from fxpool.platforms.remote import RemotePlatform
from fxpool.simulator import Simulator
from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.broker import orders_made
from harness.pm2 import FILE, NAME, PM2, WHY_NOT, pm2_in
from harness.ports import free_port
from harness.served import BUY, environment_for
from harness.stack import STILL, healthy
from harness.wait import wait_until

pytestmark = [
    pytest.mark.skipif(PM2 is None, reason=WHY_NOT),
    pytest.mark.timeout(300),  # five times Node and three times the gateway are started
]
NEW_ORDER = 2106


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(STILL) as running:
        yield running


async def serves(url: str) -> None:
    """Return once the gateway has all accounts live."""
    platform = RemotePlatform(url)
    async with asyncio.timeout(90):
        while True:
            with suppress(PlatformError):  # it refuses connections until it listens
                await healthy(platform, within=60)
                break
            await asyncio.sleep(0.1)
    await platform.close()


async def test_pm2_starts_logs_restarts_and_stops_without_losing_an_order(
    simulator: Simulator, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = environment_for(simulator, tmp_path) | {"CTRADER_POOL_PORT": str(port)}
    async with pm2_in(tmp_path, **environment) as pm2:
        await pm2.run("start", FILE)
        await serves(url)
        first = await pm2.state()
        await pm2.run("restart", NAME)
        await serves(url)
        second = await pm2.state()
        assert first["pid"] != second["pid"]

        simulator.faults.stand(Fault(FaultKind.DELAY_ANSWERS, NEW_ORDER, seconds=3.0))
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            buying = asyncio.create_task(http.post("/trade/execute", json=BUY))
            await wait_until(lambda: orders_made(simulator))
            await pm2.run("stop", NAME)
            result = (await buying).json()
        assert (result["success"], result["outcome"]) == (True, "executed")
        assert (await pm2.state())["status"] == "stopped"

        log = await pm2.run("logs", NAME, "--nostream", "--lines", "100")
        assert re.search(r"\d{4}-\d\d-\d\dT[\d:]+:? .*gateway listens", log)
        for kind in ("out", "error", "combined"):
            assert (tmp_path / "logs" / f"ctrader-pool-{kind}.log").exists()


async def test_pm2_does_not_start_a_wrong_configuration_again(
    simulator: Simulator, tmp_path: Path
) -> None:
    environment = environment_for(simulator, tmp_path) | {"LOG_LEVEL": "LOUD"}
    async with pm2_in(tmp_path, **environment) as pm2:
        await pm2.run("start", FILE)
        async with asyncio.timeout(90):
            while (state := await pm2.state())["status"] == "online":  # noqa: ASYNC110 (a process)
                await asyncio.sleep(0.5)
        assert (state["status"], state["restart_time"]) == ("stopped", 0)
