"""The copy trader of the examples: across platforms, on events alone, through a killed gateway."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fxpool import UnifiedPoolClient
from fxpool.simulator import Simulator
from harness.broker import orders_made
from harness.commands import line_where, started
from harness.metaapi_server import TOKEN, running_metaapi
from harness.metatrader import Terminal
from harness.served import environment_for
from harness.stack import STILL, healthy
from harness.wait import wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "copy_trader.py"
BETA = 10012346
ENTRY_IN = "DEAL_ENTRY_IN"
ROUTING = {
    "accounts": {
        "alpha": {"platform": "ctrader", "environment": "demo", "accountId": "12345"},
        "beta": {"platform": "ctrader", "environment": "demo", "accountId": "12346"},
        "mt": {"platform": "mt5", "region": "london", "accountId": "777"},
    }
}


def copy_trader(client: UnifiedPoolClient, source: str, destination: str, factor: str) -> Any:
    spec = importlib.util.spec_from_file_location("copy_trader", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CopyTrader(client, source, destination, Decimal(factor))


@dataclass(slots=True)
class Market:
    """A broker, a MetaApi server, and one gateway in front of both that can be killed."""

    simulator: Simulator
    terminal: Terminal
    environment: dict[str, str]
    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def open_at(self, account: str) -> list[str]:
        """Return the comments of what is open at the platform itself."""
        if account == "mt":
            return [row["comment"] for row in self.terminal.positions.values()]
        book = self.simulator.venue.engine.books[BETA]
        return [each.comment for each in book.positions.values()]

    def placed_at(self, account: str) -> list[str]:
        """Return the comments of all orders that ever opened something at the platform itself."""
        if account == "mt":
            return [
                row["comment"] for row in self.terminal.deals if row.get("entryType") == ENTRY_IN
            ]
        return [order.comment for order in orders_made(self.simulator, BETA)]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Run a gateway until it is killed or the block ends."""
        async with started("serve", "--port", str(self.port), **self.environment) as process:
            await line_where(process.stderr, lambda line: "gateway listens" in line)
            self.process = process
            async with UnifiedPoolClient.connect(self.url) as client:
                await healthy(client._platforms["ctrader"], within=30)
                yield


@pytest.fixture
async def market(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Market]:
    async with Simulator(STILL) as simulator, running_metaapi("mt") as server:
        simulator.quote("EURUSD", Decimal("1.1"), Decimal("1.1001"))
        environment = environment_for(simulator, tmp_path) | {
            "METAAPI_TOKEN": TOKEN,
            "METAAPI_URL": server.url,
            "METAAPI_POLL_SECONDS": "0.1",
            "METAAPI_CREDITS_PER_SECOND": "1000000",
        }
        (tmp_path / "routing-config.json").write_text(json.dumps(ROUTING))
        yield Market(simulator, server.terminals["mt"], environment, unused_tcp_port)


@asynccontextmanager
async def copying(
    market: Market, source: str, destination: str, factor: str = "1"
) -> AsyncIterator[UnifiedPoolClient]:
    """Copy while the block runs; yields a client of the same gateway."""
    async with UnifiedPoolClient.connect(market.url) as client:
        trader = copy_trader(client, source, destination, factor)
        copier = asyncio.create_task(trader.run())
        try:
            async with asyncio.timeout(20):
                while trader.left_alone is None:
                    assert not copier.done(), copier.exception()
                    await asyncio.sleep(0.01)
            async with UnifiedPoolClient.connect(market.url) as other:
                yield other
            assert not copier.done()
        finally:
            copier.cancel()
            await asyncio.wait([copier])


async def opened(client: UnifiedPoolClient, account: str, lots: str = "0.2") -> str:
    order = {"symbol": "EURUSD", "action": "BUY", "volume": lots}
    result = await client.execute_trade(account, None, order)
    assert result["success"], result
    return result["positionId"]


async def copies_at(client: UnifiedPoolClient, account: str, count: int) -> list[dict[str, Any]]:
    """Return the positions of an account as soon as there are so many."""
    async with asyncio.timeout(40):
        while True:
            found = await client.get_positions(account)
            if len(found) == count:
                return [dict(each) for each in found]
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("source", "destination"), [("alpha", "mt"), ("mt", "alpha"), ("alpha", "beta")]
)
async def test_what_one_account_opens_and_closes_the_other_does_too(
    market: Market, source: str, destination: str
) -> None:
    async with market.serving(), copying(market, source, destination, "0.5") as client:
        first = await opened(client, source)
        second = await opened(client, source, "0.4")
        copies = await copies_at(client, destination, 2)
        by_comment = {copy["comment"]: copy["volume"] for copy in copies}
        assert by_comment == {f"Copy_{first}_L20": 0.1, f"Copy_{second}_L40": 0.2}
        closed = await client.close_position(source, None, first)
        assert closed["success"], closed
        (left,) = await copies_at(client, destination, 1)
        assert left["comment"] == f"Copy_{second}_L40"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("destination", ["beta", "mt"])
async def test_a_gateway_killed_in_mid_copy_leaves_no_duplicate_and_no_orphan(
    market: Market, destination: str, seed: int
) -> None:
    chance = random.Random(seed)
    async with AsyncExitStack() as first:
        await first.enter_async_context(market.serving())
        client = await first.enter_async_context(copying(market, "alpha", destination))
        closing = await opened(client, "alpha")
        await copies_at(client, destination, 1)
        kept = await opened(client, "alpha", "0.3")
        await client.close_position("alpha", None, closing)
        await asyncio.sleep(chance.random() * 0.1)  # somewhere in the middle of both copies
        market.kill()
        async with market.serving():
            await comments_at(market, destination, [f"Copy_{kept}_L30"])
            assert [each["id"] for each in await copies_at(client, "alpha", 1)] == [kept]
    placed = market.placed_at(destination)
    assert sorted(placed) == sorted([f"Copy_{closing}_L20", f"Copy_{kept}_L30"]), f"seed {seed}"


async def comments_at(market: Market, account: str, comments: list[str]) -> None:
    """Wait until an account has just these positions, at the platform itself.

    An order that was killed before it got there is called absent after 35 s, in which another
    gateway could still send it, a time to settle and two readings; then it is sent.
    """
    await wait_until(lambda: market.open_at(account) == comments, within=120)
