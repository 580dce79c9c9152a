"""The example that hands events over: each once, though every part of the chain is restarted."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from fxpool.platforms.base import CloseRequest, ProtectionRequest, TradeRequest
from harness.redis import PASSWORD, RedisServer, running_redis
from harness.stack import Stack, running_stack
from harness.wait import wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "hand_over.py"
LIST = "signals:queue:pending"


def example() -> Any:
    spec = importlib.util.spec_from_file_location("hand_over", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@asynccontextmanager
async def handing_over(stack: Stack, server: RedisServer) -> AsyncIterator[Redis]:
    """Run the example on account alpha until the block ends; give a client of Redis."""
    program = example()
    async with (
        httpx.AsyncClient(base_url=stack.url, timeout=10) as gateway,
        program.redis_at(f"redis://:{PASSWORD}@127.0.0.1:{server.port}") as redis,
        Redis(host="127.0.0.1", port=server.port, password=PASSWORD) as reader,
    ):
        streams = stack.platform._hub.subscribers
        running = asyncio.create_task(program.HandOver(gateway, redis, LIST).run("alpha"))
        await wait_until(lambda: stack.platform._hub.subscribers > streams)
        try:
            yield reader
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def handed(redis: Redis, number: int) -> list[dict[str, Any]]:
    """Return what is on the list once it has so many entries."""
    async with asyncio.timeout(20):
        while await redis.llen(LIST) < number:  # noqa: ASYNC110 (asked of another process)
            await asyncio.sleep(0.01)
    return [json.loads(text) for text in await redis.lrange(LIST, 0, -1)]


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with running_stack() as running:
        yield running


async def test_each_event_is_handed_over_once_though_all_parts_are_restarted(stack: Stack) -> None:
    stack.simulator.quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"))
    platform = stack.platform
    buy = TradeRequest("EURUSD", "BUY", Decimal("0.1"))
    with running_redis() as server:
        async with handing_over(stack, server) as redis:
            first = (await platform.execute("alpha", buy))["positionId"]
            await handed(redis, 1)
        await platform.modify_position(
            "alpha", ProtectionRequest(first, stop_loss=Decimal("1.09"))
        )  # nobody listens now
        async with handing_over(stack, server) as redis:
            await handed(redis, 2)
            server.stop()
            await platform.close_position("alpha", CloseRequest(first, Decimal("0.04")))
            server.start()
            await handed(redis, 3)  # once it has noticed
            await platform.close_position("alpha", CloseRequest(first))
            await platform.execute("beta", buy)  # not asked for
            told = await handed(redis, 4)
    assert [event["type"] for event in told] == [
        "positionOpened",
        "positionModified",
        "positionPartiallyClosed",
        "positionClosed",
    ]
    assert {event["accountId"] for event in told} == {"alpha"}
    assert {event["positionId"] for event in told} == {first}
    sequences = [event["seq"] for event in told]
    assert sequences == sorted(set(sequences))


def test_a_gap_and_a_heartbeat_say_how_far_all_is_told() -> None:
    place_of = example().place_of
    beat = {"type": "heartbeat", "epoch": "3f2a", "sequences": {"alpha": 17}}
    assert place_of("alpha", beat) == "alpha:3f2a:17"
    assert place_of("beta", beat) is None
    assert place_of("alpha", {"type": "gap", "lastEventId": "alpha:3f2a:20"}) == "alpha:3f2a:20"
    gap = {"type": "gap", "lastEventId": "alpha:3f2a:20", "epoch": "3f2a", "seq": 21}
    assert place_of("alpha", gap) == "alpha:3f2a:21"
    assert place_of("alpha", {"type": "price"}) is None
