"""Every route, every role, every list of accounts: what is not allowed never reaches the platform.

The routes are those of the app, so a new one is in here by itself. The table below says again what
each role may, independently of the code.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fxpool.clock import SystemClock
from fxpool.domain.permissions import Operation, Permissions, Role
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.access import Access
from fxpool.gateway.access.key_ring import KeyRing
from fxpool.gateway.access.operations import each_route, operation_of
from fxpool.gateway.app import Gateway
from fxpool.gateway.rate_limits import Rate, RateLimits, RateTable
from fxpool.gateway.rates import ProcessCounters
from fxpool.store.access import SqlAccessStore
from harness.spy_platform import NAMES, SpyPlatform, new_key

READING = {"read", "stream"}
MAY = {
    "nobody": set[str](),
    "read": READING,
    "close_only": READING | {"close"},
    "trade": READING | {"close", "place", "amend", "halt"},
    "admin": READING | {"close", "place", "amend", "halt", "operate"},
}
LISTS = {"all": None, "mine": frozenset({"mine"}), "both": frozenset({"mine", "other"})}
ACCOUNTS = (*NAMES, "unknown")
BODY = {
    "symbol": "EURUSD",
    "action": "BUY",
    "volume": 0.1,
    "open_price": 1.1,
    "position_id": "1",
    "order_id": "1",
    "stop_loss": 1.0,
    "callback_id": "c",
    "reason": "r",
}
WRITES = {
    **dict.fromkeys(["execute"], "place"),
    **dict.fromkeys(["modify_order", "modify_position"], "amend"),
    **dict.fromkeys(["close_position", "close_positions", "cancel_order"], "close"),
    **dict.fromkeys(["halt"], "halt"),
    **dict.fromkeys(["resume", "reset_connections"], "operate"),
}


@asynccontextmanager
async def keyed_app(folder: Path) -> AsyncIterator[tuple[Gateway, SpyPlatform, dict[str, str]]]:
    """Yield an app with a key for every role and list, its platform, and the keys by name."""
    store = SqlAccessStore(SecretStr(f"sqlite:///{folder / 'keys.sqlite3'}"))
    keys = {}
    for role in Role:
        for name, accounts in LISTS.items():
            text, key = new_key(len(keys) + 1, Permissions(role, accounts))
            keys[f"{role.value}/{name}"] = text
            await store.add(key)
    ring = KeyRing(store, clock=SystemClock())
    await ring.refresh()
    platform = SpyPlatform()
    try:
        patient = RateLimits(
            ProcessCounters(SystemClock().now), RateTable(strangers=Rate(100_000, 1.0))
        )
        yield create_app(platform, access=Access(ring=ring), rates=patient), platform, keys
    finally:
        await store.close()


def routes_of(app: Gateway) -> list[tuple[str, str, str]]:
    """Every route as its method, its path and what it says it does."""
    return [
        (method, route.path, operation_of(route.endpoint, route.path).value)
        for route in each_route(app.routes)
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]


def filled(path: str, account: str) -> str:
    path = path.replace("{account_id}", account)
    while "{" in path:
        start, rest = path.split("{", 1)
        path = f"{start}x{rest.split('}', 1)[1]}"
    return path


@pytest.mark.parametrize("accounts", LISTS)
@pytest.mark.parametrize("role", MAY)
async def test_what_is_not_allowed_never_reaches_the_platform(
    role: str, accounts: str, tmp_path: Path
) -> None:
    allowed = LISTS[accounts]
    refused = passed = 0
    async with keyed_app(tmp_path) as (app, platform, keys):
        headers = {} if role == "nobody" else {"X-API-Key": keys[f"{role}/{accounts}"]}
        # A spy's empty answer may break a route that reads on; here only who is let in counts.
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://gateway", headers=headers
        ) as client:
            for method, path, operation in routes_of(app):
                if operation == "stream" and "stream" in MAY[role]:
                    continue  # endless; below, over a socket
                for account in ACCOUNTS:
                    platform.calls.clear()
                    response = await client.request(
                        method,
                        filled(path, account),
                        params={"account_id": account},
                        json=None
                        if method in {"GET", "DELETE"}
                        else {**BODY, "account_id": account},
                    )
                    about = f"{method} {path} on {account}"
                    for name, key in platform.calls:
                        assert WRITES.get(name, "read") in MAY[role] | (
                            {"read"} if operation == "open" else set()
                        ), f"{about}: {name} arrived"
                        assert key is None or allowed is None or key in allowed, about
                        is_global = key is None and name in WRITES
                        assert not is_global or allowed is None, f"{about}: {name} on all"
                    if operation != "open" and operation not in MAY[role]:
                        assert response.status_code in {401, 403}, about
                        assert not platform.calls, about
                    refused += response.status_code in {401, 403}
                    passed += response.status_code == 200
    assert refused > 0 or (role, accounts) == ("admin", "all")
    assert passed > 0


async def test_callbacks_are_for_who_runs_all_accounts(tmp_path: Path) -> None:
    """They hear of every account, so nobody with a list sees their addresses or ends them."""
    register = "/streaming/register-reconnection-callback"
    calls = [
        ("POST", register, {"callback_id": "c", "callback_url": "http://127.0.0.1:1/"}, 422),
        ("GET", "/streaming/reconnection-callbacks", None, 200),
        ("DELETE", "/streaming/reconnection-callbacks/c", None, 404),
    ]
    async with (
        keyed_app(tmp_path) as (app, _, keys),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client,
    ):
        for method, path, body, status in calls:
            for accounts, expected in (("mine", 403), ("both", 403), ("all", status)):
                headers = {"X-API-Key": keys[f"admin/{accounts}"]}
                response = await client.request(method, path, json=body, headers=headers)
                assert response.status_code == expected, f"{method} {path} by {accounts}"


@pytest.mark.parametrize("accounts", ["all", "mine"])
@pytest.mark.parametrize("role", ["nobody", "none", "read", "close_only", "trade", "admin"])
async def test_streams_open_for_readers_and_on_their_accounts_only(
    role: str, accounts: str, tmp_path: Path
) -> None:
    async with (
        keyed_app(tmp_path) as (app, platform, keys),
        GatewayServer(app, port=0, drain_seconds=1) as server,
    ):
        for wanted in ("", "mine", "111", "other", "222", "unknown"):
            query = {"accounts": wanted} if wanted else {}
            if role != "nobody":
                query["access_token"] = keys[f"{role}/{accounts}"]
            is_seen = accounts == "all" or NAMES.get(wanted or "mine") == "mine"
            may = role in {"read", "close_only", "trade", "admin"} and is_seen
            platform.calls.clear()
            status = await opened(f"{server.url}/ws?{urlencode(query)}".replace("http", "ws"))
            assert status == (None if may else 401 if role == "nobody" else 403), wanted
            assert platform.calls or not may
            if may and not wanted:
                assert platform.calls == [("subscribe", None if accounts == "all" else "mine")]


async def opened(address: str) -> int | None:
    """Open a WebSocket; return the status with which it was refused, or None."""
    try:
        async with connect(address):
            return None
    except InvalidStatus as refusal:
        return refusal.response.status_code


def test_every_operation_is_some_route_and_every_role_is_in_the_table() -> None:
    app = create_app(SpyPlatform())
    assert {operation for _, _, operation in routes_of(app)} == {each.value for each in Operation}
    assert set(MAY) - {"nobody"} == {role.value for role in Role} - {"none"}
