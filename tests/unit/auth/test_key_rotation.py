"""Another key for the encrypted files: complete, or interrupted at any touch of the disk."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from fxpool.auth.file_key import KeySource
from fxpool.auth.file_store import FileStore
from fxpool.auth.key_rotation import rotate_key
from fxpool.errors import SecretUnreadable, SettingsError

NAMES = ("secrets.bin", "rescued-tokens.bin")
KILLED = 9
TOUCHES = frozenset({"open", "os.rename", "os.link", "os.remove"})
"""What Python's audit hooks call the touches of the disk by which a rotation works."""


def keys_in(folder: Path) -> KeySource:
    return KeySource(folder / "secrets.key")


def stores_in(folder: Path) -> list[FileStore]:
    return [FileStore(folder / name, keys_in(folder)) for name in NAMES]


async def filled(folder: Path) -> Path:
    for store in stores_in(folder):
        await store.write("ctrader/accounts/1", {"access_token": store.place}, version=0)
    return folder


async def read(folder: Path) -> list[str]:
    entries = [await store.read("ctrader/accounts/1") for store in stores_in(folder)]
    return [Path(entry.fields["access_token"]).name for entry in entries]


def rotated_but_killed(folder: Path, touch: int) -> bool:
    """Rotate in a process that dies before a touch of the disk; False if it ended before that."""
    child = os.fork()
    if child == 0:
        left = touch

        def hook(event: str, args: tuple[Any, ...]) -> None:
            nonlocal left
            if event in TOUCHES and str(folder) in str(args[0]):
                if left == 0:
                    os._exit(KILLED)
                left -= 1

        try:
            sys.addaudithook(hook)
            rotate_key(keys_in(folder), stores_in(folder))
            os._exit(0)
        finally:
            os._exit(1)  # never back into the test run
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED)
    return code == KILLED


async def test_a_new_key_opens_what_the_old_one_opened_and_the_old_one_nothing(
    tmp_path: Path,
) -> None:
    folder = await filled(tmp_path / "a")
    old = (folder / "secrets.key").read_bytes()
    rotate_key(keys_in(folder), stores_in(folder))
    assert await read(folder) == list(NAMES)
    files = sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")
    assert files == ["rescued-tokens.bin", "secrets.bin", "secrets.key"]
    assert (folder / "secrets.key").read_bytes() != old
    (folder / "secrets.key").write_bytes(old)
    with pytest.raises(SecretUnreadable, match="key is another one"):
        await read(folder)


async def test_a_rotation_killed_at_any_touch_of_the_disk_loses_nothing(tmp_path: Path) -> None:
    origin, touch = await filled(tmp_path / "origin"), 0
    while True:
        folder = Path(shutil.copytree(origin, tmp_path / f"killed-{touch}"))
        was_killed = rotated_but_killed(folder, touch)
        assert await read(folder) == list(NAMES), f"killed before touch {touch}"
        store = stores_in(folder)[0]
        entry = await store.read("ctrader/accounts/1")
        await store.write("ctrader/accounts/1", entry.fields, version=entry.version)
        rotate_key(keys_in(folder), stores_in(folder))
        assert await read(folder) == list(NAMES)
        assert not keys_in(folder).next_path.exists()
        if not was_killed:
            break
        touch += 1
    assert touch > 10


def test_a_key_in_a_variable_is_not_rotated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="CTRADER_SECRETS_KEY") as caught:
        rotate_key(KeySource(tmp_path / "secrets.key", "planted-canary"), [])
    assert "planted-canary" not in str(caught.value)


def test_without_a_key_nothing_is_touched(tmp_path: Path) -> None:
    with pytest.raises(SecretUnreadable, match="cannot be read"):
        rotate_key(keys_in(tmp_path), stores_in(tmp_path))
    assert list(tmp_path.iterdir()) == []
