"""The audit log behind real gateways: what is written, and that nothing is lost or changed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from fxpool.clock import SystemClock
from fxpool.domain.audit import AuditEvent, ChainCheck
from fxpool.errors import AuditDown
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.audit.setup import anchor_from, audit_store_from, audit_trail_from
from fxpool.gateway.audit.trail import AuditTrail
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.settings import Settings
from fxpool.simulator import Simulator
from fxpool.store.audit import AuditQuery, SqlAuditStore
from harness.postgres import Postgres
from harness.spy_platform import SpyPlatform
from harness.stack import ACCOUNTS, STILL, healthy, settings_for

KEY = bytes(range(32))
AT = datetime(2027, 3, 2, 9, 15, tzinfo=UTC)


@asynccontextmanager
async def audited(folder: Path) -> AsyncIterator[tuple[httpx.AsyncClient, AuditTrail, Settings]]:
    """Yield a client of a gateway that keeps an audit log, with a key."""
    routing = folder / "routing-config.json"
    routing.write_text(json.dumps({"accounts": ACCOUNTS}))
    async with Simulator(STILL) as simulator:
        settings = settings_for(simulator, routing)
        platform = CTraderPlatform.from_settings(settings)
        await platform.open()
        try:
            await healthy(platform)
            async with audit_trail_from(settings, clock=SystemClock()) as trail:
                app = create_app(platform, api_key=SecretStr("the-service-key"), trail=trail)
                async with (
                    GatewayServer(app, port=0, drain_seconds=1) as server,
                    httpx.AsyncClient(
                        base_url=server.url, headers={"X-API-Key": "the-service-key"}
                    ) as client,
                ):
                    yield client, trail, settings
        finally:
            await platform.close()


async def lines_of(client: httpx.AsyncClient, count: int, **query: Any) -> list[dict[str, Any]]:
    """Return the lines of the log as soon as there are so many, the oldest first."""
    async with asyncio.timeout(10):
        while True:
            answer = await client.get("/audit", params=query)
            assert answer.status_code == 200, answer.text
            lines: list[dict[str, Any]] = answer.json()["lines"]
            if len(lines) >= count:
                return lines[::-1]
            await asyncio.sleep(0.02)


async def test_every_change_is_told_with_who_from_where_and_what_became_of_it(
    tmp_path: Path,
) -> None:
    async with audited(tmp_path) as (client, _, settings):
        body = {"account_id": "12345", "symbol": "EURUSD", "action": "BUY", "volume": "0.10"}
        opened = await client.post(
            "/trade/execute", json=body, headers={"X-Request-ID": "the-order"}
        )
        position = opened.json()["positionId"]
        change = {"account_id": "alpha", "position_id": position, "stop_loss": 0.5}
        await client.post("/position/modify", json=change)
        await client.post("/position/modify", json={**change, "stop_loss": 0.6})
        await client.post("/accounts/beta/halt", json={"reason": "lunch"})
        await client.post("/accounts/beta/resume")
        refused = await client.post("/halt", headers={"X-API-Key": "guessed"})
        assert refused.status_code == 401

        lines = await lines_of(client, 7)

    assert [
        (line["action"], line["outcome"]) for line in lines if line["subject"] != "gateway"
    ] == [
        ("access", "done"),
        ("POST /trade/execute", "done"),
        ("POST /position/modify", "done"),
        ("POST /position/modify", "done"),
        ("POST /accounts/{account_id}/halt", "done"),
        ("POST /accounts/{account_id}/resume", "done"),
        ("access refused", "refused"),
    ]
    order, first, second, halt, resume, stranger = lines[1:]
    assert (order["subject"], order["address"]) == ("service", "127.0.0.1")
    assert (order["requestId"], order["account"]) == ("the-order", "alpha")
    assert order["ticket"] == opened.json()["ticketId"]
    assert order["details"]["request"]["volume"] == "0.10"
    assert order["details"]["answer"]["positionId"] == position
    assert first["details"]["before"]["stopLoss"] is None
    assert second["details"]["before"]["stopLoss"] == 0.5
    assert (halt["details"]["before"], halt["account"]) == ({"halted": ""}, "beta")
    assert resume["details"]["before"] == {"halted": "lunch"}
    assert (stranger["subject"], stranger["address"]) == ("stranger", "127.0.0.1")
    assert "guessed" not in json.dumps(lines)
    check = await checked(settings)
    assert check.faults == []
    assert check.count == 7


async def test_an_acts_line_is_durable_before_its_caller_is_answered(tmp_path: Path) -> None:
    async with audited(tmp_path) as (client, _, settings):
        await client.post("/accounts/beta/halt", json={"reason": "lunch"})
        with sqlite3.connect(settings.data_dir / "audit.sqlite3") as database:
            (found,) = database.execute(
                "SELECT count(*) FROM audit_lines WHERE text LIKE '%lunch%'"
            ).fetchone()
    database.close()
    assert found == 1


async def test_an_order_whose_gateway_died_gets_its_line_from_the_ticket(tmp_path: Path) -> None:
    async with audited(tmp_path) as (client, _, settings):
        body = {"account_id": "alpha", "symbol": "EURUSD", "action": "BUY", "volume": "0.10"}
        headers = {"X-Request-ID": "the-order"}
        opened = (await client.post("/trade/execute", json=body, headers=headers)).json()
        await lines_of(client, 2)
    # As after a kill: the ticket is there, two minutes old, and no line tells of it.
    with sqlite3.connect(settings.data_dir / "fxpool.sqlite3") as journal:
        journal.execute("UPDATE tickets SET received_ms = received_ms - 120000")
    journal.close()
    (settings.data_dir / "audit.sqlite3").rename(tmp_path / "gone")
    for rest in settings.data_dir.glob("audit.sqlite3-*"):
        rest.unlink()

    store = audit_store_from(settings)
    async with audit_trail_from(settings, clock=SystemClock()):
        async with asyncio.timeout(10):
            while not await store.lines(AuditQuery(ticket=opened["ticketId"])):  # noqa: ASYNC110 (SQL)
                await asyncio.sleep(0.02)
    async with audit_trail_from(settings, clock=SystemClock()):  # and a second time not again
        await asyncio.sleep(0)
    found = await store.lines(AuditQuery(ticket=opened["ticketId"]))
    await store.close()

    (line,) = found
    event = json.loads(line.text)
    assert (event["subject"], event["account"], event["outcome"]) == ("journal", "alpha", "done")
    assert event["details"]["asked"] == "asked by service, request the-order"


@pytest.fixture(params=["sqlite", "postgresql"])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecretStr]:
    """An empty database that processes may share."""
    if request.param == "sqlite":
        yield SecretStr(f"sqlite:///{tmp_path / 'audit.sqlite3'}")
        return
    server = Postgres()
    server.start()
    yield server.url
    server.remove()


async def test_two_gateways_append_to_one_chain(shared_url: SecretStr) -> None:
    url = shared_url
    stores = [SqlAuditStore(url), SqlAuditStore(url)]

    async def append(store: SqlAuditStore, name: str) -> None:
        for number in range(25):
            await store.append(KEY, name, [AuditEvent(AT, name, f"act {number}", "done")] * 2)

    await asyncio.gather(append(stores[0], "one"), append(stores[1], "two"))
    check = ChainCheck(KEY)
    writers = []
    async for line in stores[0].chain():
        check.walk(line)
        writers.append(line.instance)
    check.finish()
    for store in stores:
        await store.close()

    assert check.faults == []
    assert writers.count("one") == writers.count("two") == 50


async def test_a_log_whose_newest_lines_were_deleted_is_found_out(tmp_path: Path) -> None:
    async with audited(tmp_path) as (client, _, settings):
        await client.post("/accounts/beta/halt", json={"reason": "lunch"})
        await client.post("/accounts/beta/resume")
    with sqlite3.connect(settings.data_dir / "audit.sqlite3") as database:
        database.execute("DELETE FROM audit_lines WHERE seq = (SELECT max(seq) FROM audit_lines)")
    database.close()

    check = await checked(settings)

    assert [fault for fault in check.faults if "missing" in fault] == check.faults != []


async def test_old_lines_are_cut_and_the_rest_is_still_a_chain(tmp_path: Path) -> None:
    store = SqlAuditStore(SecretStr(f"sqlite:///{tmp_path / 'audit.sqlite3'}"))
    days = [AuditEvent(AT + timedelta(days=day), "service", "act", "done") for day in range(5)]
    await store.append(KEY, "one", days)
    told = AuditEvent(AT, "gateway", "audit.cut", "done")

    assert await store.cut(KEY, "one", AT + timedelta(days=2), told) == 2
    assert await store.cut(KEY, "one", AT + timedelta(days=2), told) == 0

    check = ChainCheck(KEY)
    async for line in store.chain():
        check.walk(line)
    check.finish()
    await store.close()
    assert (check.count, check.faults) == (4, [])


async def test_while_its_database_is_away_lines_wait_and_nothing_is_lost(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=SecretStr(""), vault_addr="")
    blocked = tmp_path / "audit.sqlite3"
    blocked.mkdir()  # no database can be opened there
    async with audit_trail_from(settings, clock=SystemClock()) as trail:
        trail.note(AuditEvent(AT, "service", "first", "done"))
        async with asyncio.timeout(10):
            while trail.failure is None:  # noqa: ASYNC110 (tells nobody)
                await asyncio.sleep(0.02)
        with pytest.raises(AuditDown):
            await trail.lines(AuditQuery())
        trail.note(AuditEvent(AT, "service", "second", "done"))
        blocked.rmdir()
        await trail.keep(AuditEvent(AT, "service", "third", "done"))
        found = await trail.lines(AuditQuery(subject="service"))

    assert [json.loads(line.text)["action"] for line in found] == ["third", "second", "first"]
    assert trail.failure is None


async def test_health_says_that_the_audit_log_is_down(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=SecretStr(""), vault_addr="")
    (tmp_path / "audit.sqlite3").mkdir()
    async with audit_trail_from(settings, clock=SystemClock()) as trail:
        app = create_app(SpyPlatform(), trail=trail)
        async with (
            GatewayServer(app, port=0, drain_seconds=1) as server,
            httpx.AsyncClient(base_url=server.url) as client,
        ):
            assert await audit_health(client, "up") == "healthy"
            trail.note(AuditEvent(AT, "service", "act", "done"))
            assert await audit_health(client, "degraded: ") == "degraded"
            (tmp_path / "audit.sqlite3").rmdir()
            assert await audit_health(client, "up") == "healthy"


async def audit_health(client: httpx.AsyncClient, word: str) -> str:
    """Return the status as soon as the audit log's check begins with a word."""
    async with asyncio.timeout(10):
        while True:
            told: dict[str, Any] = (await client.get("/health")).json()
            if told["checks"]["audit"].startswith(word):
                return str(told["status"])
            await asyncio.sleep(0.02)


async def test_who_only_reads_or_trades_may_not_read_the_log(tmp_path: Path) -> None:
    async with audited(tmp_path) as (client, _, _):
        answer = await client.get("/audit", headers={"X-API-Key": "wrong"})
        assert answer.status_code == 401
        await lines_of(client, 2)
        page = (await client.get("/audit", params={"limit": 1})).json()
        assert page["count"] == 1
        rest = (await client.get("/audit", params={"before": page["next"]})).json()
        assert all(line["seq"] < page["next"] for line in rest["lines"])
        naive = await client.get("/audit", params={"since": "2027-03-02T09:15:00"})
        assert naive.status_code == 422


async def checked(settings: Settings) -> ChainCheck:
    """Return the log's check with the key and the head of the secret store."""
    anchor, store = anchor_from(settings), audit_store_from(settings)
    try:
        key, head = await anchor.key(), await anchor.head()
        assert key is not None
        assert head is not None
        check = ChainCheck(key, [head])
        async for line in store.chain():
            check.walk(line)
        check.finish()
        return check
    finally:
        await anchor.close()
        await store.close()
