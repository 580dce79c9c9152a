"""The encrypted file: its key, its permissions, and what it refuses to read."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from fxpool.auth.file_key import FileKey, KeySource
from fxpool.auth.file_store import FileStore
from fxpool.errors import SecretError, SecretUnreadable

KEY = base64.b64encode(bytes(32)).decode()


def store_in(folder: Path, key: str = "") -> FileStore:
    return FileStore(folder / "secrets.bin", KeySource(folder / "secrets.key", key))


async def test_nothing_is_made_before_something_is_written(tmp_path: Path) -> None:
    assert not (await store_in(tmp_path).read("a")).exists
    assert not (tmp_path / "secrets.bin").exists()
    assert not (tmp_path / "secrets.key").exists()


async def test_file_and_key_are_for_their_owner_only_and_hold_no_plain_text(
    tmp_path: Path,
) -> None:
    await store_in(tmp_path).write("a/b", {"access_token": "planted-canary"}, version=0)
    for name in ("secrets.bin", "secrets.key"):
        path = tmp_path / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"planted-canary" not in path.read_bytes()
    assert b"a/b" not in (tmp_path / "secrets.bin").read_bytes()
    assert (await store_in(tmp_path).read("a/b")).fields["access_token"] == "planted-canary"


async def test_the_key_may_come_from_a_variable(tmp_path: Path) -> None:
    await store_in(tmp_path, KEY).write("a", {"b": "c"}, version=0)
    assert not (tmp_path / "secrets.key").exists()
    assert (await store_in(tmp_path, KEY).read("a")).fields == {"b": "c"}
    assert KEY not in repr(KeySource(tmp_path, KEY))


async def test_another_key_or_a_changed_byte_is_refused(tmp_path: Path) -> None:
    await store_in(tmp_path, KEY).write("a", {"b": "c"}, version=0)
    other = base64.b64encode(bytes([1] * 32)).decode()
    with pytest.raises(SecretUnreadable, match="key is another one, or the file is damaged"):
        await store_in(tmp_path, other).read("a")
    path = tmp_path / "secrets.bin"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(SecretUnreadable, match="damaged"):
        await store_in(tmp_path, KEY).write("a", {"b": "d"}, version=1)


@pytest.mark.parametrize("name", ["secrets.bin", "secrets.key"])
async def test_a_file_that_others_may_read_is_refused_with_the_cure(
    tmp_path: Path, name: str
) -> None:
    await store_in(tmp_path).write("a", {"b": "c"}, version=0)
    (tmp_path / name).chmod(0o644)
    with pytest.raises(SecretUnreadable, match="chmod 600"):
        await store_in(tmp_path).read("a")


def test_a_key_of_a_wrong_shape_is_refused_and_not_shown() -> None:
    with pytest.raises(SecretUnreadable, match="X is no key") as caught:
        FileKey.parse("planted-canary", source="X")
    assert "planted-canary" not in str(caught.value)


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretError, match="cannot be"):
        await store_in(tmp_path / "file", KEY).write("a", {}, version=0)
