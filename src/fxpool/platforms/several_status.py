"""The health and the numbers of several platforms as one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from fxpool.mapping import pool_formats

SERVICE: Final = "fxpool Connection Pool"


def summed_stats(parts: Sequence[pool_formats.PoolStats]) -> pool_formats.PoolStats:
    """Return the sums over at least one part; the first is added to in place."""
    first, *rest = parts
    for stats in rest:
        for name, value in stats.items():
            if name in ("uptimeSeconds", "redis"):
                continue
            known = first[name]  # type: ignore[literal-required] # the same shape's own names
            if isinstance(value, dict):
                sums = {key: known.get(key, 0) + value.get(key, 0) for key in known | value}
                first[name] = sums  # type: ignore[literal-required] # the same
            else:
                first[name] = known + value  # type: ignore[literal-required] # the same
    if told := [stats["redis"] for stats in parts if "redis" in stats]:
        first["redis"] = pool_formats.RedisStats(
            up=all(redis["up"] for redis in told),
            eventsWaiting=sum(redis["eventsWaiting"] for redis in told),
            eventsLost=sum(redis["eventsLost"] for redis in told),
        )
    used = first["connectionsCreated"] + first["connectionsReused"]
    first["reuse_ratio"] = round(first["connectionsReused"] / used, 4) if used else 0.0
    return first


def joined_health(parts: Sequence[pool_formats.Health], unreachable: int) -> pool_formats.Health:
    """Return the health of at least one part that answered; ``unreachable`` is how many did not.

    Healthy if all are, unhealthy if all are.
    """
    words = [part["status"] for part in parts if part["accounts"]]
    words += ["unhealthy"] * unreachable
    return pool_formats.Health(
        status=_together(words),
        service=parts[0]["service"] if len(parts) + unreachable == 1 else SERVICE,
        version=parts[0]["version"],
        timestamp=parts[0]["timestamp"],
        simulated=any(part["simulated"] for part in parts),
        stats=_sums([part["stats"] for part in parts]),
        checks=_worst([part["checks"] for part in parts]),
        accounts={key: word for part in parts for key, word in part["accounts"].items()},
        details={key: row for part in parts for key, row in part["details"].items()},
    )


def _worst(checks: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the checks of all parts; where several have one of a name, that of one that fails."""
    worst: dict[str, str] = {}
    for each in checks:
        worst |= {name: word for name, word in each.items() if worst.get(name, "up") == "up"}
    return worst


def _sums(counters: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counters:
        total.update(each)
    return dict(total)


def _together(words: Sequence[str]) -> str:
    """Return one word for the health of several parts that have accounts."""
    kinds = set(words)
    if not kinds:
        return "healthy"
    if len(kinds) == 1:
        return words[0]
    return "starting" if kinds == {"healthy", "starting"} else "degraded"
