"""When to try again after a session or an authorisation failed. Pure; chance comes as an argument.

Exponential with full jitter, so that many accounts and many processes do not come back together.

Source: Open API schema, the events that end a session, CONNECTIONS_LIMIT_EXCEEDED and
SERVER_IS_UNDER_MAINTENANCE.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from fxpool.errors import ApplicationDisconnected, FxPoolError, Maintenance, RequestRefused
from fxpool.openapi import Reaction, reaction_to

STABLE_SECONDS: Final = 60.0
"""What worked for so long is not to blame for the next failure."""

MAINTENANCE_SHORTEST: Final = 30.0
MAINTENANCE_LONGEST: Final = 6 * 3600.0
"""Bounds in seconds for the end that a broker announces; its unit is not reliable."""


@dataclass(frozen=True, slots=True)
class _Pace:
    base: float
    cap: float


_USUAL: Final = _Pace(base=0.5, cap=60.0)
_CAREFUL: Final = _Pace(base=30.0, cap=900.0)
"""After an error that trying again makes worse, or that a person has to mend."""

_TRY_CAREFULLY: Final = frozenset({"CONNECTIONS_LIMIT_EXCEEDED"})


class Backoff:
    """The pause before the next attempt at one thing."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._failures = 0

    def pause_after(self, error: FxPoolError, *, lasted: float, epoch: float) -> float:
        """Return the seconds to wait after a failure.

        ``lasted`` is how long the thing had worked before, 0.0 if it never did; ``epoch`` the
        wall clock in seconds, for announced maintenance.
        """
        if lasted >= STABLE_SECONDS:
            self._failures = 0
        pace = _pace_of(error)
        ceiling = min(pace.cap, pace.base * 2.0 ** min(self._failures, 16))
        self._failures += 1
        if isinstance(error, Maintenance) and error.maintenance_end is not None:
            announced = error.maintenance_end - epoch
            return min(MAINTENANCE_LONGEST, max(MAINTENANCE_SHORTEST, announced))
        floor = ceiling / 2.0 if pace is _CAREFUL else 0.0
        if isinstance(error, RequestRefused) and error.retry_after is not None:
            floor = max(floor, error.retry_after)
        return floor + self._random.random() * (ceiling - min(floor, ceiling))


def _pace_of(error: FxPoolError) -> _Pace:
    if isinstance(error, ApplicationDisconnected | Maintenance):
        return _CAREFUL
    if not isinstance(error, RequestRefused):
        return _USUAL
    is_fatal = reaction_to(error.code, error.text) is Reaction.FATAL
    return _CAREFUL if is_fatal or error.code in _TRY_CAREFULLY else _USUAL
