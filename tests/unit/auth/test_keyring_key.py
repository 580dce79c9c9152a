"""The key of the secrets file in a keyring: a real one of the library, which is in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked, PasswordDeleteError
from pydantic import SecretStr

from fxpool.auth.file_store import FileStore
from fxpool.auth.key_rotation import rotate_key
from fxpool.auth.keyring_key import KeyringKeys
from fxpool.auth.stores import key_source_from
from fxpool.errors import SecretUnreadable, SettingsError
from fxpool.settings import Settings

KEYS = KeyringKeys("fxpool-test")


class Memory(KeyringBackend):
    """A keyring for as long as the test runs."""

    priority = 1.0  # type: ignore[assignment]  # the library's class property, as its docs set it

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise KeyringLocked
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError


@pytest.fixture
def memory() -> Iterator[Memory]:
    before, memory = keyring.get_keyring(), Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def store_in(folder: Path) -> FileStore:
    return FileStore(folder / "secrets.bin", KEYS)


async def test_a_file_is_opened_by_the_key_in_the_keyring_and_no_key_is_on_the_disk(
    memory: Memory, tmp_path: Path
) -> None:
    await store_in(tmp_path).write("ctrader/oauth", {"client_id": "planted"}, version=0)
    secret = await store_in(tmp_path).read("ctrader/oauth")
    assert secret.fields == {"client_id": "planted"}
    assert {path.rpartition(".")[2] for path in os.listdir(tmp_path)} <= {"bin", "lock"}
    assert list(memory.kept) == [("fxpool-test", "secrets-key")]


async def test_another_key_takes_its_place_and_an_interrupted_change_is_completed(
    memory: Memory, tmp_path: Path
) -> None:
    store = store_in(tmp_path)
    await store.write("ctrader/oauth", {"client_id": "planted"}, version=0)
    (old,) = memory.kept.values()
    KEYS.successor()  # made, and then the process was killed
    assert (await store.read("ctrader/oauth")).exists
    rotate_key(KEYS, [store])
    (new,) = memory.kept.values()
    assert new != old
    assert (await store.read("ctrader/oauth")).exists
    memory.kept["fxpool-test", "secrets-key.next"] = new  # killed within the promotion
    rotate_key(KEYS, [store])
    assert new not in memory.kept.values()
    assert (await store.read("ctrader/oauth")).exists


async def test_a_keyring_that_is_locked_lost_or_not_there_is_said(
    memory: Memory, tmp_path: Path
) -> None:
    store = store_in(tmp_path)
    await store.write("ctrader/oauth", {"client_id": "planted"}, version=0)
    memory.is_locked = True
    with pytest.raises(SecretUnreadable, match="KeyringLocked"):
        await store.read("ctrader/oauth")
    memory.is_locked = False
    memory.kept.clear()
    with pytest.raises(SecretUnreadable, match="is not there"):
        await store.read("ctrader/oauth")
    keyring.set_keyring(NoKeyring())
    with pytest.raises(SecretUnreadable, match="no keyring"):
        await store.read("ctrader/oauth")


def test_the_key_is_in_one_place() -> None:
    assert key_source_from(Settings(secrets_keyring="fxpool")) == KeyringKeys("fxpool")
    with pytest.raises(SettingsError, match="unset the others"):
        key_source_from(Settings(secrets_keyring="fxpool", secrets_key=SecretStr("a")))
