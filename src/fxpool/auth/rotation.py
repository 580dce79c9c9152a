"""One entry per pair that was replaced: who may replace it, and what did. It survives any crash.

A pair is spent under a claim that only one process can write (check-and-set), never by the holder
of an older lease than the last one, and its successor is stored in the same entry before anything
uses it. Whoever finds an old pair anywhere, after a crash or in another process, finds the new one
from it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from fxpool.auth.secrets import ROTATIONS, Secret, SecretStore
from fxpool.auth.tokens import TokenPair, fields_of, pair_from
from fxpool.errors import SecretConflict, SecretError
from fxpool.store.leases import Lease

CLAIM_FOR: Final = timedelta(minutes=2)
"""Longer than an answer of the token service is waited for, clocks that differ included."""

log = structlog.get_logger(__name__)


class Rotations:
    """The entries of replaced pairs.

    ``rescue`` is a second store that takes a new pair while the first one is away.
    """

    def __init__(self, store: SecretStore, rescue: SecretStore | None, *, owner: str) -> None:
        self._store, self._rescue, self._owner = store, rescue, owner
        self._claimed: dict[str, int] = {}

    async def newest(self, pair: TokenPair) -> TokenPair:
        """Return the pair that replaced this one, if any did, through all replacements."""
        seen = {pair.fingerprint}
        while (following := await self._following(pair)) is not None:
            if following.fingerprint in seen:
                break
            seen.add(following.fingerprint)
            pair = following
        return pair

    async def claim(self, pair: TokenPair, at: datetime, lease: Lease) -> bool:
        """Take the right to spend a pair; False if it is spent, or another process is at it, or
        had a later lease than ours.

        The claim is written, so a store that is away keeps the pair from being spent at all.
        """
        entry = await self._store.read(_path(pair))
        if entry.fields.get("access_token") or _is_anothers(entry, self._owner, at):
            return False
        newest = int(entry.fields.get("claimed_fence") or 0)
        if lease.is_shared and lease.fence < newest:
            log.warning("a lease is too old to renew tokens", fence=lease.fence, newest=newest)
            return False
        fence = lease.fence if lease.is_shared else newest
        until = (at + CLAIM_FOR).isoformat()
        try:
            self._claimed[_path(pair)] = await self._store.write(
                _path(pair),
                {
                    "claimed_by": self._owner,
                    "claimed_until": until,
                    "claimed_fence": str(fence),
                },
                version=entry.version,
            )
        except SecretConflict:
            return False
        return True

    async def keep(self, old: TokenPair, new: TokenPair) -> bool:
        """Store the successor of a pair; False if no store would take it now.

        The first thing done is the write: until it is done, the pair is in our memory only.
        """
        path = _path(old)
        for store in (self._store, self._rescue):
            if store is None:
                continue
            try:
                version = self._claimed.get(path, 0) if store is self._store else 0
                await _put(store, path, fields_of(new), version)
            except SecretError as exc:
                log.warning("a new pair of tokens is not stored yet", error=str(exc))
            else:
                return True
        return False

    async def _following(self, pair: TokenPair) -> TokenPair | None:
        for store in (self._store, self._rescue):
            if store is None:
                continue
            path = _path(pair)
            found = pair_from((await store.read(path)).fields, source=path)
            if found is not None:
                return found
        return None


async def _put(store: SecretStore, path: str, fields: dict[str, str], version: int) -> None:
    """Write an entry whatever it holds: only the one who spent the pair has its successor.

    ``version`` is what it most likely has.
    """
    while True:
        try:
            await store.write(path, fields, version=version)
        except SecretConflict:
            version = (await store.read(path)).version
        else:
            return


def _path(pair: TokenPair) -> str:
    return f"{ROTATIONS}/{pair.fingerprint}"


def _is_anothers(entry: Secret, owner: str, at: datetime) -> bool:
    until = entry.fields.get("claimed_until")
    if not until or entry.fields.get("claimed_by") == owner:
        return False
    return datetime.fromisoformat(until) > at
