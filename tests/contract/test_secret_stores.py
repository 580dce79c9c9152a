"""One suite for every secret store that can be written: the encrypted file and OpenBao."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fxpool.auth.environment import EnvironmentStore
from fxpool.auth.file_key import KeySource
from fxpool.auth.file_store import FileStore
from fxpool.auth.secrets import SecretStore, WithFallback
from fxpool.auth.vault import VaultStore
from fxpool.auth.vault_login import VaultLogin
from fxpool.errors import SecretConflict, SecretReadOnly
from fxpool.settings import Settings
from harness.openbao import ROOT_TOKEN, OpenBao, running_openbao

PATH = "ctrader/accounts/12345"


@pytest.fixture(scope="module")
def openbao() -> Iterator[OpenBao]:
    with running_openbao() as server:
        yield server


@pytest.fixture(params=["file", "openbao"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SecretStore]:
    made: SecretStore
    if request.param == "file":
        made = FileStore(tmp_path / "secrets.bin", KeySource(tmp_path / "secrets.key"))
    else:
        server: OpenBao = request.getfixturevalue("openbao")
        made = VaultStore(server.address, VaultLogin(ROOT_TOKEN))
    for name in await made.names("ctrader/accounts"):
        await made.delete(f"ctrader/accounts/{name}")
    yield made
    await made.close()


async def test_an_entry_that_was_never_written_has_no_fields(store: SecretStore) -> None:
    found = await store.read(PATH)
    assert not found.exists
    assert found.version == 0
    assert await store.names("ctrader/accounts") == []


async def test_what_was_written_is_read_with_the_version_that_replaces_it(
    store: SecretStore,
) -> None:
    first = await store.write(PATH, {"access_token": "a", "acc_num": "1"}, version=0)
    found = await store.read(PATH)
    assert dict(found.fields) == {"access_token": "a", "acc_num": "1"}
    assert found.version == first
    await store.write(PATH, {"access_token": "b"}, version=first)
    assert dict((await store.read(PATH)).fields) == {"access_token": "b"}
    assert await store.names("ctrader/accounts") == ["12345"]


async def test_of_two_writers_of_one_version_the_second_loses(store: SecretStore) -> None:
    version = await store.write(PATH, {"access_token": "a"}, version=0)
    await store.write(PATH, {"access_token": "b"}, version=version)
    with pytest.raises(SecretConflict):
        await store.write(PATH, {"access_token": "c"}, version=version)
    with pytest.raises(SecretConflict):
        await store.write(PATH, {"access_token": "c"}, version=0)
    assert (await store.read(PATH)).fields["access_token"] == "b"


async def test_a_deleted_entry_can_be_written_anew(store: SecretStore) -> None:
    await store.write(PATH, {"access_token": "a"}, version=0)
    await store.delete(PATH)
    await store.delete(PATH)
    found = await store.read(PATH)
    assert not found.exists
    await store.write(PATH, {"access_token": "b"}, version=found.version)
    assert (await store.read(PATH)).fields["access_token"] == "b"


async def test_secrets_are_not_shown(store: SecretStore) -> None:
    version = await store.write(PATH, {"access_token": "planted-canary"}, version=0)
    shown = [repr(store), store.place, repr(await store.read(PATH))]
    with pytest.raises(SecretConflict) as caught:
        await store.write(PATH, {"access_token": "planted-canary"}, version=version + 7)
    assert "planted-canary" not in " ".join([*shown, str(caught.value)])


async def test_the_environment_stands_in_for_what_a_store_does_not_have(
    store: SecretStore,
) -> None:
    settings = Settings(access_token="from-the-environment", client_id="an-id")
    both = WithFallback(store, EnvironmentStore(settings))
    borrowed = await both.read(PATH)
    assert borrowed.fields["access_token"] == "from-the-environment"
    await both.write(PATH, {"access_token": "own"}, version=borrowed.version)
    assert (await both.read(PATH)).fields["access_token"] == "own"


async def test_the_environment_cannot_be_written() -> None:
    store = EnvironmentStore(Settings(access_token="planted-canary", client_id="an-id"))
    assert (await store.read("ctrader/oauth")).fields["client_id"] == "an-id"
    assert not (await store.read("ctrader/rotations/x")).exists
    with pytest.raises(SecretReadOnly, match="fxpool connect"):
        await store.write(PATH, {}, version=0)
    with pytest.raises(SecretReadOnly):
        await store.delete(PATH)
