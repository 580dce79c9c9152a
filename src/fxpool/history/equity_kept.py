"""Where what was seen of accounts' equity is kept: the seam, and one in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from fxpool.domain.equity import EquityBucket


class EquityStore(Protocol):
    """Keeps buckets of equity. ``account`` is a name that never changes."""

    async def load(self, account: str, *, since_ms: int = 0) -> list[EquityBucket]:
        """Return the buckets of an account that begin at or after an instant, oldest first."""
        ...

    async def save(self, buckets: Mapping[str, Sequence[EquityBucket]]) -> None:
        """Keep buckets by account, in place of earlier states of them; all or none."""
        ...

    async def thin(self, account: str, now_ms: int) -> None:
        """Join what is old enough into longer buckets."""
        ...

    async def close(self) -> None:
        """Let go of what it holds; nothing is asked of it after that."""
        ...


class MemoryEquity:
    """Keeps equity for as long as it lives itself, at most ``most`` buckets of an account."""

    def __init__(self, most: int = 2880) -> None:
        self._most = most
        self._accounts: dict[str, dict[int, EquityBucket]] = {}

    async def load(self, account: str, *, since_ms: int = 0) -> list[EquityBucket]:
        kept = self._accounts.get(account, {})
        return [bucket for begin_ms, bucket in sorted(kept.items()) if begin_ms >= since_ms]

    async def save(self, buckets: Mapping[str, Sequence[EquityBucket]]) -> None:
        for account, of_account in buckets.items():
            kept = self._accounts.setdefault(account, {})
            kept |= {bucket.begin_ms: bucket for bucket in of_account}
            for begin_ms in sorted(kept)[: -self._most]:
                del kept[begin_ms]

    async def thin(self, account: str, now_ms: int) -> None:
        """Nothing: it forgets the oldest instead."""

    async def close(self) -> None:
        self._accounts.clear()
