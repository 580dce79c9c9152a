"""Which session serves which account. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fxpool.pool.channel import Environment
from fxpool.pool.limits import PoolLimits


@dataclass(frozen=True, slots=True)
class SessionLoad:
    """What placement knows of a session.

    Attributes:
        key: its number in the pool; larger is younger.
        accounts: the ids of the accounts that it serves.
    """

    key: int
    environment: Environment
    accounts: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: first open, then assign, then close.

    Attributes:
        open: key and environment of sessions to open.
        assign: session key by account id, for accounts that no session serves.
        close: keys of sessions that nobody needs.
        unplaced: accounts for which there is no room within the limits.
    """

    open: tuple[tuple[int, Environment], ...] = ()
    assign: Mapping[int, int] = field(default_factory=dict)
    close: tuple[int, ...] = ()
    unplaced: tuple[int, ...] = ()


def plan(
    sessions: Sequence[SessionLoad], seats: Mapping[int, Environment], limits: PoolLimits
) -> Plan:
    """Return how to serve ``seats`` (environment by account id) with the fewest changes.

    An account stays where it is. A new one goes to the session of its environment with the fewest
    accounts; another session is opened when all are full. A session without accounts is kept as
    long as it is the only one of its environment: requests that need no account use it.
    """
    served = {account for session in sessions for account in session.accounts}
    loads = {session.key: len(session.accounts) for session in sessions}
    environments = {session.key: session.environment for session in sessions}
    opened: list[tuple[int, Environment]] = []
    assign: dict[int, int] = {}
    unplaced: list[int] = []
    for account, environment in seats.items():
        if account in served:
            continue
        key = _emptiest(loads, environments, environment, limits.accounts_per_session)
        if key is None and len(loads) < limits.sessions:
            key = max(loads, default=0) + 1
            opened.append((key, environment))
            loads[key], environments[key] = 0, environment
        if key is None:
            unplaced.append(account)
            continue
        loads[key] += 1
        assign[account] = key
    close = _needless(loads, environments)
    return Plan(tuple(opened), assign, close, tuple(unplaced))


def _emptiest(
    loads: Mapping[int, int],
    environments: Mapping[int, Environment],
    environment: Environment,
    room: int,
) -> int | None:
    candidates = [key for key in loads if environments[key] is environment and loads[key] < room]
    return min(candidates, key=lambda key: (loads[key], key), default=None)


def _needless(loads: Mapping[int, int], environments: Mapping[int, Environment]) -> tuple[int, ...]:
    needless: list[int] = []
    for environment in Environment:
        keys = [key for key in sorted(loads) if environments[key] is environment]
        empty = [key for key in keys if not loads[key]]
        needless += empty[1:] if len(empty) == len(keys) else empty
    return tuple(needless)
