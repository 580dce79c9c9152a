"""How many requests a connection may send in a second. Pure: ``now`` is an argument."""

from __future__ import annotations

from collections import deque

from fxpool.openapi import HISTORICAL_REQUESTS
from fxpool.simulator.profile import Profile, RateError
from fxpool.simulator.refusal import Carrier, Refusal

_WINDOW_SECONDS = 1.0


class RateLimit:
    """Counts one connection's requests in a sliding second; the excess is refused (SW-15)."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._ordinary: deque[float] = deque()
        self._historical: deque[float] = deque()
        self._blocked_until: dict[int, float] = {}

    def admit(self, payload_type: int, now: float) -> None:
        """Count a request. Raises Refusal where it is beyond the rate, or its type is blocked."""
        is_historical = payload_type in HISTORICAL_REQUESTS
        profile = self._profile
        limit = profile.history_per_second if is_historical else profile.requests_per_second
        if limit is None:
            return
        if now < self._blocked_until.get(payload_type, now):
            raise self._refusal()
        times = self._historical if is_historical else self._ordinary
        while times and times[0] <= now - _WINDOW_SECONDS:
            times.popleft()
        if len(times) >= limit:
            self._blocked_until[payload_type] = now + profile.hold_seconds
            raise self._refusal()
        times.append(now)

    def _refusal(self) -> Refusal:
        error, text = self._profile.rate_error, "You have reached the rate limit of requests"
        if error is RateError.FREQUENCY_EXCEEDED:
            return Refusal("REQUEST_FREQUENCY_EXCEEDED", text, carrier=Carrier.ERROR_RES)
        hint = self._profile.hold_seconds if error is RateError.BLOCKED_WITH_HINT else None
        return Refusal("BLOCKED_PAYLOAD_TYPE", text, carrier=Carrier.ERROR_RES, retry_after=hint)
