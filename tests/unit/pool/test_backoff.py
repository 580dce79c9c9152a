from __future__ import annotations

from random import Random

import pytest

from fxpool.errors import (
    ApplicationDisconnected,
    AuthRefused,
    ConnectFailed,
    FxPoolError,
    LinkLost,
    Maintenance,
    RequestRefused,
)
from fxpool.pool.backoff import Backoff

EPOCH = 1_767_603_600.0


class Highest(Random):
    """Chance that always draws the top of the range."""

    def random(self) -> float:
        return 1.0


def pauses(error: FxPoolError, times: int, random: Random | None = None) -> list[float]:
    backoff = Backoff(random or Highest())
    return [backoff.pause_after(error, lasted=0.0, epoch=EPOCH) for _ in range(times)]


def test_the_ceiling_doubles_up_to_a_minute() -> None:
    ceilings = pauses(ConnectFailed("no"), 12)
    assert ceilings[:4] == [0.5, 1.0, 2.0, 4.0]
    assert ceilings[-1] == 60.0


def test_the_jitter_covers_the_whole_range() -> None:
    drawn = pauses(LinkLost("cut"), 200, Random(3))[20:]
    assert min(drawn) < 5.0
    assert max(drawn) > 55.0


def test_what_worked_for_a_while_starts_afresh() -> None:
    backoff = Backoff(Highest())
    for _ in range(5):
        backoff.pause_after(LinkLost("cut"), lasted=1.0, epoch=EPOCH)
    assert backoff.pause_after(LinkLost("cut"), lasted=61.0, epoch=EPOCH) == 0.5


@pytest.mark.parametrize(
    "error",
    [
        ApplicationDisconnected("blocked"),
        RequestRefused("CONNECTIONS_LIMIT_EXCEEDED"),
        AuthRefused("CH_CLIENT_AUTH_FAILURE"),
        Maintenance("SERVER_IS_UNDER_MAINTENANCE"),
    ],
)
def test_errors_that_haste_makes_worse_wait_long_from_the_start(error: FxPoolError) -> None:
    backoff = Backoff(Random(1))
    first = backoff.pause_after(error, lasted=0.0, epoch=EPOCH)
    assert 15.0 <= first <= 30.0
    for _ in range(9):
        assert backoff.pause_after(error, lasted=0.0, epoch=EPOCH) >= 15.0


def test_an_account_that_lost_its_session_is_not_among_them() -> None:
    assert pauses(AuthRefused("ACCOUNT_NOT_AUTHORIZED"), 1) == [0.5]


@pytest.mark.parametrize(
    ("ends_in", "pause"), [(600.0, 600.0), (-5.0, 30.0), (1.0, 30.0), (1e6, 6 * 3600.0)]
)
def test_announced_maintenance_is_waited_for_within_bounds(ends_in: float, pause: float) -> None:
    error = Maintenance("SERVER_IS_UNDER_MAINTENANCE", maintenance_end=EPOCH + ends_in)
    assert pauses(error, 1) == [pause]


def test_a_hint_of_the_broker_is_the_least_wait() -> None:
    assert pauses(RequestRefused("BLOCKED_PAYLOAD_TYPE", retry_after=7.0), 1)[0] >= 7.0
