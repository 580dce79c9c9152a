"""Who may call: keys, addresses, and pages in browsers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from pydantic import SecretStr

from fxpool.clock import SystemClock
from fxpool.domain.api_keys import ApiKey, split_key
from fxpool.domain.permissions import ANONYMOUS, LOOPBACK, Permissions, Role
from fxpool.errors import AccessStoreDown, LocalProtocolError, SettingsError
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.access import Access
from fxpool.gateway.access.addresses import caller_origin
from fxpool.gateway.access.browsers import BrowserRules
from fxpool.gateway.access.credentials import shown_credential
from fxpool.gateway.access.key_ring import KeyRing
from fxpool.gateway.routes.common import new_router
from fxpool.platforms.base import PlatformError
from harness.clock import ManualClock
from harness.hub_platform import HubPlatform
from harness.spy_platform import NOW, new_key

KEYED = Access(SecretStr("planted-key"))
KEYED.leave_open(["/health", "/health/ready", "/callback", "/oauth/link/{token}"])
OPEN = Access(None)


def scope_of(path: str, client: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
    raw = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": raw,
        "client": (client, 5),
        "state": {},
    }


async def code(access: Access, path: str = "/accounts", **headers: str) -> str | None:
    try:
        await access.admit(scope_of(path, **headers))
    except PlatformError as refusal:
        return "LEAK" if "planted" in refusal.detail else refusal.code
    return None


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer planted-key"},
        {"authorization": "bearer planted-key"},
        {"x_api_key": "planted-key"},
    ],
)
async def test_the_key_opens_in_either_header(headers: dict[str, str]) -> None:
    assert await code(KEYED, **headers) is None


async def test_no_key_and_a_wrong_key_are_told_apart_without_showing_it() -> None:
    assert await code(KEYED) == "KEY_MISSING"
    assert await code(KEYED, x_api_key="planted-kez") == "KEY_WRONG"
    assert await code(KEYED, authorization="Basic planted-key") == "KEY_MISSING"
    assert await code(KEYED, x_api_key="k\u00e9") == "KEY_WRONG"


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/callback", "/oauth/link/a-token"])
async def test_health_is_open_without_a_key_and_with_a_wrong_one(path: str) -> None:
    assert (await KEYED.admit(scope_of(path))).principal is ANONYMOUS
    assert (await KEYED.admit(scope_of(path, x_api_key="wrong"))).principal is ANONYMOUS


@pytest.mark.parametrize(
    "path",
    [
        "/health/",
        "//health",
        "/HEALTH",
        "/health/../accounts",
        "/callback.",
        "/oauth/link",
        "/oauth/link/",
        "/oauth/link/a/b",
        "/oauth/link/../status",
        "/oauth/link/{token}/x",
        "/accounts/oauth/link/a",
    ],
)
async def test_a_path_that_only_resembles_an_open_one_needs_a_key(path: str) -> None:
    assert await code(KEYED, path) == "KEY_MISSING"


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "", "http://a]b"])
async def test_an_origin_that_is_no_address_is_foreign(origin: str) -> None:
    assert await code(OPEN, host="localhost", origin=origin) == "FOREIGN_ORIGIN"


async def test_a_stream_takes_its_key_in_a_subprotocol_and_others_do_not_in_the_query() -> None:
    scope = scope_of("/ws") | {"subprotocols": ["fxpool", "bearer.planted-key"]}
    assert shown_credential(scope) == "planted-key"
    for path, seen in (("/ws", "hidden"), ("/events", "hidden"), ("/accounts", None)):
        scope = scope_of(path) | {"state": {"query_credential": "hidden"}}
        assert shown_credential(scope) == seen


# Pages in browsers, where no key is asked for


OURS = Access(
    browsers=BrowserRules(frozenset({"pool.example"}), frozenset({"https://app.example"}))
)


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:8080",
        "http://127.0.0.1",
        "https://pool.example:444",
        "https://app.example",
    ],
)
async def test_a_page_of_ours_may_call_without_a_key(origin: str) -> None:
    assert await code(OURS, origin=origin, host="pool.example") is None


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
async def test_a_page_of_another_site_may_not_call_without_a_key(origin: str) -> None:
    assert await code(OPEN, origin=origin, host="127.0.0.1:8088") == "FOREIGN_ORIGIN"


@pytest.mark.parametrize("host", ["evil.example:8088", "127.0.0.1.evil.example", "10.0.0.1", "[x"])
async def test_a_name_that_somebody_else_points_at_this_machine_is_refused(host: str) -> None:
    assert await code(OURS, host=host) == "FOREIGN_HOST"
    assert await code(OURS, host=host, origin=f"http://{host}") == "FOREIGN_HOST"


@pytest.mark.parametrize("host", ["127.0.0.1:8088", "localhost", "[::1]:8088", "pool.example"])
async def test_names_of_this_machine_and_configured_ones_are_ours(host: str) -> None:
    assert await code(OURS, host=host) is None


async def test_a_browser_that_says_another_site_asked_is_refused_unless_it_follows_a_link() -> None:
    assert await code(OPEN, sec_fetch_site="cross-site") == "FOREIGN_ORIGIN"
    assert await code(OPEN, sec_fetch_site="same-origin") is None
    assert await code(OPEN, sec_fetch_site="cross-site", sec_fetch_mode="navigate") is None
    scope = scope_of("/halt", sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    with pytest.raises(PlatformError):
        await OPEN.admit(scope | {"method": "POST"})


# Keys in the database


class Shelf:
    """A store of keys in memory; it may be away."""

    def __init__(self, *keys: ApiKey) -> None:
        self.all = list(keys)
        self.is_away = False
        self.noted: dict[str, Any] = {}

    async def keys(self) -> list[ApiKey]:
        if self.is_away:
            raise AccessStoreDown("away")
        return list(self.all)

    async def note_uses(self, uses: Any) -> None:
        self.noted.update(uses)


READER = Permissions(Role.READ)


async def told(access: Access, key: str, **more: str) -> str | None:
    return await code(access, x_api_key=key, **more)


async def test_a_made_key_works_and_one_made_later_too() -> None:
    text, key = new_key(1, READER)
    shelf, clock = Shelf(key), ManualClock()
    ring = KeyRing(shelf, clock=clock)
    access = Access(ring=ring, clock=clock)
    await ring.refresh()
    assert await told(access, text) is None
    assert await told(access, text[:-1] + "B") == "KEY_WRONG"
    assert await told(access, "fxp_000000000001_") == "KEY_WRONG"
    later, second = new_key(2, READER)
    shelf.all.append(second)
    clock.advance(1)
    assert await told(access, later) is None


async def test_an_ended_key_is_told_which_way_it_ended_and_its_streams_end() -> None:
    clock = ManualClock()
    old_text, old = new_key(1, READER, expires_at=clock.at() + timedelta(seconds=5))
    text, key = new_key(2, READER)
    shelf = Shelf(old, key)
    ring = KeyRing(shelf, clock=clock)
    await ring.refresh()
    access = Access(ring=ring, clock=clock)
    assert await told(access, old_text) is None
    assert access.is_good(old.principal())
    clock.advance(5)
    assert await told(access, old_text) == "KEY_ENDED"
    assert not access.is_good(old.principal())
    _, gone = new_key(2, READER, revoked_at=clock.at())
    shelf.all = [gone]
    await access.refresh()
    assert await told(access, text) == "KEY_ENDED"
    assert not access.is_good(key.principal())


async def test_the_last_key_that_is_revoked_does_not_open_the_door() -> None:
    _, gone = new_key(1, READER, revoked_at=NOW)
    ring = KeyRing(Shelf(gone), clock=SystemClock())
    await ring.refresh()
    access = Access(ring=ring)
    assert access.has_key
    assert await code(access) == "KEY_MISSING"
    assert not access.is_good(LOOPBACK), "streams that were opened before any key was made"


async def test_known_keys_go_on_while_their_store_is_away_and_unknown_ones_are_told_so() -> None:
    text, key = new_key(1, READER)
    shelf, clock = Shelf(key), ManualClock()
    ring = KeyRing(shelf, clock=clock)
    await ring.refresh()
    access = Access(ring=ring, clock=clock)
    shelf.is_away = True
    clock.advance(60)
    await access.refresh()
    assert await told(access, text) is None
    assert await told(access, new_key(2, READER)[0]) == "KEYS_DOWN"


async def test_a_key_for_some_networks_works_there_only() -> None:
    text, key = new_key(1, Permissions(Role.READ, networks=(ip_network("192.0.2.0/24"),)))
    ring = KeyRing(Shelf(key), clock=SystemClock())
    await ring.refresh()
    access = Access(ring=ring)
    assert (await access.admit(scope_of("/x", "192.0.2.9", x_api_key=text))).principal.name
    elsewhere = scope_of("/x", "198.51.100.1", x_api_key=text, x_forwarded_for="192.0.2.9")
    with pytest.raises(PlatformError) as refused:
        await access.admit(elsewhere)
    assert refused.value.code == "NETWORK_FORBIDDEN"


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("198.51.100.1", "192.0.2.9", "198.51.100.1"),  # not a trusted proxy: its word is nothing
        ("10.0.0.1", "192.0.2.9", "192.0.2.9"),
        ("10.0.0.1", "203.0.113.5, 192.0.2.9, 10.0.0.2", "192.0.2.9"),  # the first is the caller's
        ("10.0.0.1", "", None),
        ("10.0.0.1", "rubbish", None),
        ("::ffff:198.51.100.1", "x", "198.51.100.1"),
    ],
)
def test_only_trusted_proxies_are_believed(
    client: str, forwarded: str, address: str | None
) -> None:
    scope = scope_of("/x", client, x_forwarded_for=forwarded)
    found = caller_origin(scope, (ip_network("10.0.0.0/24"),))
    assert found.address == (None if address is None else ip_address(address))


def test_a_key_shows_in_no_repr_and_is_kept_as_a_digest() -> None:
    text, key = new_key(7, READER)
    parts = split_key(text)
    assert parts is not None
    assert parts[1] not in repr(key)
    assert key.digest.hex() not in repr(key)


# Where it may listen, and what a route must say


ANY_ADDRESS = "0.0.0.0"  # noqa: S104 (refused or prepared, never bound)


@pytest.mark.parametrize("host", [ANY_ADDRESS, "::", "10.0.0.7", "pool.example"])
def test_a_reachable_address_without_a_key_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="CTRADER_POOL_API_KEY"):
        GatewayServer(create_app(HubPlatform()), host=host)


def test_a_reachable_address_with_a_key_is_taken() -> None:
    GatewayServer(create_app(HubPlatform(), api_key=SecretStr("k")), host=ANY_ADDRESS)


def test_a_route_that_does_not_say_what_it_does_cannot_be_made() -> None:
    async def forgotten() -> None:
        await asyncio.sleep(0)

    declare = new_router("t").get("/new")
    with pytest.raises(LocalProtocolError, match=r"route /new .*forgotten.* put @performs"):
        declare(forgotten)
    app = create_app(HubPlatform())
    app.add_api_route("/plain", forgotten)
    with pytest.raises(LocalProtocolError, match="route /plain"):
        app.check_operations()
