"""The key of an encrypted secrets file: from a variable or a key file, and its successor.

Knows keys and their files, not what they encrypt.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fxpool.errors import SecretError, SecretUnreadable, SettingsError
from fxpool.files import sync_folder, write_durably

KEY_VARIABLE: Final = "CTRADER_SECRETS_KEY"
KEY_BYTES: Final = 32


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
        if len(key) != KEY_BYTES:
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
        if path.exists():
            return cls.read(path)
        text = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES))
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh.unlink(missing_ok=True)  # it may be another name of a key that is in use
            write_durably(fresh, text)
            with suppress(FileExistsError):  # another process made one; that one is read below
                os.link(fresh, path)
            fresh.unlink()
            sync_folder(path.parent)
        except OSError as exc:
            raise SecretError(f"{path}: the key cannot be written: {exc.strerror}") from exc
        return cls.read(path)


class Keys(Protocol):
    """Where the key of the encrypted files is kept, and its successor while it is rotated."""

    @property
    def place(self) -> str:
        """Where the key is, for people."""
        ...

    def keys(self) -> list[FileKey]:
        """Return the keys that may open a file, the likelier first. Raises SecretUnreadable."""
        ...

    def key_to_write(self) -> FileKey:
        """Return the key, made now if there is none. Raises SecretError."""
        ...

    def require_replaceable(self) -> None:
        """Raise SettingsError for a key that cannot be replaced from here, and SecretUnreadable if
        there is no key yet."""
        ...

    def successor(self) -> FileKey:
        """Return the key that follows: that of an attempt that was interrupted, else a new one.
        Raises SecretError."""
        ...

    def promote(self) -> None:
        """Let the successor take the key's place. Raises SecretError."""
        ...


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the key of a secrets file comes from: a text if there is one, else a file.

    While the key is rotated its successor is in a file beside it.
    """

    path: Path
    text: str = field(default="", repr=False)

    @property
    def next_path(self) -> Path:
        """Where the successor is until it takes the key's place."""
        return self.path.with_name(f"{self.path.name}.next")

    @property
    def place(self) -> str:
        """Where the key is, for people."""
        return KEY_VARIABLE if self.text else str(self.path)

    def keys(self) -> list[FileKey]:
        """Return the keys that may open a file, the likelier first. Raises SecretUnreadable."""
        if self.text:
            return [FileKey.parse(self.text, source=KEY_VARIABLE)]
        keys = [FileKey.read(self.path)]
        try:
            return [*keys, FileKey.read(self.next_path)]
        except SecretUnreadable:
            if self.next_path.exists():
                raise
            return keys

    def key_to_write(self) -> FileKey:
        """Return the key, made now if there is none. Raises SecretError."""
        return (
            FileKey.parse(self.text, source=KEY_VARIABLE) if self.text else FileKey.make(self.path)
        )

    def require_replaceable(self) -> None:
        """Raise what forbids another key; see ``Keys``."""
        if self.text:
            raise SettingsError(
                f"{KEY_VARIABLE} is set, and a variable cannot be replaced from here: write the "
                f"key to {self.path} (for its owner only), unset the variable, and run this again"
            )
        FileKey.read(self.path)

    def successor(self) -> FileKey:
        """Return the key that follows; see ``Keys``."""
        return FileKey.make(self.next_path)

    def promote(self) -> None:
        """Let the successor take the key's place. Raises SecretError."""
        try:
            self.next_path.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as exc:
            raise SecretError(f"{self.path}: cannot be replaced: {exc.strerror}") from exc
