"""The key of the encrypted files in the keyring of the operating system.

Knows the keyring and names in it, not what the key encrypts. The library is an extra
(``pip install fxpool[keyring]``): servers rarely have a keyring.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Any, Final

from fxpool.auth.file_key import KEY_BYTES, FileKey
from fxpool.errors import SecretError, SecretUnreadable, SettingsError

_KEY: Final = "secrets-key"
_NEXT: Final = "secrets-key.next"


@dataclass(frozen=True, slots=True)
class KeyringKeys:
    """A key by the name of a service in the keyring; implements ``file_key.Keys``."""

    service: str

    @property
    def place(self) -> str:
        """Where the key is, for people."""
        return f"{_KEY} of {self.service} in the keyring"

    def keys(self) -> list[FileKey]:
        found = [self._get(name) for name in (_KEY, _NEXT)]
        keys = [self._parsed(text) for text in found if text]
        if not keys:
            raise SecretUnreadable(f"{self.place} is not there")
        return keys

    def key_to_write(self) -> FileKey:
        text = self._get(_KEY)
        return self._parsed(text) if text else self._make(_KEY)

    def require_replaceable(self) -> None:
        if not self._get(_KEY):
            raise SecretUnreadable(f"{self.place} is not there")

    def successor(self) -> FileKey:
        text, present = self._get(_NEXT), self._get(_KEY)
        # Equal, if a promotion was interrupted before its end: then another one is wanted.
        return self._parsed(text) if text and text != present else self._make(_NEXT)

    def promote(self) -> None:
        text = self._get(_NEXT)
        if not text:
            raise SecretError(f"{self.place}: there is no successor")
        self._set(_KEY, text)
        self._delete(_NEXT)

    def _parsed(self, text: str) -> FileKey:
        return FileKey.parse(text, source=self.place)

    def _make(self, name: str) -> FileKey:
        self._set(name, base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode())
        text = self._get(name)
        if not text:
            raise SecretError(f"{self.place}: the keyring did not keep it")
        return self._parsed(text)

    def _get(self, name: str) -> str | None:
        text: str | None = self._call("get_password", name)
        return text

    def _set(self, name: str, text: str) -> None:
        self._call("set_password", name, text)

    def _delete(self, name: str) -> None:
        self._call("delete_password", name)

    def _call(self, what: str, *words: str) -> Any:
        try:
            import keyring  # noqa: PLC0415 (an extra)
            from keyring.errors import KeyringError, NoKeyringError  # noqa: PLC0415 (the same)
        except ImportError as exc:
            raise SettingsError(
                "CTRADER_SECRETS_KEYRING is set, and the keyring's library is not installed: run "
                "`pip install fxpool[keyring]`"
            ) from exc
        try:
            return getattr(keyring, what)(self.service, *words)
        except NoKeyringError as exc:
            raise SecretUnreadable(
                "this machine has no keyring that programs can use: unset "
                "CTRADER_SECRETS_KEYRING, and a key file is used"
            ) from exc
        except KeyringError as exc:
            raise SecretUnreadable(f"{self.place} cannot be used: {type(exc).__name__}") from exc
