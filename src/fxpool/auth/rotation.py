"""One entry per pair that was replaced: who may replace it, and what did. It survives any crash.

A pair is spent under a claim that only one process can write (check-and-set), never by the holder
of an older lease than the last one, and its successor is stored before anything uses it: in a file
beside this process first where there is one, since nothing is quicker. Whoever finds an old pair
anywhere, after a crash or in another process, finds the new one from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from fxpool.auth.secrets import ROTATIONS, Secret, SecretStore
from fxpool.auth.tokens import TokenPair, fields_of, pair_from
from fxpool.errors import SecretConflict, SecretError
from fxpool.store.leases import Lease

CLAIM_SECONDS: Final = 180.0
"""For how long a process looks at another's claim before it takes it for abandoned: longer than
answers of the token service are waited for, and than a store that is back waits to be tried."""

_BREAK_SECONDS: Final = 60.0
"""A longer break between two looks begins the count anew: the store may have been away."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Another process's claim: its version, and monotonic times of the first and last look."""

    version: int
    first: float
    last: float


class Rotations:
    """The entries of replaced pairs.

    ``rescue`` is a second store, near and quick, that takes each new pair first and keeps it until
    the other one has it.
    """

    def __init__(self, store: SecretStore, rescue: SecretStore | None, *, owner: str) -> None:
        self._store, self._rescue, self._owner = store, rescue, owner
        self._claimed: dict[str, int] = {}
        self._seen: dict[str, _Seen] = {}
        self._may_hold_rescued = rescue is not None

    async def newest(self, pair: TokenPair) -> TokenPair:
        """Return the pair that replaced this one, if any did, through all replacements."""
        seen = {pair.fingerprint}
        while (following := await self._following(pair)) is not None:
            if following.fingerprint in seen:
                break
            seen.add(following.fingerprint)
            pair = following
        return pair

    async def claim(self, pair: TokenPair, lease: Lease, *, at: datetime, now: float) -> bool:
        """Take the right to spend a pair; False if it is spent, or another process is at it, or
        had a later lease than ours.

        ``at`` is written for people, ``now`` is monotonic. The claim is written, so a store that
        is away keeps the pair from being spent at all.
        """
        path = _path(pair)
        entry = await self._store.read(path)
        if entry.fields.get("access_token") or self._is_anothers(path, entry, now):
            return False
        newest = int(entry.fields.get("claimed_fence") or 0)
        if lease.is_shared and lease.fence < newest:
            log.warning("a lease is too old to renew tokens", fence=lease.fence, newest=newest)
            return False
        fence = lease.fence if lease.is_shared else newest
        fields = {
            "claimed_by": self._owner,
            "claimed_at": at.isoformat(),
            "claimed_fence": str(fence),
        }
        try:
            self._claimed[path] = await self._store.write(path, fields, version=entry.version)
        except SecretConflict:
            return False
        return True

    async def keep(self, old: TokenPair, new: TokenPair) -> bool:
        """Store the successor of a pair; False if no store would take it now.

        The first thing done is the write: until it is done, the pair is in our memory only.
        """
        path, fields = _path(old), fields_of(new)
        if self._rescue is not None:
            self._may_hold_rescued = True
            if await _is_put(self._rescue, path, fields, 0):
                return True
        return await _is_put(self._store, path, fields, self._claimed.get(path, 0))

    async def bring_home(self) -> None:
        """Move what the rescue store took to the store, where other processes look for it.

        Raises SecretError; nothing is lost then, and the next call goes on.
        """
        if self._rescue is None or not self._may_hold_rescued:
            return
        for name in await self._rescue.names(ROTATIONS):
            path = f"{ROTATIONS}/{name}"
            rescued = (await self._rescue.read(path)).fields
            if not rescued:
                continue  # moved by another task or process a moment ago
            await _put(self._store, path, rescued, self._claimed.get(path, 0))
            await self._rescue.delete(path)
        self._may_hold_rescued = False

    def _is_anothers(self, path: str, entry: Secret, now: float) -> bool:
        """Whether another process may still be spending the pair.

        A claim counts while it is looked at without a break, so clocks that differ do no harm, and
        a holder that waited for the store as we did has the time to use it first.
        """
        owner = entry.fields.get("claimed_by")
        if not owner or owner == self._owner:
            return False
        seen = self._seen.get(path)
        is_same = seen is not None and seen.version == entry.version
        if seen is None or not is_same or now - seen.last > _BREAK_SECONDS:
            seen = _Seen(entry.version, now, now)
        self._seen[path] = seen = replace(seen, last=now)
        return now - seen.first < CLAIM_SECONDS

    async def _following(self, pair: TokenPair) -> TokenPair | None:
        for store in (self._store, self._rescue):
            if store is None:
                continue
            path = _path(pair)
            found = pair_from((await store.read(path)).fields, source=path)
            if found is not None:
                return found
        return None


async def _is_put(store: SecretStore, path: str, fields: Mapping[str, str], version: int) -> bool:
    try:
        await _put(store, path, fields, version)
    except SecretError as exc:
        log.warning("a new pair of tokens is not stored yet", store=store.place, error=str(exc))
        return False
    except Exception:  # whatever a store of ours fails with: the pair is nowhere else, so try again
        log.exception("a new pair of tokens is not stored yet", store=store.place)
        return False
    return True


async def _put(store: SecretStore, path: str, fields: Mapping[str, str], version: int) -> None:
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
