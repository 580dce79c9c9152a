"""Logins and addresses of a real OpenBao: Kubernetes pods, namespaces, an authority of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fxpool.auth.stores import own_store_from
from fxpool.auth.vault import VaultStore
from fxpool.auth.vault_login import KubernetesRole, VaultLogin, vault_login_from
from fxpool.errors import SecretForbidden, SecretStoreDown, SecretUnreadable, SettingsError
from fxpool.settings import Settings
from fxpool.simulator.certificates import certificates_in
from harness.clock import ManualClock
from harness.kubernetes import Cluster, running_cluster
from harness.openbao import ROOT_TOKEN, OpenBao, running_openbao

POLICY = 'path "secret/data/ctrader/*" { capabilities = ["read", "create", "update"] }'


@pytest.fixture(scope="module")
def openbao() -> Iterator[OpenBao]:
    with running_openbao() as server:
        server.ask("POST", "sys/auth/pods", {"type": "kubernetes"})
        server.ask("PUT", "sys/policies/acl/pool", {"policy": POLICY})
        yield server


@pytest.fixture
async def cluster(openbao: OpenBao, tmp_path: Path) -> AsyncIterator[Cluster]:
    certificate = certificates_in(tmp_path / "tls", datetime.now(UTC)).ca_file.read_text()
    async with running_cluster() as made:
        config = {
            "kubernetes_host": made.address,
            "token_reviewer_jwt": made.token(0),
            "kubernetes_ca_cert": certificate,
            "disable_local_ca_jwt": True,
        }
        role = {
            "bound_service_account_names": "fxpool",
            "bound_service_account_namespaces": "trading",
            "token_policies": "pool",
            "token_ttl": "20m",
        }
        await asyncio.to_thread(openbao.ask, "POST", "auth/pods/config", config)
        await asyncio.to_thread(openbao.ask, "POST", "auth/pods/role/pool", role)
        yield made


async def test_a_pod_logs_in_with_its_token_and_again_with_the_next_before_the_lease_ends(
    openbao: OpenBao, cluster: Cluster, tmp_path: Path
) -> None:
    file, clock = tmp_path / "token", ManualClock()
    first, second = cluster.token(1), cluster.token(2)
    file.write_text(first + "\n")
    role = KubernetesRole("pool", "pods", file)
    store = VaultStore(openbao.address, VaultLogin(role=role), clock=clock)
    try:
        await store.write("ctrader/of-a-pod", {"a": "1"}, version=0)
        cluster.good.remove(first)
        file.write_text(second)
        clock.advance(599)
        await store.tend()
        assert cluster.reviewed == [first]
        clock.advance(1)
        await store.tend()
        assert cluster.reviewed == [first, second]
        assert (await store.read("ctrader/of-a-pod")).fields == {"a": "1"}
        await asyncio.to_thread(openbao.ask, "POST", "auth/token/revoke", {"token": store._token})
        assert (await store.read("ctrader/of-a-pod")).fields == {"a": "1"}
        assert cluster.reviewed == [first, second, second]
    finally:
        await store.close()


async def test_a_pod_that_is_refused_or_has_no_token_is_told_which_setting_it_is(
    openbao: OpenBao, cluster: Cluster, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    role = KubernetesRole("pool", "pods", file)
    store = VaultStore(openbao.address, VaultLogin(role=role))
    try:
        with pytest.raises(SecretUnreadable, match="VAULT_KUBERNETES_TOKEN_FILE"):
            await store.read("ctrader/x")
        token = cluster.token(3)
        cluster.good.clear()
        file.write_text(token)
        with pytest.raises(SecretForbidden, match="VAULT_KUBERNETES_ROLE") as caught:
            await store.read("ctrader/x")
        assert token not in str(caught.value) + repr(store)
    finally:
        await store.close()


def test_the_settings_choose_the_login() -> None:
    settings = Settings(vault_addr="http://127.0.0.1:1", vault_kubernetes_role="pool")
    login = vault_login_from(settings)
    assert login.role == KubernetesRole(
        "pool", "kubernetes", Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    )
    with pytest.raises(SettingsError, match="VAULT_KUBERNETES_ROLE"):
        vault_login_from(settings.model_copy(update={"vault_role_id": "both"}))
    with pytest.raises(SettingsError, match="VAULT_TOKEN"):
        vault_login_from(Settings(vault_addr="http://127.0.0.1:1"))


async def test_a_namespace_has_entries_of_its_own(openbao: OpenBao) -> None:
    openbao.ask("POST", "sys/namespaces/team")
    openbao.ask("POST", "team/sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    login = VaultLogin(ROOT_TOKEN)
    inside = VaultStore(openbao.address, login, namespace="team")
    outside = VaultStore(openbao.address, login)
    try:
        await inside.write("ctrader/of-a-team", {"a": "1"}, version=0)
        assert (await inside.read("ctrader/of-a-team")).fields == {"a": "1"}
        assert not (await outside.read("ctrader/of-a-team")).exists
    finally:
        await inside.close()
        await outside.close()


async def test_a_server_with_an_authority_of_its_own_needs_vault_cacert() -> None:
    with running_openbao(is_tls=True) as server:
        settings = Settings(vault_addr=server.address, vault_token=ROOT_TOKEN)
        stranger = own_store_from(settings)
        known = own_store_from(settings.model_copy(update={"vault_cacert": server.ca_file}))
        try:
            with pytest.raises(SecretStoreDown, match="certificate"):
                await stranger.read("ctrader/x")
            await known.write("ctrader/x", {"a": "1"}, version=0)
            assert (await known.read("ctrader/x")).fields == {"a": "1"}
        finally:
            await stranger.close()
            await known.close()
