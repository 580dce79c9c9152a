"""What the token service and Vault may answer beside what they promise: no pair is lost by it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fxpool.auth import HttpTokenService
from fxpool.auth.keeper import STORE_RETRY_SECONDS
from fxpool.auth.vault import VaultStore
from fxpool.auth.vault_login import VaultLogin
from fxpool.clock import SystemClock
from fxpool.errors import MappingError, SecretStoreDown
from fxpool.pool import ApplicationCredentials
from harness.http_server import serving
from harness.tokens import FragileStore, TokenWorld
from harness.wait import wait_until

TOKENS = {"accessToken": "planted-access", "refreshToken": "planted-refresh"}


MOUNT = '{"data": {"options": {"version": "2"}}}'


@asynccontextmanager
async def answering(content: str, status: int = 200, **headers: str) -> AsyncIterator[str]:
    """Serve one answer to everything but the question for Vault's mount."""

    async def answer(_: Request) -> Response:
        return Response(content, status, headers=headers, media_type="application/json")

    async def mount(_: Request) -> Response:
        return Response(MOUNT, media_type="application/json")

    routes = [
        Route("/v1/sys/internal/ui/mounts/secret", mount),
        Route("/{any:path}", answer, methods=["GET", "POST"]),
    ]
    async with serving(Starlette(routes=routes)) as url:
        yield url


async def refreshed(content: dict[str, Any]) -> Any:
    async with answering(json.dumps(content)) as url:
        application = ApplicationCredentials("planted-id", "planted-secret")
        service = HttpTokenService(url, application, clock=SystemClock())
        try:
            return await service.refresh("planted-old")
        finally:
            await service.close()


@pytest.mark.parametrize("end", ["soon", [], {}, -1, 0, 1e300, float("nan"), 10**400, None])
async def test_a_new_pair_counts_whatever_is_said_of_its_end(end: object) -> None:
    """The old one is spent: who refuses the new one for its end has none."""
    pair = await refreshed({**TOKENS, "expiresIn": end})
    assert (pair.access_token, pair.refresh_token) == ("planted-access", "planted-refresh")
    assert pair.expires_at is None


@pytest.mark.parametrize("name", TOKENS)
async def test_an_empty_token_is_none(name: str) -> None:
    with pytest.raises(MappingError) as caught:
        await refreshed({**TOKENS, name: ""})
    assert "planted" not in str(caught.value)


class _OddOnce(FragileStore):
    """A store that fails once, right after a pair was spent, with what is no SecretError."""

    has_failed = False

    async def write(self, path: str, fields: Any, *, version: int) -> int:
        if "access_token" in fields and not self.has_failed:
            self.has_failed = True
            raise KeyError("version")
        return await super().write(path, fields, version=version)


async def test_a_store_that_fails_in_an_unforeseen_way_is_tried_again(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    odd = _OddOnce(world.file())
    keeper = await world.process(odd)
    renewing = asyncio.create_task(keeper.renew("alpha"))
    await wait_until(lambda: "waits to be stored" in keeper.status("alpha").error)
    world.clock.advance(STORE_RETRY_SECONDS)
    await renewing
    assert odd.has_failed
    assert world.service.accepts(keeper.access_token("alpha"))
    assert len(world.service.presented) == 1


ODD_ANSWERS = {
    "a standby's redirect": ("", 307),
    "nothing": ("{}", 200),
    "no data": ('{"data": null}', 200),
    "empty data": ('{"data": {}}', 200),
    "another shape": ('{"data": [1], "auth": 7}', 200),
    "a page": ("<html>", 200),
    "a list": ("[]", 200),
}
CALLS: dict[str, Callable[[VaultStore], Awaitable[object]]] = {
    "read": lambda store: store.read("ctrader/oauth"),
    "write": lambda store: store.write("ctrader/oauth", {"a": "b"}, version=0),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("odd", ODD_ANSWERS)
async def test_an_answer_that_is_not_vaults_is_that_of_a_store_that_is_away(
    odd: str, call: str
) -> None:
    content, status = ODD_ANSWERS[odd]
    async with answering(content, status, Location="http://127.0.0.1:1/v1/") as url:
        store = VaultStore(url, VaultLogin("planted-token"))
        with pytest.raises(SecretStoreDown) as caught:
            await CALLS[call](store)
        await store.close()
    assert "planted" not in str(caught.value)
