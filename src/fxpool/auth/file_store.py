"""The default secret store: one encrypted, authenticated file (AES-256-GCM), written atomically.

Several processes of one machine may share it: a lock beside it makes read-and-write one step.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fxpool.auth.secrets import Secret
from fxpool.errors import SecretConflict, SecretError, SecretUnreadable

KEY_VARIABLE: Final = "CTRADER_SECRETS_KEY"
_MAGIC: Final = b"fxpool-secrets-1\n"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32

_Entries = dict[str, Any]
"""``{path: {"version": int, "fields": {name: text}}}``"""


class FileKey:
    """The key of a secrets file. Its repr shows nothing."""

    __slots__ = ("cipher",)

    def __init__(self, key: bytes) -> None:
        self.cipher = AESGCM(key)

    @classmethod
    def parse(cls, text: str, *, source: str) -> FileKey:
        """Read 32 bytes in base64. Raises SecretUnreadable, which names the source only."""
        try:
            key = base64.urlsafe_b64decode(text.strip())
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != _KEY_BYTES:
            raise SecretUnreadable(
                f"{source} is no key: it must be 32 random bytes in base64, for example of "
                "`openssl rand -base64 32`"
            )
        return cls(key)

    @classmethod
    def read(cls, path: Path) -> FileKey:
        """Read a key file. Raises SecretUnreadable, also if others may read it."""
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as exc:
            raise SecretUnreadable(f"{path}: the key cannot be read: {type(exc).__name__}") from exc
        if mode & 0o077:
            raise SecretUnreadable(f"{path}: others may read this key; run `chmod 600 {path}`")
        return cls.parse(text, source=str(path))

    @classmethod
    def make(cls, path: Path) -> FileKey:
        """Write a new key file that only its owner may read; keep one that exists."""
        text = base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES))
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls.read(path)
        except OSError as exc:
            raise SecretError(f"{path}: the key cannot be written: {exc.strerror}") from exc
        with open(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
        return cls.read(path)


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the key of a secrets file comes from: a text if there is one, else a file."""

    path: Path
    text: str = field(default="", repr=False)

    def key(self) -> FileKey:
        """Return the key. Raises SecretUnreadable."""
        return (
            FileKey.parse(self.text, source=KEY_VARIABLE) if self.text else FileKey.read(self.path)
        )

    def key_to_write(self) -> FileKey:
        """Return the key, made now if there is none. Raises SecretError."""
        return (
            FileKey.parse(self.text, source=KEY_VARIABLE) if self.text else FileKey.make(self.path)
        )


class FileStore:
    """Secrets in one encrypted file, which is made by the first write, with a key if need be."""

    is_read_only = False

    def __init__(self, path: Path, keys: KeySource) -> None:
        self._path, self._keys = path, keys

    @property
    def place(self) -> str:
        return f"encrypted file {self._path}"

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
        with self._locked():
            entries = self._load()
            known = entries.get(path, {"version": 0})["version"]
            if known != version:
                raise SecretConflict(f"{self._path}: {path} was changed by another writer")
            entries[path] = {"version": version + 1, "fields": fields}
            self._store(entries)
        return version + 1

    def _remove(self, path: str) -> None:
        with self._locked():
            entries = self._load()
            if entries.pop(path, None) is not None:
                self._store(entries)

    @contextmanager
    def _locked(self) -> Iterator[None]:
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

    def _load(self) -> _Entries:
        try:
            mode = self._path.stat().st_mode
            content = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise SecretUnreadable(f"{self._path}: cannot be read: {exc.strerror}") from exc
        if mode & 0o077:
            raise SecretUnreadable(
                f"{self._path}: others may read this file; run `chmod 600 {self._path}`"
            )
        return self._decrypted(content)

    def _decrypted(self, content: bytes) -> _Entries:
        if not content.startswith(_MAGIC):
            raise SecretUnreadable(f"{self._path}: is no secrets file of fxpool")
        body = content.removeprefix(_MAGIC)
        try:
            plain = self._keys.key().cipher.decrypt(
                body[:_NONCE_BYTES], body[_NONCE_BYTES:], _MAGIC
            )
        except (InvalidTag, ValueError) as exc:
            raise SecretUnreadable(
                f"{self._path}: cannot be decrypted: the key is another one, or the file is damaged"
            ) from exc
        entries: _Entries = json.loads(plain)
        return entries

    def _store(self, entries: _Entries) -> None:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = self._keys.key_to_write().cipher.encrypt(nonce, json.dumps(entries).encode(), _MAGIC)
        fresh = self._path.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(_MAGIC + nonce + body)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as exc:
            raise SecretError(f"{self._path}: cannot be written: {exc.strerror}") from exc


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as exc:
        raise SecretError(f"{path}: cannot be locked: {exc.strerror}") from exc


def _sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
