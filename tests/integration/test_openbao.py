"""What only a real Vault-like server can do to us: seals, policies, roles, an old KV mount."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest

from fxpool.auth.vault import VaultStore
from fxpool.auth.vault_login import AppRole, VaultLogin
from fxpool.errors import (
    SecretForbidden,
    SecretReadOnly,
    SecretStoreDown,
    SecretStoreSealed,
    SecretUnreadable,
)
from harness.clock import ManualClock
from harness.openbao import ROOT_TOKEN, OpenBao, running_openbao

PATH = "ctrader/accounts/12345"
POLICY = 'path "secret/data/ctrader/*" { capabilities = ["read", "create", "update"] }'


@pytest.fixture(scope="module")
def openbao() -> Iterator[OpenBao]:
    with running_openbao() as server:
        yield server


def opened(server: OpenBao, token: str = ROOT_TOKEN, **more: Any) -> aclosing[Any]:
    login = more.pop("login", VaultLogin(token))
    store = VaultStore(server.address, login, **more)
    store.aclose = store.close  # type: ignore[attr-defined] # the name that aclosing calls
    return aclosing(store)  # type: ignore[type-var]


async def test_a_sealed_server_is_named_and_works_again_once_it_is_unsealed(
    openbao: OpenBao,
) -> None:
    async with opened(openbao) as store:
        version = await store.write("ctrader/sealed", {"a": "1"}, version=0)
        openbao.seal()
        try:
            with pytest.raises(SecretStoreSealed, match="unseal"):
                await store.read("ctrader/sealed")
            with pytest.raises(SecretStoreSealed):
                await store.write("ctrader/sealed", {"a": "2"}, version=version)
        finally:
            openbao.unseal()
        assert (await store.read("ctrader/sealed")).fields == {"a": "1"}


async def test_a_sealed_server_is_noticed_while_nobody_asks_it_for_anything(
    openbao: OpenBao,
) -> None:
    clock = ManualClock()
    async with opened(openbao, clock=clock) as store:
        await store.tend()
        openbao.seal()
        try:
            await store.tend()  # looked a moment ago
            clock.advance(30)
            with pytest.raises(SecretStoreSealed, match="unseal"):
                await store.tend()
        finally:
            openbao.unseal()
        await store.tend()


async def test_a_wrong_token_is_forbidden_and_not_shown(openbao: OpenBao) -> None:
    async with opened(openbao, "planted-canary") as store:
        with pytest.raises(SecretForbidden) as caught:
            await store.read(PATH)
        assert "VAULT_TOKEN" in str(caught.value)
        assert "planted-canary" not in str(caught.value) + repr(store)


async def test_a_server_that_is_not_there_is_down() -> None:
    store = VaultStore("http://127.0.0.1:9", VaultLogin("t"))
    with pytest.raises(SecretStoreDown, match="cannot be reached"):
        await store.read(PATH)
    await store.close()


async def test_a_role_logs_in_by_itself_and_again_when_its_token_is_gone(
    openbao: OpenBao,
) -> None:
    openbao.ask("POST", "sys/auth/approle", {"type": "approle"})
    openbao.ask("PUT", "sys/policies/acl/pool", {"policy": POLICY})
    openbao.ask("POST", "auth/approle/role/pool", {"token_policies": "pool"})
    role_id = openbao.ask("GET", "auth/approle/role/pool/role-id")["data"]["role_id"]
    made = openbao.ask("POST", "auth/approle/role/pool/secret-id")
    login = VaultLogin(role=AppRole(role_id, made["data"]["secret_id"]))
    async with opened(openbao, login=login) as store:
        await store.write("ctrader/of-a-role", {"a": "1"}, version=0)
        openbao.ask("POST", "auth/token/revoke", {"token": store._token})
        assert (await store.read("ctrader/of-a-role")).fields == {"a": "1"}
        with pytest.raises(SecretForbidden):
            await store.read("elsewhere")
    async with opened(openbao, login=VaultLogin(role=AppRole(role_id, "x"))) as store:
        with pytest.raises(SecretForbidden, match="VAULT_ROLE_ID"):
            await store.read(PATH)


async def test_a_token_is_renewed_at_half_of_its_life(openbao: OpenBao) -> None:
    made = openbao.ask("POST", "auth/token/create", {"ttl": "1h", "renewable": True})
    token = made["auth"]["client_token"]

    def renewed() -> bool:
        found = openbao.ask("POST", "auth/token/lookup", {"token": token})["data"]
        return found.get("last_renewal") is not None

    clock = ManualClock()
    async with opened(openbao, token, clock=clock) as store:
        assert not renewed()
        await store.tend()
        assert renewed()
        assert store._tend_at == clock.now() + 1800
        clock.advance(1799)
        await store.tend()
        assert store._tend_at == clock.now() + 1
        clock.advance(1)
        await store.tend()
        assert store._tend_at == clock.now() + 1800


async def test_a_root_token_is_left_alone(openbao: OpenBao) -> None:
    async with opened(openbao) as store:
        await store.tend()
        assert store._tend_at == float("inf")


async def test_an_old_mount_is_read_and_never_written(openbao: OpenBao) -> None:
    openbao.ask("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
    openbao.ask("POST", "old/ctrader/accounts/12345", {"access_token": "a", "expires_in": 60})
    async with opened(openbao, mount="old") as store:
        found = await store.read(PATH)
        assert found.fields == {"access_token": "a", "expires_in": "60"}
        assert await store.names("ctrader/accounts") == ["12345"]
        with pytest.raises(SecretReadOnly, match="check-and-set"):
            await store.write(PATH, {}, version=1)


@pytest.mark.parametrize(
    "path", ["secret/ctrader/spelt", "secret/data/ctrader/spelt", "/ctrader/spelt"]
)
async def test_a_path_is_found_however_it_is_written(openbao: OpenBao, path: str) -> None:
    openbao.ask("POST", "secret/data/ctrader/spelt", {"data": {"a": "1"}})
    async with opened(openbao) as store:
        assert (await store.read(path)).fields == {"a": "1"}


async def test_an_entry_deleted_by_hand_can_be_written_over(openbao: OpenBao) -> None:
    openbao.ask("POST", "secret/data/ctrader/gone", {"data": {"a": "1"}})
    openbao.ask("DELETE", "secret/data/ctrader/gone")
    async with opened(openbao) as store:
        found = await store.read("ctrader/gone")
        assert not found.exists
        await store.write("ctrader/gone", {"a": "2"}, version=found.version)


async def test_a_nested_value_is_refused_by_the_name_of_its_field(openbao: OpenBao) -> None:
    openbao.ask("POST", "secret/data/ctrader/nested", {"data": {"access_token": {"a": "canary"}}})
    async with opened(openbao) as store:
        with pytest.raises(SecretUnreadable, match="access_token must be") as caught:
            await store.read("ctrader/nested")
        assert "canary" not in str(caught.value)
