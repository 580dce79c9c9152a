"""Keys on streams: what ends with them, what they open, and that no log ever shows them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from fxpool.clock import SystemClock
from fxpool.domain.permissions import Permissions, Role
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.access import Access
from fxpool.gateway.access.key_ring import KeyRing
from fxpool.platforms.base import PlatformError
from fxpool.platforms.remote import RemotePlatform
from fxpool.store.access import SqlAccessStore
from harness.spy_platform import SpyPlatform, new_key


class Desk:
    """A gateway with keys in a database."""

    def __init__(self, store: SqlAccessStore, ring: KeyRing, server: GatewayServer) -> None:
        self.store, self.ring, self.server = store, ring, server
        self._made = 0

    async def key(self, role: Role = Role.READ, **more: Any) -> tuple[str, str]:
        """Make a key; return its text and its id."""
        self._made += 1
        text, key = new_key(self._made, Permissions(role), **more)
        await self.store.add(key)
        await self.ring.refresh()
        return text, key.key_id


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = SqlAccessStore(SecretStr(f"sqlite:///{tmp_path / 'keys.sqlite3'}"))
    _, first = new_key(99, Permissions(Role.ADMIN))
    await store.add(first)
    ring = KeyRing(store, clock=SystemClock())
    await ring.refresh()
    app = create_app(SpyPlatform(), access=Access(ring=ring))
    async with GatewayServer(app, port=0, drain_seconds=1) as server:
        yield Desk(store, ring, server)
    await store.close()


def socket_url(server: GatewayServer) -> str:
    return server.url.replace("http", "ws") + "/ws"


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_an_ended_key_ends_its_open_streams_with_a_word(desk: Desk, how: str) -> None:
    ends = SystemClock().at() + timedelta(seconds=5) if how == "expired" else None
    text, key_id = await desk.key(expires_at=ends)
    other, _ = await desk.key()
    bearer = {"Authorization": f"Bearer {text}"}
    async with (
        connect(socket_url(desk.server), additional_headers=bearer) as socket,
        connect(f"{socket_url(desk.server)}?access_token={other}") as kept,
        httpx.AsyncClient(base_url=desk.server.url, headers=bearer, timeout=20) as client,
        client.stream("GET", "/events") as events,
    ):
        assert events.status_code == 200
        if how == "revoked":
            await desk.store.revoke(key_id, SystemClock().at())
        last = [line async for line in events.aiter_lines() if line.startswith("data:")][-1]
        assert json.loads(last.removeprefix("data:"))["code"] == "KEY_ENDED"
        await asyncio.wait_for(socket.wait_closed(), 10)
        assert socket.close_code == 1008
        assert (await client.get("/accounts")).status_code == 401
        await asyncio.wait_for(await kept.ping(), 5)


@pytest.mark.parametrize("role", [Role.READ, Role.CLOSE_ONLY, Role.TRADE, Role.ADMIN])
async def test_server_sent_events_open_for_every_role_that_may_look(desk: Desk, role: Role) -> None:
    text, _ = await desk.key(role)
    async with (
        httpx.AsyncClient(base_url=desk.server.url) as client,
        client.stream("GET", "/events", params={"access_token": text}) as events,
    ):
        assert events.status_code == 200
        assert events.headers["content-type"] == "text/event-stream"


async def test_server_sent_events_are_refused_without_a_role_that_may_look(desk: Desk) -> None:
    text, _ = await desk.key(Role.NONE)
    async with httpx.AsyncClient(base_url=desk.server.url) as client:
        assert (await client.get("/events", params={"access_token": text})).status_code == 403
        assert (await client.get("/events")).status_code == 401


async def test_no_log_shows_a_key_even_where_everything_is_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets", "httpx", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    text, _ = await desk.key()
    secret = text.rsplit("_", 1)[1]
    url = socket_url(desk.server)
    async with connect(f"{url}?access_token={text}", logger=logging.getLogger("test.client")):
        pass
    with pytest.raises(InvalidStatus):
        await connect(f"{url}?access_token={text}x", logger=logging.getLogger("test.client"))
    offered = [Subprotocol("fxpool"), Subprotocol(f"bearer.{text}")]
    async with connect(url, subprotocols=offered, logger=logging.getLogger("test.client")):
        pass
    remote = RemotePlatform(desk.server.url, api_key=text)
    async with remote.subscribe():
        pass
    with pytest.raises(PlatformError):
        await remote.account_information("nobody")
    await remote.close()
    async with httpx.AsyncClient(base_url=desk.server.url) as client:
        await client.get("/events/nowhere", headers={"X-API-Key": text})
        await client.get("/accounts", headers={"Authorization": f"Bearer {text}"})
        await client.get("/accounts", headers={"Authorization": f"Bearer {text}x"})
    leaks = {
        f"{record.name}: {record.getMessage()}"
        for record in caplog.records
        if secret in record.getMessage() and not record.name.startswith("test.client")
    }
    assert caplog.records
    assert leaks == set()
