"""The API keys as one gateway knows them: all of them in memory, read again every few seconds.

So a call costs one hash and no query. A key that another process made is found at once; one that
it revoked is good for REFRESH_SECONDS more. While the database is away the known keys go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

import structlog

from fxpool.clock import Clock
from fxpool.domain.api_keys import ApiKey, split_key
from fxpool.errors import AccessStoreDown

REFRESH_SECONDS: Final = 2.0
_LOOK_AGAIN_SECONDS: Final = 0.5
"""A key nobody knows makes us look, so often at most."""
_NOTE_SECONDS: Final = 30.0

log = structlog.get_logger(__name__)


class KeyStore(Protocol):
    """Where keys are kept. All raise AccessStoreDown."""

    async def keys(self) -> list[ApiKey]: ...

    async def note_uses(self, uses: Mapping[str, datetime]) -> None: ...


class KeyRing:
    """Finds the key that a caller shows."""

    def __init__(self, store: KeyStore, *, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._keys: dict[str, ApiKey] = {}
        self._uses: dict[str, datetime] = {}
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._noted_at = clock.now()

    @property
    def has_keys(self) -> bool:
        """Whether a key was ever made. Revoking the last one must not open the door."""
        return bool(self._keys)

    def is_good(self, key_id: str) -> bool:
        key = self._keys.get(key_id)
        return key is not None and key.is_good(self._clock.at())

    async def find(self, text: str) -> ApiKey | None:
        """Return the key with this text, good or not; None if there is none.

        Raises AccessStoreDown where it is not known and cannot be looked up.
        """
        parts = split_key(text)
        if parts is None:
            return None
        key_id, secret = parts
        key = self._keys.get(key_id)
        if key is None:
            await self._look_again()
            key = self._keys.get(key_id)
        if key is None or not key.fits(secret):
            return None
        self._uses[key_id] = self._clock.at()
        return key

    async def refresh(self) -> None:
        """Read all keys. Raises AccessStoreDown."""
        keys = await self._store.keys()
        self._looked_at = self._clock.now()
        self._keys = {key.key_id: key for key in keys}

    async def keep_fresh(self) -> None:
        """Read the keys again, or tell that the old ones have to do."""
        try:
            await self.refresh()
            if self._clock.now() - self._noted_at >= _NOTE_SECONDS:
                await self._note_uses()
        except AccessStoreDown as exc:
            log.warning("the known keys go on", error=str(exc))

    async def close(self) -> None:
        """Write down when keys were used last, where that is possible."""
        try:
            await self._note_uses()
        except AccessStoreDown as exc:
            log.warning("the last uses of keys are not noted", error=str(exc))

    async def _note_uses(self) -> None:
        self._noted_at = self._clock.now()
        uses, self._uses = self._uses, {}
        if uses:
            await self._store.note_uses(uses)

    async def _look_again(self) -> None:
        async with self._looking:
            if self._clock.now() - self._looked_at >= _LOOK_AGAIN_SECONDS:
                await self.refresh()
