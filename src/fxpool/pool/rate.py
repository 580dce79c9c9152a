"""How many requests may leave in a second. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

ORDINARY_LIMIT: Final = 50.0
"""Requests a second on one connection, by the broker's documentation."""

HISTORY_LIMIT: Final = 5.0
"""The same for requests of historical data."""

_ROUNDING: Final = 1e-9
"""A token is whole up to the rounding of the times that earned it."""


@dataclass(slots=True)
class TokenBucket:
    """At most ``rate`` requests a second on average, ``burst`` at once.

    Arithmetic only: ``now`` is passed in and the caller waits. To keep under L requests in *any*
    one-second window choose burst + rate <= L; burst = L would let 2L through.
    """

    rate: float
    burst: float
    updated_at: float
    tokens: float = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    @classmethod
    def under(cls, limit: float, rate: float, now: float) -> TokenBucket:
        """Return a bucket of ``rate`` with the largest burst that stays under ``limit``.

        A rate of ``math.inf`` turns pacing off.
        """
        burst = math.inf if math.isinf(rate) else max(1.0, limit - 1.0 - rate)
        return cls(rate, burst, now)

    def wait(self, now: float, cost: float = 1.0) -> float:
        """Return the seconds until a request may leave, 0.0 if one may leave now.

        ``cost`` is in tokens, for requests that do not all cost the same.
        """
        self._earn(now)
        return 0.0 if self.tokens >= cost - _ROUNDING else (cost - self.tokens) / self.rate

    def take(self, now: float, cost: float = 1.0) -> None:
        """Spend a request's tokens; ask ``wait`` first. What cannot wait leaves a debt."""
        self._earn(now)
        self.tokens -= cost

    def _earn(self, now: float) -> None:
        elapsed = now - self.updated_at
        if elapsed > 0.0:
            self.tokens = min(self.burst, self.tokens + elapsed * self.rate)
            self.updated_at = now
