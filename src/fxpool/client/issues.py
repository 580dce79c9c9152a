"""Connection issues by account: counted, told when they last, never a reason not to try. Pure.

Requests are always sent, whatever is counted here; only the telling is held back. Time is the
clock's, and whoever is told is an argument.

Source: the older client's alert suppression.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypedDict

from fxpool.clock import Clock
from fxpool.mapping.instants import iso
from fxpool.platforms.base import PlatformError

ALERT_AT: Final = 3
"""Failures in a row after which an alert is told."""

STREAK_SECONDS: Final = 30.0
"""A failure that comes later than this after the one before begins a new count."""

COOLDOWN_SECONDS: Final = 300.0
"""At most one alert per account in this time."""

_SERVER_ERRORS: Final = 500
_NOT_COUNTED: Final = frozenset({"ROUTING_UNREADABLE", "PLATFORM_NOT_CONFIGURED", "NOT_SUPPORTED"})
"""Nobody was asked."""

_STARTING: Final = ("starting", "synchronising", "authorising")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionIssue:
    """What a person is told: an account's calls fail.

    Attributes:
        account: the name that the program used.
        next_alert_at: before this, no other issue of the account is told.
    """

    account: str
    nickname: str
    failures: int
    text: str
    next_alert_at: datetime


class Notifier(Protocol):
    """Brings issues to people; opened and closed with the client."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def tell(self, issue: ConnectionIssue) -> None:
        """Take an issue. Never waits, never raises."""
        ...


class LogNotifier:
    """Writes issues to the log."""

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    def tell(self, issue: ConnectionIssue) -> None:
        log.warning("%s", issue.text)


class IssueStatus(TypedDict):
    """How one account stands; ``accountId`` are its first eight characters."""

    accountId: str
    failures: int
    lastFailure: str
    alertSuppressed: bool
    alertCooldownSeconds: float


@dataclass(slots=True)
class _Count:
    failures: int = 0
    failed_at: float = 0.0
    failed_time: datetime | None = None
    alerted_at: float | None = None


class ConnectionIssues:
    """The counts of all accounts of one client."""

    def __init__(
        self,
        tell: Callable[[ConnectionIssue], None],
        *,
        clock: Clock,
        nickname_of: Callable[[str], str],
    ) -> None:
        self._tell, self._clock, self.nickname_of = tell, clock, nickname_of
        self._counts: dict[str, _Count] = {}

    def succeeded(self, account: str) -> None:
        """End the account's row of failures."""
        count = self._counts.get(account)
        if count is not None:
            count.failures, count.failed_time = 0, None

    def failed(self, account: str) -> None:
        """Count a failure; the third in a row is told, if none was lately."""
        now = self._clock.now()
        count = self._counts.setdefault(account, _Count())
        if now - count.failed_at > STREAK_SECONDS:
            count.failures = 0
        count.failures += 1
        count.failed_at, count.failed_time = now, self._clock.at()
        if count.failures >= ALERT_AT:
            self.alert(account)

    def judge(self, account: str, error: PlatformError) -> None:
        """Count an error if it says that the platform could not do its work."""
        if error.status < _SERVER_ERRORS or error.code in _NOT_COUNTED or _is_restart(error):
            return
        self.failed(account)

    def alert(self, account: str) -> bool:
        """Tell of an account's failures, unless that was done lately; whether it was told."""
        if self.suppresses(account):
            return False
        count = self._counts.setdefault(account, _Count())
        count.alerted_at = self._clock.now()
        again_at = self._clock.at() + timedelta(seconds=COOLDOWN_SECONDS)
        nickname = self.nickname_of(account)
        text = (
            f"Connection issue on {nickname} ({account}): {count.failures} failures in a row. "
            f"Operations continue; the next alert is possible at {iso(again_at)}"
        )
        self._tell(ConnectionIssue(account, nickname, count.failures, text, again_at))
        return True

    def suppresses(self, account: str) -> bool:
        """Whether an alert of this account is held back now."""
        return self._cooldown(account) > 0

    def status(self) -> list[IssueStatus]:
        """Return the accounts that have failures."""
        return [
            IssueStatus(
                accountId=account[:8],
                failures=count.failures,
                lastFailure=iso(count.failed_time),
                alertSuppressed=self.suppresses(account),
                alertCooldownSeconds=round(self._cooldown(account), 3),
            )
            for account, count in self._counts.items()
            if count.failures and count.failed_time is not None
        ]

    def _cooldown(self, account: str) -> float:
        count = self._counts.get(account)
        if count is None or count.alerted_at is None:
            return 0.0
        return max(0.0, count.alerted_at + COOLDOWN_SECONDS - self._clock.now())


def _is_restart(error: PlatformError) -> bool:
    """Whether a pool is just restarting: it refuses connections, then says that it starts."""
    text = error.detail.lower()
    return "connection refused" in text or any(word in text for word in _STARTING)
