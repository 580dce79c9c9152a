"""When each pair of tokens is renewed, and when again after a failure. Pure; chance is given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from fxpool.auth.tokens import TokenPair
from fxpool.errors import FxPoolError, RequestError

RETRY_SECONDS: Final = (5.0, 30.0, 120.0, 600.0, 1800.0)
"""Pauses after failed attempts, each up to half as long again by chance."""


@dataclass(slots=True)
class _Attempts:
    """Failures to renew one pair; ``next_at`` is monotonic."""

    next_at: float = 0.0
    failures: int = 0
    is_unclear: bool = False


class RenewalSchedule:
    """Decides for pairs by their fingerprints."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._early: dict[str, float] = {}
        self._attempts: dict[str, _Attempts] = {}

    def is_due(self, pair: TokenPair, *, at: datetime, now: float, is_refused: bool) -> bool:
        """Whether to renew a pair now.

        ``is_refused`` says that the broker lets nobody in with it: that counts only for a pair
        whose end is not known. One that was killed before its end is not renewed because of it.
        """
        attempts = self._attempts.get(pair.fingerprint)
        if attempts is not None and now < attempts.next_at:
            return False
        early = self._early.setdefault(pair.fingerprint, self._random.random())
        due_at = pair.renewed_at(early)
        return is_refused if due_at is None else at >= due_at

    def failed(self, pair: TokenPair, error: FxPoolError, now: float) -> float:
        """Take a failure into account; return the seconds until the next attempt."""
        attempts = self._attempts.setdefault(pair.fingerprint, _Attempts())
        pause = self.pause(attempts.failures)
        attempts.next_at = now + pause
        attempts.failures += 1
        attempts.is_unclear |= isinstance(error, RequestError) and not error.outcome.is_certain
        return pause

    def is_unclear(self, pair: TokenPair) -> bool:
        """Whether an answer was lost, so that the pair may be spent already."""
        attempts = self._attempts.get(pair.fingerprint)
        return attempts is not None and attempts.is_unclear

    def is_failing(self, pair: TokenPair) -> bool:
        """Whether so many attempts failed that somebody should look: over a quarter of an hour."""
        attempts = self._attempts.get(pair.fingerprint)
        return attempts is not None and attempts.failures >= len(RETRY_SECONDS)

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after so many failures before the last one."""
        longest = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
        return longest * (1.0 + self._random.random() / 2)
