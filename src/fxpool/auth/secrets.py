"""Secret stores: what the rest asks of the place where secrets are kept, and the paths in it.

Adapters are beside it: ``vault``, ``file_store`` and ``environment``. An entry is a flat table of
texts with a version number, so that of two writers one loses and knows it.

Source: the entries that existing systems keep in HashiCorp Vault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from fxpool import redaction

APPLICATION: Final = "ctrader/oauth"
"""Path of the application's own credentials."""

ACCOUNTS: Final = "ctrader/accounts"
"""Folder of the accounts' tokens, each under the broker's login."""

ACCOUNT_ID: Final = "ctid_trader_account_id"
"""The field of an account's entry that says whose it is, where one does."""

METAAPI: Final = "metaapi"
"""Path of MetaApi's token, fields ``token`` and ``region``."""

TELEGRAM: Final = "telegram"
"""Path of the bot that alerts are sent by, fields ``bot_token`` and ``chat_id``."""

ROTATIONS: Final = "ctrader/rotations"
"""Folder of what replaced a pair of tokens, each under the fingerprint of the old pair."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One entry as it was read; its values show in no repr.

    Attributes:
        fields: empty where there is no such entry.
        version: what ``write`` must be given to replace exactly this; 0 if nothing was ever there.
        is_borrowed: the store itself has no such entry; another place stands in for it.
    """

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    version: int = 0
    is_borrowed: bool = False

    @property
    def exists(self) -> bool:
        return bool(self.fields)


class SecretStore(Protocol):
    """A place for secrets. Every method raises SecretError and its kinds."""

    @property
    def place(self) -> str:
        """Where it is, in words for people; no secret."""
        ...

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be written here, ever."""
        ...

    async def read(self, path: str) -> Secret:
        """Return an entry; one without fields if there is none."""
        ...

    async def write(self, path: str, fields: Mapping[str, str], *, version: int) -> int:
        """Replace the entry if it still has ``version``; return the new version.

        On return it survives a crash. Raises SecretConflict, and then nothing was written.
        """
        ...

    async def delete(self, path: str) -> None:
        """Remove an entry with all its versions; one that is not there is no error."""
        ...

    async def names(self, folder: str) -> list[str]:
        """Return the names of the entries in a folder, sorted; never their values."""
        ...

    async def tend(self) -> None:
        """Keep our right to use the store alive, and see that it can be used; called every few
        seconds, mostly does nothing. Raises SecretError."""
        ...

    async def close(self) -> None:
        """Let go of what the store holds open."""
        ...


class WithFallback:
    """A store whose missing entries are read from another one, and written to itself.

    What comes from the other has version 0 there, so that writing it creates the entry here.
    """

    def __init__(self, store: SecretStore, fallback: SecretStore) -> None:
        self._store, self._fallback = store, fallback

    @property
    def place(self) -> str:
        return f"{self._store.place}, then {self._fallback.place}"

    @property
    def is_read_only(self) -> bool:
        return self._store.is_read_only

    async def read(self, path: str) -> Secret:
        own = await self._store.read(path)
        redaction.learn_fields(own.fields)
        if own.exists:
            return own
        borrowed = await self._fallback.read(path)
        redaction.learn_fields(borrowed.fields)
        return Secret(borrowed.fields, own.version, is_borrowed=borrowed.exists)

    async def write(self, path: str, fields: Mapping[str, str], *, version: int) -> int:
        return await self._store.write(path, fields, version=version)

    async def delete(self, path: str) -> None:
        await self._store.delete(path)

    async def names(self, folder: str) -> list[str]:
        return await self._store.names(folder)

    async def tend(self) -> None:
        await self._store.tend()

    async def close(self) -> None:
        await self._store.close()
        await self._fallback.close()
