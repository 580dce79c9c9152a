"""Streams over a restart of the gateway, with a real Redis and over HTTP; and what Redis holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.metrics import Metrics
from fxpool.platforms.base import CloseRequest, TradeRequest
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.events import Event, EventFilter
from fxpool.platforms.remote import RemotePlatform
from fxpool.settings import Settings
from fxpool.simulator import Simulator
from harness.redis import PASSWORD, RedisServer, connected, running_redis
from harness.stack import ACCOUNTS, STILL, healthy, settings_for

ALPHA = EventFilter(accounts=frozenset({"alpha"}))


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(STILL) as running:
        yield running


def settings_on(redis: RedisServer | None, simulator: Simulator, folder: Path) -> Settings:
    routing = folder / "routing-config.json"
    routing.write_text(json.dumps({"accounts": ACCOUNTS}))
    settings = settings_for(simulator, routing)
    if redis is None:
        return settings
    url = SecretStr(f"redis://:{PASSWORD}@127.0.0.1:{redis.port}")
    return settings.model_copy(update={"redis_url": url, "instance": "the-gateway"})


@asynccontextmanager
async def life(settings: Settings, port: int = 0) -> AsyncIterator[tuple[CTraderPlatform, int]]:
    """One life of the gateway; yields the port that the next one is to have."""
    platform = CTraderPlatform.from_settings(settings)
    await platform.open()
    try:
        await healthy(platform)
        async with GatewayServer(create_app(platform), port=port, drain_seconds=1) as server:
            yield platform, server.port
    finally:
        await platform.close()


async def buy(
    platform: CTraderPlatform, simulator: Simulator, action: str = "BUY", **options: Any
) -> None:
    simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
    order = TradeRequest("EURUSD", action, Decimal("0.1"), **options)
    result = await platform.execute("alpha", order)
    assert result["success"], result


async def sse(
    port: int, until: str, last_event_id: str = "", **query: str
) -> list[tuple[str, dict[str, Any]]]:
    """Return ids and events of a stream of account alpha up to the first of a type."""
    found: list[tuple[str, dict[str, Any]]] = []
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    url = f"http://127.0.0.1:{port}/events"
    async with (
        asyncio.timeout(10),
        httpx.AsyncClient() as http,
        http.stream("GET", url, headers=headers, params={"accounts": "alpha"} | query) as stream,
    ):
        name = ""
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                name = line.removeprefix("id: ")
            elif line.startswith("data: "):
                body = json.loads(line.removeprefix("data: "))
                found.append((name, body))
                if body["type"] == until:
                    return found
    raise AssertionError(f"the stream ended before {until}")


async def test_a_stream_goes_on_after_a_restart_where_it_left_off(
    redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    settings = settings_on(redis, simulator, tmp_path)
    async with life(settings) as (platform, port):
        (name, snapshot), *_ = await sse(port, "snapshot")
        await buy(platform, simulator)
    async with life(settings, port) as (platform, port):
        told = [body for _, body in await sse(port, "synchronized", name)]
    numbers = [body["seq"] for body in told if "seq" in body]
    assert numbers == list(range(snapshot["seq"] + 1, snapshot["seq"] + 1 + len(numbers)))
    kinds = [body["type"] for body in told]
    assert "gap" not in kinds
    assert kinds.index("positionOpened") < kinds.index("snapshot")


async def test_what_happened_while_the_gateway_was_down_is_told_as_a_gap_and_only_then(
    redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    settings = settings_on(redis, simulator, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    elsewhere = settings_on(None, simulator, tmp_path / "elsewhere")
    async with life(settings) as (platform, port):
        await stand_with_all(platform, simulator)
        (name, _), *_ = await sse(port, "snapshot")
    async with life(settings, port):
        told = [body["type"] for _, body in await sse(port, "synchronized", name)]
        (name, snapshot), *_ = await sse(port, "snapshot")
    assert "gap" not in told, "nothing had happened"
    async with life(elsewhere) as (other, _):
        closed = await other.close_position("alpha", CloseRequest(snapshot["positions"][0]["id"]))
        assert closed["success"]
    async with life(settings, port):
        told = [body["type"] for _, body in await sse(port, "synchronized", name)]
        few = await sse(port, "gap", name, types="positionClosed")
    assert told.index("gap") + 1 == told.index("snapshot")
    assert "positionClosed" not in told
    assert [body["type"] for _, body in few] == ["gap"], "it passes any filter of types"


async def stand_with_all(platform: CTraderPlatform, simulator: Simulator) -> None:
    """Have a position with levels, one that was closed in part, and a pending order."""
    await buy(platform, simulator)
    await buy(platform, simulator, stop_loss=Decimal("1.12"), take_profit=Decimal("1.1300"))
    resting = {"open_price": Decimal("1.11"), "stop_loss": Decimal("1.1")}
    await buy(platform, simulator, "ORDER_TYPE_BUY_LIMIT", **resting)
    first, *_ = (await platform.positions("alpha"))["positions"]
    part = CloseRequest(first["id"], volume=Decimal("0.05"))
    assert (await platform.close_position("alpha", part))["success"]


async def test_without_redis_a_restart_is_told_as_a_gap_with_a_snapshot(
    simulator: Simulator, tmp_path: Path
) -> None:
    settings = settings_on(None, simulator, tmp_path)
    async with life(settings) as (platform, port):
        (name, snapshot), *_ = await sse(port, "snapshot")
        await buy(platform, simulator)
    async with life(settings, port) as (_, port):
        (_, gap), (_, fresh), *_ = await sse(port, "snapshot", name)
    assert (gap["type"], gap["accountId"], gap["lastEventId"]) == ("gap", "alpha", name)
    assert fresh["epoch"] != snapshot["epoch"]
    assert len(fresh["positions"]) == 1


async def test_a_client_of_ours_misses_nothing_over_a_restart(
    redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    settings = settings_on(redis, simulator, tmp_path)
    heard: list[Event] = []

    async def hear(remote: RemotePlatform, kind: str) -> None:
        async with asyncio.timeout(20):
            while not any(event.type == kind for event in heard):
                heard.extend(await stream.next_batch())

    async with life(settings) as (platform, port):
        remote = RemotePlatform(f"http://127.0.0.1:{port}")
        await remote.open()
        stream = remote.subscribe(ALPHA)
        await hear(remote, "snapshot")
        await buy(platform, simulator)
        await hear(remote, "positionOpened")
    heard.clear()
    async with life(settings, port):
        await hear(remote, "synchronized")
    await remote.close()
    kinds = [event.type for event in heard]
    assert kinds.index("streamClosed") < kinds.index("snapshot")
    assert "gap" not in kinds


async def test_nothing_secret_is_in_redis(
    redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    redis.clear()
    settings = settings_on(redis, simulator, tmp_path)
    async with life(settings) as (platform, port):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            asked = await http.get("/oauth/authorize", params={"account_id": "alpha"})
            assert asked.status_code == 302, asked.text
            await buy(platform, simulator)
        state = next(iter(asked.cookies.jar)).value
        async with connected(redis.address) as connection:
            keys: Sequence[bytes] = await connection.command("KEYS", "*")
            stored = repr([(key, await connection.command("DUMP", key)) for key in keys])
    assert {key.decode().split(":")[0] for key in keys} == {"ctrader"}
    assert any(key.startswith(b"ctrader:oauth:state:") for key in keys)
    secrets = [
        simulator.grant.access_token,
        simulator.grant.refresh_token,
        simulator.credentials.client_secret,
        str(state),
        PASSWORD,
    ]
    assert [secret for secret in secrets if secret in stored] == []


async def test_others_see_who_serves_an_account(
    redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    settings = settings_on(redis, simulator, tmp_path)
    async with connected(redis.address) as connection:
        async with life(settings):
            async with asyncio.timeout(10):
                while not (told := await connection.command("GET", "ctrader:conn:alpha")):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert json.loads(told)["process"] == "the-gateway"
            assert {"state", "reason", "since"} <= json.loads(told).keys()
            assert 0 < await connection.command("TTL", "ctrader:conn:alpha") <= 120
        assert await connection.command("GET", "ctrader:conn:alpha") is None


async def test_without_its_redis_a_gateway_trades_on_and_says_so(
    redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    settings = settings_on(redis, simulator, tmp_path)
    async with life(settings) as (platform, _):
        assert (await platform.health())["checks"]["redis"] == "up"
        redis.stop()
        try:
            await buy(platform, simulator)
            async with asyncio.timeout(5):
                while (await platform.health())["checks"]["redis"] == "up":  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert (await platform.pool_stats())["redis"]["up"] is False
            metrics = Metrics().text(await platform.pool_stats(), {})
            assert b"fxpool_redis_up 0.0" in metrics
            health = await platform.health()
            assert health["checks"]["redis"].startswith("down: ")
            assert PASSWORD not in str(health)
            await buy(platform, simulator)
        finally:
            redis.start()
        async with asyncio.timeout(10):
            while (await platform.health())["checks"]["redis"] != "up":  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_gateway_starts_while_its_redis_is_down(
    redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    settings = settings_on(redis, simulator, tmp_path)
    redis.stop()
    try:
        async with life(settings) as (platform, _):
            await buy(platform, simulator)
            assert (await platform.health())["checks"]["redis"].startswith("down: ")
    finally:
        redis.start()
