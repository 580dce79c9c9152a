"""The statistics and the health of several platforms as one."""

from __future__ import annotations

import pytest

from fxpool.mapping.pool_formats import Health, PoolStats, RedisStats
from fxpool.platforms.ctrader_health import pool_stats
from fxpool.platforms.several_status import joined_health, summed_stats
from fxpool.pool import PoolStats as Counters

NONE = Counters(
    links=(), sessions_created=0, reconnects=0, reused=0, in_flight=0, waiting=0, errors=0
)


def told(redis: RedisStats | None = None) -> PoolStats:
    stats = pool_stats(
        NONE,
        trades_executed=2,
        accounts=3,
        synchronized=1,
        subscriptions=0,
        uptime_seconds=5.0,
        feeds_resubscribed=0,
        feeds_revived=0,
        tickets_unknown=0,
        tickets_lost=0,
        guards_tripped=0,
        guards_unknown=0,
        profits=[],
        exits_unjournaled=0,
        orders_unreadable=0,
        alerts={"sent": 0, "failed": 0, "dropped": 0},
    )
    if redis is not None:
        stats["redis"] = redis
    return stats


def test_counters_are_added_and_the_first_part_says_how_long_it_runs() -> None:
    summed = summed_stats([told(), told()])
    assert summed["tradesExecuted"] == 4
    assert summed["accounts"] == {"total": 6, "synchronized": 2}
    assert summed["uptimeSeconds"] == 5.0
    assert "redis" not in summed


@pytest.mark.parametrize("order", [1, -1])
def test_redis_is_told_where_only_one_part_has_it(order: int) -> None:
    redis = RedisStats(up=True, eventsWaiting=1, eventsLost=2)
    assert summed_stats([told(), told(redis)][::order])["redis"] == redis


def test_redis_is_up_where_all_parts_reach_theirs() -> None:
    parts = [
        told(RedisStats(up=True, eventsWaiting=1, eventsLost=2)),
        told(RedisStats(up=False, eventsWaiting=3, eventsLost=0)),
    ]
    assert summed_stats(parts)["redis"] == RedisStats(up=False, eventsWaiting=4, eventsLost=2)


def healthy(checks: dict[str, str]) -> Health:
    return Health(
        status="healthy",
        service="of the test",
        version="1",
        timestamp="2026-03-02T09:30:00.000Z",
        simulated=False,
        stats={},
        checks=checks,
        accounts={},
        details={},
    )


@pytest.mark.parametrize("order", [1, -1])
def test_a_check_that_fails_in_one_part_is_not_hidden_by_that_of_another(order: int) -> None:
    parts = [
        healthy({"tickets": "up", "ctrader.demo": "reconnecting"}),
        healthy({"tickets": "down: the database is locked", "metaapi.cloud": "up"}),
    ]
    assert joined_health(parts[::order], 0)["checks"] == {
        "tickets": "down: the database is locked",
        "ctrader.demo": "reconnecting",
        "metaapi.cloud": "up",
    }
