"""Alert suppression, contract 15.4: it counts, it never blocks."""

from __future__ import annotations

import pytest

from fxpool.client.issues import (
    COOLDOWN_SECONDS,
    STREAK_SECONDS,
    ConnectionIssue,
    ConnectionIssues,
)
from fxpool.platforms.base import PlatformError
from harness.clock import ManualClock

ACCOUNT = "0f6c2d1e-77aa-4c11"


class Desk:
    """Issues on a clock that a test moves, and what was told of them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[ConnectionIssue] = []
        self.issues = ConnectionIssues(
            self.told.append, clock=self.clock, nickname_of=lambda account: "Signals"
        )

    def fail(self, times: int, account: str = ACCOUNT) -> None:
        for _ in range(times):
            self.issues.failed(account)


def test_the_third_failure_in_a_row_is_told() -> None:
    """Contract 15.4, alert: at 3 consecutive failures, and its text."""
    desk = Desk()
    desk.fail(2)
    assert desk.told == []
    desk.fail(1)
    (issue,) = desk.told
    assert (issue.account, issue.nickname, issue.failures) == (ACCOUNT, "Signals", 3)
    assert issue.text == (
        f"Connection issue on Signals ({ACCOUNT}): 3 failures in a row. Operations continue; "
        "the next alert is possible at 2026-01-05T09:05:00.000Z"
    )


def test_a_success_resets_the_count() -> None:
    """Contract 15.4, success."""
    desk = Desk()
    desk.fail(2)
    desk.issues.succeeded(ACCOUNT)
    assert desk.issues.status() == []
    desk.fail(2)
    assert desk.told == []


def test_a_late_failure_begins_a_new_count() -> None:
    """Contract 15.4, failure: +1, and 1 again after 30 s."""
    desk = Desk()
    desk.fail(2)
    desk.clock.advance(STREAK_SECONDS + 1)
    desk.fail(1)
    assert desk.issues.status()[0]["failures"] == 1
    assert desk.told == []


def test_an_account_is_told_of_once_in_five_minutes() -> None:
    """Contract 15.4, alert: at most one per account in 5 min; shouldSuppressAlert."""
    desk = Desk()
    desk.fail(3)
    assert desk.issues.suppresses(ACCOUNT)
    desk.issues.succeeded(ACCOUNT)
    desk.fail(5)
    assert len(desk.told) == 1
    desk.fail(3, "another")
    assert len(desk.told) == 2, "accounts do not silence each other"
    desk.clock.advance(COOLDOWN_SECONDS)
    assert not desk.issues.suppresses(ACCOUNT)
    desk.fail(3)
    assert len(desk.told) == 3


def test_the_status_lists_accounts_with_failures() -> None:
    """Contract 15.4, getCircuitBreakerStatus."""
    desk = Desk()
    desk.fail(3)
    desk.clock.advance(60)
    desk.issues.succeeded("another")
    assert desk.issues.status() == [
        {
            "accountId": "0f6c2d1e",
            "failures": 3,
            "lastFailure": "2026-01-05T09:00:00.000Z",
            "alertSuppressed": True,
            "alertCooldownSeconds": 240.0,
        }
    ]


@pytest.mark.parametrize(
    ("status", "code", "detail", "counts"),
    [
        (503, "NOT_READY", "network: alpha is reconnecting", True),
        (504, "POOL_TIMEOUT", "timeout: no response from the pool", True),
        (503, "POOL_UNREACHABLE", "Pool service not running (connection refused, network)", False),
        (503, "HTTP_503", "starting", False),
        (503, "NOT_READY", "network: alpha is synchronising", False),
        (503, "ROUTING_UNREADABLE", "network: the routing file", False),
        (501, "NOT_SUPPORTED", "not supported: bars", False),
        (404, "ACCOUNT_NOT_FOUND", "Account not found", False),
    ],
)
def test_what_counts_is_a_platform_that_could_not_work(
    status: int, code: str, detail: str, counts: bool
) -> None:
    """Contract 15.4, not counted."""
    desk = Desk()
    desk.issues.judge(ACCOUNT, PlatformError(status, code, detail))
    assert bool(desk.issues.status()) is counts
