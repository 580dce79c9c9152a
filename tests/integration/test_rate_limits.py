"""Our own limits as callers meet them: which one it was, when to come again, and who is spared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import httpx
import pytest

from fxpool.clock import SystemClock
from fxpool.domain.permissions import Permissions, Role
from fxpool.gateway import create_app
from fxpool.gateway.access import Access
from fxpool.gateway.access.key_ring import KeyRing
from fxpool.gateway.app import Gateway
from fxpool.gateway.rate_limits import Rate, RateLimits, RateTable
from fxpool.gateway.rates import ProcessCounters
from harness.spy_platform import SpyPlatform, new_key

READS = Rate(3, 60.0)
CLOSE = {"account_id": "mine", "position_id": "1"}
CANCEL = {"account_id": "mine", "order_id": "1"}
ORDER = {"account_id": "mine", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}
KEYS = [new_key(number, Permissions(Role.TRADE)) for number in range(4)]


class Shelf:
    """The keys of this test, as a store."""

    async def keys(self) -> list[object]:
        return [key for _, key in KEYS]

    async def note_uses(self, uses: object) -> None:
        return


async def gateway(platform: SpyPlatform, counters: ProcessCounters, table: RateTable) -> Gateway:
    ring = KeyRing(Shelf(), clock=SystemClock())  # type: ignore[arg-type] # it has what is called
    await ring.refresh()
    access = Access(ring=ring, trusted_proxies=(ip_network("198.51.100.7/32"),))
    return create_app(platform, access=access, rates=RateLimits(counters, table))


@asynccontextmanager
async def caller(app: Gateway, number: int, address: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(address, 1))
    headers = {"X-API-Key": KEYS[number][0]}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://gateway", headers=headers
    ) as client:
        yield client


@pytest.fixture
def counters() -> ProcessCounters:
    return ProcessCounters(SystemClock().now)


async def test_one_call_too_many_is_told_which_limit_it_broke_and_when_to_come_again(
    counters: ProcessCounters,
) -> None:
    app = await gateway(SpyPlatform(), counters, RateTable(reads=READS))
    async with caller(app, 0, "192.0.2.1") as client:
        answers = [await client.get("/positions/mine") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers[-1]
    assert refused.json()["code"] == "RATE_LIMITED"
    assert "reads per key, 3 in 60 s" in refused.json()["detail"]
    assert 0 < int(refused.headers["Retry-After"]) <= 20


@pytest.mark.parametrize(
    ("more", "headers", "outcome"),
    [
        ({}, {"Idempotency-Key": "k1"}, "unknown"),
        ({"idempotency_key": "k1"}, {}, "unknown"),
        ({"comment": "Copy_77_L1"}, {}, "unknown"),
        ({}, {}, "not_executed"),
    ],
)
async def test_the_repeat_of_an_order_that_comes_too_often_is_not_called_not_executed(
    counters: ProcessCounters, more: dict[str, str], headers: dict[str, str], outcome: str
) -> None:
    platform = SpyPlatform()
    app = await gateway(platform, counters, RateTable(trades=Rate(1, 60.0)))
    paths = ["/trade/execute", "/users/current/accounts/mine/trade"]
    metaapi = {"actionType": "ORDER_TYPE_BUY", "symbol": "EURUSD", "volume": 0.1}
    async with caller(app, 0, "192.0.2.1") as client:
        assert (await client.post(paths[0], json=ORDER | more, headers=headers)).status_code == 200
        for path, body in zip(paths, (ORDER, metaapi), strict=True):
            answer = await client.post(path, json=body | more, headers=headers)
            assert (answer.status_code, answer.headers["Retry-After"] > "0") == (429, True)
            assert answer.json()["outcome"] == outcome
            is_repeat = outcome == "unknown"
            assert ("The same call may be repeated" in answer.text) is is_repeat
    assert len(platform.calls) == 1


async def test_closes_and_cancels_go_while_reads_and_orders_are_over_their_limits(
    counters: ProcessCounters,
) -> None:
    platform = SpyPlatform()
    table = RateTable(reads=READS, trades=Rate(1, 60.0), streams=Rate(1, 60.0))
    app = await gateway(platform, counters, table)
    async with caller(app, 0, "192.0.2.1") as client:
        while (await client.get("/positions/mine")).status_code == 200:
            pass
        assert (await client.post("/trade/execute", json=ORDER)).status_code == 200
        refused = await client.post("/trade/execute", json=ORDER)
        assert refused.status_code == 429
        assert refused.json()["outcome"] == "not_executed"
        for _ in range(20):
            assert (await client.post("/position/close", json=CLOSE)).status_code == 200
            assert (await client.post("/order/cancel", json=CANCEL)).status_code == 200
    assert [name for name, _ in platform.calls].count("execute") == 1
    assert [name for name, _ in platform.calls].count("close_position") == 20


async def test_a_caller_that_floods_takes_nothing_from_another(counters: ProcessCounters) -> None:
    app = await gateway(SpyPlatform(), counters, RateTable(reads=READS))
    async with caller(app, 0, "192.0.2.1") as wild, caller(app, 1, "192.0.2.2") as calm:
        flood = await asyncio.gather(*(wild.get("/positions/mine") for _ in range(50)))
        assert sum(answer.status_code == 200 for answer in flood) == 3
        answers = [await calm.get("/positions/mine") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3


async def test_many_keys_at_one_address_share_its_limit(counters: ProcessCounters) -> None:
    app = await gateway(SpyPlatform(), counters, RateTable(reads=READS))
    told = []
    for number in range(4):
        async with caller(app, number, "192.0.2.1") as client:
            told.append((await client.get("/positions/mine")).json())
    assert "reads per address" in told[-1]["detail"]
    assert all("detail" not in answer for answer in told[:-1])


async def test_guessing_keys_is_slowed_down_and_health_is_answered_whatever_else_happens(
    counters: ProcessCounters,
) -> None:
    app = await gateway(SpyPlatform(), counters, RateTable(strangers=Rate(2, 60.0)))
    transport = httpx.ASGITransport(app, client=("192.0.2.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        guesses = [
            await client.get("/accounts", headers={"X-API-Key": f"guess-{n}"}) for n in range(3)
        ]
        assert [answer.status_code for answer in guesses] == [401, 401, 429]
        assert (await client.get("/health")).status_code == 200


async def test_who_guesses_behind_a_trusted_proxy_slows_down_nobody_else_there(
    counters: ProcessCounters,
) -> None:
    app = await gateway(SpyPlatform(), counters, RateTable(strangers=Rate(1, 60.0)))
    transport = httpx.ASGITransport(app, client=("198.51.100.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        told = [
            (await client.get("/accounts", headers={"X-Forwarded-For": address})).status_code
            for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2")
        ]
    assert told == [401, 429, 401]
