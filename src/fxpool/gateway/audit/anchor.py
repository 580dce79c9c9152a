"""What the audit log has outside its own database: the key of its chain, and the newest head.

Both are in the secret store, so that who can write to the database alone can neither make lines
nor take the newest ones away unseen.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from fxpool.auth import SecretStore
from fxpool.domain.audit import Head
from fxpool.errors import SecretConflict, SecretUnreadable

AUDIT_PATH: Final = "fxpool/audit"
_KEY: Final = "chain_key"
_SEQ: Final = "head_seq"
_DIGEST: Final = "head_digest"
_KEY_BYTES: Final = 32
_TRIES: Final = 5


class Anchor:
    """The audit log's entry in a secret store. All raise SecretError and its kinds."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets

    async def close(self) -> None:
        """Let go of the store."""
        await self._secrets.close()

    async def key(self) -> bytes | None:
        """Return the key of the chain, None if there is none yet."""
        text = (await self._secrets.read(AUDIT_PATH)).fields.get(_KEY)
        return None if text is None else self._bytes(text)

    async def make_key(self) -> bytes:
        """Return the key of the chain, made and stored if there is none."""
        entry = await self._secrets.read(AUDIT_PATH)
        if _KEY not in entry.fields:
            fields = {**entry.fields, _KEY: os.urandom(_KEY_BYTES).hex()}
            with suppress(SecretConflict):  # another process made one; that one is read below
                await self._secrets.write(AUDIT_PATH, fields, version=entry.version)
        key = await self.key()
        if key is None:
            raise SecretUnreadable(f"{AUDIT_PATH} in {self._secrets.place} was not kept")
        return key

    async def head(self) -> Head | None:
        """Return the newest head that was kept, None if there is none yet."""
        fields = (await self._secrets.read(AUDIT_PATH)).fields
        if _SEQ not in fields:
            return None
        return Head(int(fields[_SEQ]), self._bytes(fields[_DIGEST]))

    async def keep(self, head: Head) -> None:
        """Keep a head, unless a newer one is kept: of several processes the newest wins."""
        for _ in range(_TRIES):
            entry = await self._secrets.read(AUDIT_PATH)
            if int(entry.fields.get(_SEQ, "0")) >= head.seq:
                return
            fields = {**entry.fields, _SEQ: str(head.seq), _DIGEST: head.digest.hex()}
            with suppress(SecretConflict):
                await self._secrets.write(AUDIT_PATH, fields, version=entry.version)
                return

    def _bytes(self, text: str) -> bytes:
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise SecretUnreadable(
                f"{AUDIT_PATH} in {self._secrets.place} is not what fxpool wrote"
            ) from None
