"""The word for the pool's health."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fxpool.account import AccountState, Phase
from fxpool.platforms.ctrader_health import link_checks, pool_stats
from fxpool.platforms.health_words import STARTING_SECONDS, account_words, part_checks, status_word
from fxpool.pool import Environment, LinkStats, PoolStats

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def state(phase: Phase) -> AccountState:
    return AccountState(phase, "because", NOW)


def word(*phases: Phase, ever_live: bool = False, uptime: float = 1.0) -> str:
    return status_word(map(state, phases), ever_live=ever_live, uptime_seconds=uptime)


def test_all_accounts_live_is_healthy_and_so_is_none_configured() -> None:
    assert word(Phase.LIVE, Phase.LIVE) == "healthy"
    assert word() == "healthy"


@pytest.mark.parametrize("phase", [Phase.CONFIGURED, Phase.AUTHORISING, Phase.SYNCHRONISING])
def test_the_first_synchronisation_is_starting_for_a_bounded_time(phase: Phase) -> None:
    assert word(Phase.LIVE, phase) == "starting"
    assert word(phase) == "starting"
    assert word(Phase.LIVE, phase, uptime=STARTING_SECONDS) == "degraded"
    assert word(phase, uptime=STARTING_SECONDS) == "unhealthy"


@pytest.mark.parametrize(
    "phase", [Phase.RECONNECTING, Phase.STALE, Phase.REFUSED, Phase.NEEDS_CONSENT]
)
def test_an_account_that_is_not_live_degrades_and_none_is_unhealthy(phase: Phase) -> None:
    assert word(Phase.LIVE, phase) == "degraded"
    assert word(phase) == "unhealthy"


def test_an_account_that_was_live_is_not_starting_when_it_synchronises_again() -> None:
    assert word(Phase.LIVE, Phase.SYNCHRONISING, ever_live=True) == "degraded"


def test_a_part_that_does_not_work_degrades_a_pool_whose_accounts_are_live() -> None:
    said = part_checks({"journal": "disk full", "tokens": None})
    assert said == {"journal": "down: disk full", "tokens": "up"}
    live = [state(Phase.LIVE)]
    assert status_word(live, ever_live=True, uptime_seconds=1.0, is_impaired=True) == "degraded"


def test_accounts_are_told_in_one_word() -> None:
    states = {"alpha": state(Phase.LIVE), "beta": state(Phase.NEEDS_CONSENT)}
    assert account_words(states) == {"alpha": "synchronized", "beta": "needs_consent"}


def stats(*connected: bool, error: str | None = None) -> PoolStats:
    links = tuple(
        LinkStats(Environment.DEMO, is_connected, NOW, 1, error, accounts=2, authorised=2)
        for is_connected in connected
    )
    return PoolStats(
        sessions_created=2, reconnects=1, reused=98, in_flight=0, waiting=0, errors=3, links=links
    )


def test_links_are_checked_per_environment_in_use() -> None:
    demo = [Environment.DEMO]
    assert link_checks(stats(True, True), demo) == {"ctrader.demo": "up"}
    assert link_checks(stats(True, False), demo) == {"ctrader.demo": "partly up"}
    assert link_checks(stats(False), demo) == {"ctrader.demo": "reconnecting"}
    assert link_checks(stats(), [Environment.LIVE]) == {
        "ctrader.live": "not opened: no account asks for it"
    }


def test_a_link_that_is_down_says_why() -> None:
    demo = [Environment.DEMO]
    none, some = stats(False, error="refused"), stats(True, False, error="refused")
    assert link_checks(none, demo) == {"ctrader.demo": "reconnecting: refused"}
    assert link_checks(some, demo) == {"ctrader.demo": "partly up: refused"}


def test_the_reuse_ratio_counts_requests_on_open_sessions() -> None:
    told = pool_stats(
        stats(True, False),
        trades_executed=4,
        accounts=2,
        synchronized=1,
        subscriptions=9,
        uptime_seconds=1.23456,
        feeds_resubscribed=3,
        feeds_revived=1,
        tickets_unknown=0,
        tickets_lost=0,
        guards_tripped=0,
        guards_unknown=0,
        profits=[],
        exits_unjournaled=0,
        orders_unreadable=0,
        alerts={"sent": 0, "failed": 0, "dropped": 0},
    )
    assert told["reuse_ratio"] == 0.98
    assert told["activeConnections"] == 1
    assert told["accounts"] == {"total": 2, "synchronized": 1}
    assert told["links"][0]["since"] == "2026-03-02T00:00:00.000Z"
    assert told["links"][0]["reconnects"] == 1
