"""The whole product on loopback: simulated broker, platform, gateway. Real parts, OS ports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pydantic import SecretStr

from fxpool.gateway import GatewayServer, create_app
from fxpool.platforms.base import Platform
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.remote import RemotePlatform
from fxpool.settings import Settings
from fxpool.simulator import Simulator, SimulatorOptions
from harness import platforms

STILL: Final = SimulatorOptions(ticks_per_second=0)
"""A market that moves only when a test quotes."""

ACCOUNTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "alpha": {"platform": "ctrader", "environment": "demo", "accountId": "12345"},
    "beta": {"platform": "ctrader", "environment": "demo", "accountId": "12346"},
}
"""Routing entries of two of the simulator's accounts: one in USD, one in EUR."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs: the broker, the platform in this process, and the address of its gateway."""

    simulator: Simulator
    platform: CTraderPlatform
    url: str

    def remote(self, **options: Any) -> RemotePlatform:
        """Return a new platform that speaks to the gateway; the caller closes it."""
        return RemotePlatform(self.url, **options)


@asynccontextmanager
async def running_stack(
    options: SimulatorOptions = STILL, accounts: Mapping[str, Mapping[str, Any]] = ACCOUNTS
) -> AsyncIterator[Stack]:
    """Run the product until the block ends; every account is live when it begins."""
    with TemporaryDirectory(prefix="fxpool-stack-") as folder:
        routing = Path(folder) / "routing-config.json"
        routing.write_text(json.dumps({"accounts": accounts}))
        async with Simulator(options) as simulator:
            platform = CTraderPlatform.from_settings(settings_for(simulator, routing))
            await platform.open()
            try:
                await healthy(platform)
                async with GatewayServer(create_app(platform), port=0, drain_seconds=1) as server:
                    yield Stack(simulator, platform, server.url)
            finally:
                await platform.close()


def settings_for(simulator: Simulator, routing_config: Path) -> Settings:
    """Return the settings of a pool on this broker, whatever the environment says."""
    return platforms.settings_for(simulator).model_copy(
        update={
            "routing_config": routing_config,
            "data_dir": routing_config.parent / "data",
            "pool_host": "127.0.0.1",
            "pool_api_key": SecretStr(""),
        }
    )


async def healthy(platform: Platform, *, within: float = 10.0) -> None:
    """Return as soon as every account is live; fail after ``within`` seconds."""
    async with asyncio.timeout(within):
        while (await platform.health())["status"] != "healthy":  # noqa: ASYNC110 (may be remote)
            await asyncio.sleep(0.005)
