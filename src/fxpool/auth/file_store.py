"""The default secret store: one encrypted, authenticated file (AES-256-GCM), written atomically.

Several processes of one machine may share it: a lock beside it makes read-and-write one step.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag

from fxpool.auth.file_key import FileKey, Keys
from fxpool.auth.secrets import Secret
from fxpool.errors import SecretConflict, SecretError, SecretUnreadable
from fxpool.files import sync_folder, write_durably

_MAGIC: Final = b"fxpool-secrets-1\n"
_NONCE_BYTES: Final = 12

_READ_TRIES: Final = 2
"""A key may be replaced between reading the file and reading the key; not twice in a row."""

_Entries = dict[str, Any]
"""``{path: {"version": int, "fields": {name: text}}}``"""


class FileStore:
    """Secrets in one encrypted file, which is made by the first write, with a key if need be."""

    is_read_only = False

    def __init__(self, path: Path, keys: Keys) -> None:
        self._path, self._keys = path, keys

    @property
    def place(self) -> str:
        return f"encrypted file {self._path}"

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""
        return self._path.exists()

    async def read(self, path: str) -> Secret:
        entry = (await asyncio.to_thread(self._load)).get(path)
        return Secret() if entry is None else Secret(entry["fields"], entry["version"])

    async def write(self, path: str, fields: Mapping[str, str], *, version: int) -> int:
        # Once begun it ends, whatever happens to the caller: the file is whole at each instant.
        return await asyncio.to_thread(self._replace, path, dict(fields), version)

    async def delete(self, path: str) -> None:
        await asyncio.to_thread(self._remove, path)

    async def names(self, folder: str) -> list[str]:
        entries = await asyncio.to_thread(self._load)
        prefix = f"{folder}/"
        return sorted(path.removeprefix(prefix) for path in entries if path.startswith(prefix))

    async def tend(self) -> None:
        return

    async def close(self) -> None:
        return

    # In a thread

    def _replace(self, path: str, fields: dict[str, str], version: int) -> int:
        with self.locked():
            entries = self._load()
            known = entries.get(path, {"version": 0})["version"]
            if known != version:
                raise SecretConflict(f"{self._path}: {path} was changed by another writer")
            entries[path] = {"version": version + 1, "fields": fields}
            self._store(entries, self._keys.key_to_write())
        return version + 1

    def _remove(self, path: str) -> None:
        with self.locked():
            entries = self._load()
            if entries.pop(path, None) is not None:
                self._store(entries, self._keys.key_to_write())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out, in all processes. Raises SecretError."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise SecretError(f"{self._path}: cannot be written: {exc.strerror}") from exc
        try:
            _lock(lock, self._path)
            yield
        finally:
            os.close(lock)  # closing ends the lock

    def re_encrypt(self, key: FileKey) -> None:
        """Encrypt the file with another key, in the lock; the old one stays until that reads back.

        Raises SecretError; the file is then the old or the new one, and whole.
        """
        entries = self._load()
        self._store(entries, key)
        if self._opened(self._content() or b"", [key]) != entries:
            raise SecretUnreadable(f"{self._path}: does not read back with its new key")

    def _load(self) -> _Entries:
        for _ in range(_READ_TRIES):
            content = self._content()
            if content is None:
                return {}
            entries = self._opened(content, self._keys.keys())
            if entries is not None:
                return entries
        raise SecretUnreadable(
            f"{self._path}: cannot be decrypted: the key is another one, or the file is damaged"
        )

    def _content(self) -> bytes | None:
        try:
            mode = self._path.stat().st_mode
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise SecretUnreadable(f"{self._path}: cannot be read: {exc.strerror}") from exc
        if mode & 0o077:
            raise SecretUnreadable(
                f"{self._path}: others may read this file; run `chmod 600 {self._path}`"
            )
        return content

    def _opened(self, content: bytes, keys: Sequence[FileKey]) -> _Entries | None:
        """Return the entries, None where no key opens the file."""
        if not content.startswith(_MAGIC):
            raise SecretUnreadable(f"{self._path}: is no secrets file of fxpool")
        body = content.removeprefix(_MAGIC)
        for key in keys:
            with suppress(InvalidTag, ValueError):
                plain = key.cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], _MAGIC)
                entries: _Entries = json.loads(plain)
                return entries
        return None

    def _store(self, entries: _Entries, key: FileKey) -> None:
        """Replace the file once its successor is on the disk and opens."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = key.cipher.encrypt(nonce, json.dumps(entries).encode(), _MAGIC)
        fresh = self._path.with_suffix(".new")
        try:
            write_durably(fresh, _MAGIC + nonce + body)
            if self._opened(fresh.read_bytes(), [key]) != entries:
                raise SecretError(f"{fresh}: does not read back; {self._path} stays as it was")
            fresh.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as exc:
            raise SecretError(f"{self._path}: cannot be written: {exc.strerror}") from exc


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as exc:
        raise SecretError(f"{path}: cannot be locked: {exc.strerror}") from exc
