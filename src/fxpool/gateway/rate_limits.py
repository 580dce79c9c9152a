"""How often callers may call: by class, for each key and each address. Counting is ``rates``'s.

Closes and cancels have a budget of their own, so that a client's own reads never keep it from
getting out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from fxpool.domain.permissions import Operation, Principal
from fxpool.gateway.rates import Decision, RateCounters
from fxpool.platforms.base import PlatformError


class CallClass(Enum):
    """What is counted together."""

    READS = "reads"
    TRADES = "trades"
    EXITS = "exits"
    STREAMS = "streams"


CLASS_OF: Final = {
    Operation.READ: CallClass.READS,
    Operation.OPERATE: CallClass.READS,
    Operation.STREAM: CallClass.STREAMS,
    Operation.PLACE: CallClass.TRADES,
    Operation.AMEND: CallClass.TRADES,
    Operation.CLOSE: CallClass.EXITS,
    Operation.HALT: CallClass.EXITS,
}
"""Operation.OPEN is not here: health checks are answered whatever else happens."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``limit`` calls in ``window`` seconds, and as many at once."""

    limit: int
    window: float


@dataclass(frozen=True, slots=True)
class RateTable:
    """The limits: the same for each key and for each address.

    The defaults stop a loop that went wild, not a busy copier: hundreds of accounts polled every
    two seconds stay far below.
    """

    reads: Rate = Rate(30_000, 10.0)
    trades: Rate = Rate(3_000, 10.0)
    exits: Rate = Rate(10_000, 10.0)
    streams: Rate = Rate(3_000, 60.0)
    strangers: Rate = Rate(120, 60.0)

    def of(self, kind: CallClass) -> Rate:
        rate: Rate = getattr(self, kind.value)
        return rate


class RateLimits:
    """Counts calls and says which limit one breaks."""

    def __init__(self, counters: RateCounters, table: RateTable | None = None) -> None:
        self._counters, self._table = counters, table or RateTable()
        self._of = {
            operation: (kind.value, self._table.of(kind)) for operation, kind in CLASS_OF.items()
        }

    async def call(self, operation: Operation, principal: Principal, address: str) -> None:
        """Count a call. Raises PlatformError 429 that names the limit."""
        limited = self._of.get(operation)
        if limited is None:
            return
        kind, rate = limited
        for whose, name in ((principal.subject, "key"), (address, "address")):
            key = f"{kind}:{name}:{whose}"
            decision = await self._counters.take(key, rate.limit, rate.window)
            if not decision.is_allowed:
                raise _too_many(kind, name, rate, decision)

    async def stranger(self, address: str) -> PlatformError | None:
        """Count a call that nobody vouches for; return the refusal if there are too many."""
        rate = self._table.strangers
        key = f"strangers:address:{address}"
        decision = await self._counters.take(key, rate.limit, rate.window)
        return None if decision.is_allowed else _too_many("strangers", "address", rate, decision)


def _too_many(kind: str, name: str, rate: Rate, decision: Decision) -> PlatformError:
    return PlatformError(
        429,
        "RATE_LIMITED",
        f"network: too many requests: {kind} per {name}, {rate.limit} in {rate.window:g} s",
        retryable=True,
        outcome="not_executed" if kind in _TRADING else None,
        retry_after=decision.retry_after,
    )


_TRADING: Final = frozenset({CallClass.TRADES.value, CallClass.EXITS.value})
