"""How many requests may be sent in a second, and how much history in minutes.

Pure: ``now`` is an argument.
"""

from __future__ import annotations

from collections import deque

from fxpool.openapi import HISTORICAL_REQUESTS
from fxpool.simulator.profile import Profile, RateError
from fxpool.simulator.refusal import Carrier, Refusal
from fxpool.simulator.switches import HistoricalSet, RateScope

_WINDOW_SECONDS = 1.0

_ORDERS, _CASH_FLOW, _DEALS = {2175, 2183}, {2143}, {2133, 2179}

_HISTORICAL = {
    HistoricalSet.ALL: HISTORICAL_REQUESTS,
    HistoricalSet.WITHOUT_ORDERS: HISTORICAL_REQUESTS - _ORDERS,
    HistoricalSet.BARS_TICKS_DEALS: HISTORICAL_REQUESTS - _ORDERS - _CASH_FLOW,
    HistoricalSet.BARS_TICKS: HISTORICAL_REQUESTS - _ORDERS - _CASH_FLOW - _DEALS,
}


class RateLimit:
    """Counts requests in a sliding second; the excess is refused (SW-15)."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._historical_types = _HISTORICAL[profile.historical_set]
        self._ordinary: deque[float] = deque()
        self._historical: deque[float] = deque()
        self._quota: deque[float] = deque()
        self._quota_spent_until = 0.0
        self._blocked_until: dict[int, float] = {}

    def admit(self, payload_type: int, now: float) -> None:
        """Count a request. Raises Refusal where it is beyond the rate, or its type is blocked."""
        is_historical = payload_type in self._historical_types
        profile = self._profile
        if is_historical:
            self._check_quota(now)
        limit = profile.history_per_second if is_historical else profile.requests_per_second
        if limit is not None:
            times = self._historical if is_historical else self._ordinary
            self._check_rate(payload_type, times, limit, now)
            times.append(now)
        if is_historical:
            self._quota.append(now)

    def has_room(self, payload_type: int, now: float) -> bool:
        """Return whether a request would be admitted; nothing is counted."""
        is_historical = payload_type in self._historical_types
        profile = self._profile
        limit = profile.history_per_second if is_historical else profile.requests_per_second
        times = self._historical if is_historical else self._ordinary
        return limit is None or sum(one > now - _WINDOW_SECONDS for one in times) < limit

    def _check_rate(self, payload_type: int, times: deque[float], limit: int, now: float) -> None:
        if now < self._blocked_until.get(payload_type, now):
            raise self._refusal()
        _forget_before(times, now - _WINDOW_SECONDS)
        if len(times) >= limit:
            if not self._profile.queues_excess:
                self._blocked_until[payload_type] = now + self._profile.hold_seconds
            raise self._refusal()

    def _check_quota(self, now: float) -> None:
        """Keep the slow quota of history; its hint is that of the short pacing (SW-16)."""
        quota = self._profile.history_quota
        if quota is None:
            return
        if now < self._quota_spent_until:
            raise self._refusal()
        _forget_before(self._quota, now - self._profile.history_quota_window)
        if len(self._quota) >= quota:
            self._quota.clear()
            self._quota_spent_until = now + self._profile.history_quota_hold
            raise self._refusal()

    def _refusal(self) -> Refusal:
        error, text = self._profile.rate_error, "You have reached the rate limit of requests"
        if error is RateError.FREQUENCY_EXCEEDED:
            return Refusal("REQUEST_FREQUENCY_EXCEEDED", text, carrier=Carrier.ERROR_RES)
        hint = self._profile.hold_seconds if error is RateError.BLOCKED_WITH_HINT else None
        return Refusal("BLOCKED_PAYLOAD_TYPE", text, carrier=Carrier.ERROR_RES, retry_after=hint)


class SharedLimits:
    """Which limit a request counts against: its connection's, the application's, the account's."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._of_application = RateLimit(profile)
        self._of_account: dict[int, RateLimit] = {}

    def limit(self, of_connection: RateLimit, account_id: int) -> RateLimit:
        """Return the limit of a request (SW-13); 0 is a request that names no account."""
        scope = self._profile.rate_scope
        if scope is RateScope.APPLICATION:
            return self._of_application
        if scope is RateScope.ACCOUNT and account_id:
            return self._of_account.setdefault(account_id, RateLimit(self._profile))
        return of_connection


def _forget_before(times: deque[float], oldest: float) -> None:
    while times and times[0] <= oldest:
        times.popleft()
