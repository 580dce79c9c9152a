"""Placement never breaks a limit, never moves an account and never mixes environments."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fxpool.pool.channel import Environment
from fxpool.pool.limits import PoolLimits
from fxpool.pool.placement import SessionLoad, plan

accounts = st.dictionaries(st.integers(1, 40), st.sampled_from(Environment), max_size=30)


@given(accounts, accounts, st.integers(1, 5), st.integers(1, 6))
def test_a_plan_respects_every_limit(
    first: dict[int, Environment], more: dict[int, Environment], room: int, sessions: int
) -> None:
    limits = PoolLimits(accounts_per_session=room, sessions=sessions)
    before = plan([], first, limits)
    environments = dict(before.open)
    loads = [
        SessionLoad(key, environment, frozenset(a for a, at in before.assign.items() if at == key))
        for key, environment in before.open
    ]
    wanted = {**more, **first}
    after = plan(loads, wanted, limits)

    environments |= dict(after.open)
    placed = {**before.assign, **after.assign}
    assert not before.assign.keys() & after.assign.keys()
    assert placed.keys() | set(after.unplaced) == wanted.keys()
    assert all(environments[key] is wanted[account] for account, key in placed.items())
    assert all(count <= room for count in Counter(placed.values()).values())
    assert len(environments) <= sessions
    assert not set(after.close) & set(placed.values())
