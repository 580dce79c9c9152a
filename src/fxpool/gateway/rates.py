"""Counters behind our own rate limits: the seam, and the counters of one process.

A limit is ``limit`` calls in any ``window`` seconds on average, and as many at once. Which limits
there are and whom they count is ``rate_limits``'s; this only counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

_SWEEP_AT: Final = 10_000
"""So many keys are kept before those that count nothing any more are dropped."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the counters say of one call.

    Attributes:
        retry_after: seconds until the same call would be allowed; 0 if it is.
    """

    is_allowed: bool
    retry_after: float = 0.0


ALLOWED: Final = Decision(is_allowed=True)


class RateCounters(Protocol):
    """Counts calls per key. Several processes may share one set of counters."""

    async def take(self, key: str, limit: int, window: float) -> Decision:
        """Count one call under ``key`` if it is within ``limit`` calls per ``window`` seconds.

        A call that is not allowed is not counted. Raises nothing: counters that cannot be reached
        count in this process instead.
        """
        ...


class ProcessCounters:
    """Counts in this process: for each key the time at which its debt is paid.

    Source: the generic cell rate algorithm (ITU-T I.371), which is one number per key.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """``now`` returns monotonic seconds."""
        self._now = now
        self._paid_at: dict[str, float] = {}

    async def take(self, key: str, limit: int, window: float) -> Decision:
        now = self._now()
        paid_at = max(self._paid_at.get(key, now), now) + window / limit
        wait = paid_at - window - now
        if wait > 0:
            return Decision(is_allowed=False, retry_after=wait)
        if key not in self._paid_at and len(self._paid_at) >= _SWEEP_AT:
            self._sweep(now)
        self._paid_at[key] = paid_at
        return ALLOWED

    def _sweep(self, now: float) -> None:
        """Forget the keys without debt, and of a flood of new keys the older half."""
        indebted = [(key, at) for key, at in self._paid_at.items() if at > now]
        self._paid_at = dict(indebted[-_SWEEP_AT // 2 :])
