"""A unified client as a program has it: a routing file, an old MetaApi pool, a pool of ours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fxpool.client import ConnectionIssue, RoutingFile, UnifiedPoolClient
from fxpool.client.metaapi_pool import MetaApiPool as MetaApiPoolClient
from fxpool.clock import SystemClock
from fxpool.platforms.remote import RemotePlatform
from harness.metaapi_pool import MetaApiPool, running_pool
from harness.stack import Stack, running_stack

META = "0f6c2d1e-77aa-4c11-9a3e-5b1d2c3e4f50"
ENTRIES: dict[str, dict[str, Any]] = {
    META: {"platform": "mt5", "region": "london", "nickname": "Signals"},
    "alpha": {"platform": "ctrader", "environment": "demo", "accountId": "12345"},
    "beta": {"platform": "ctrader", "environment": "demo", "accountId": "12346"},
    "dx": {"platform": "dxtrade", "environment": "demo"},
}


@dataclass
class Told:
    """A notifier that keeps what it is told."""

    issues: list[ConnectionIssue] = field(default_factory=list)
    is_open: bool = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    def tell(self, issue: ConnectionIssue) -> None:
        self.issues.append(issue)


@dataclass(frozen=True)
class Setup:
    """A client and what is behind it; nobody listens at ``dx``."""

    client: UnifiedPoolClient
    stack: Stack
    metaapi: MetaApiPool
    routing: Path
    told: Told

    def route(self, entries: object) -> None:
        """Write another routing file."""
        self.routing.write_text(json.dumps({"accounts": entries}))


@asynccontextmanager
async def running_setup(unused_port: int) -> AsyncIterator[Setup]:
    """Run all of it until the block ends."""
    with TemporaryDirectory(prefix="fxpool-client-") as folder:
        routing = Path(folder) / "routing-config.json"
        routing.write_text(json.dumps({"accounts": ENTRIES}))
        clock = SystemClock()
        routes = RoutingFile(routing, clock=clock)
        told = Told()
        async with running_stack() as stack, running_pool(META) as metaapi:
            client = UnifiedPoolClient(
                MetaApiPoolClient(metaapi.url, accounts=routes.all, clock=clock, poll_seconds=0.05),
                RemotePlatform(stack.url),
                RemotePlatform(f"http://127.0.0.1:{unused_port}", name="dxtrade"),
                routes=routes,
                notifier=told,
            )
            async with client:
                yield Setup(client, stack, metaapi, routing, told)
