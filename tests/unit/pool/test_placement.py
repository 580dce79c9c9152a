from __future__ import annotations

from fxpool.pool.channel import Environment
from fxpool.pool.limits import PoolLimits
from fxpool.pool.placement import Plan, SessionLoad, plan

DEMO, LIVE = Environment.DEMO, Environment.LIVE
LIMITS = PoolLimits(accounts_per_session=2, sessions=3)


def load(key: int, environment: Environment, *accounts: int) -> SessionLoad:
    return SessionLoad(key, environment, frozenset(accounts))


def test_the_first_account_opens_a_session_of_its_environment() -> None:
    assert plan([], {1: LIVE}, LIMITS) == Plan(open=((1, LIVE),), assign={1: 1})


def test_an_account_joins_the_emptiest_session_of_its_environment() -> None:
    sessions = [load(1, DEMO, 1), load(2, DEMO), load(3, LIVE)]
    assert plan(sessions, {5: DEMO}, LIMITS).assign == {5: 2}


def test_an_account_that_is_served_stays_where_it_is() -> None:
    assert plan([load(1, DEMO, 1), load(2, DEMO, 2)], {1: DEMO}, LIMITS) == Plan()


def test_another_session_is_opened_when_all_are_full() -> None:
    placed = plan([load(1, DEMO, 1, 2)], {3: DEMO, 4: DEMO, 5: DEMO}, LIMITS)
    assert placed.open == ((2, DEMO), (3, DEMO))
    assert placed.assign == {3: 2, 4: 2, 5: 3}


def test_an_account_without_room_stays_unplaced() -> None:
    sessions = [load(1, DEMO, 1, 2), load(2, DEMO, 3, 4), load(3, LIVE, 5)]
    placed = plan(sessions, {6: DEMO, 7: LIVE}, LIMITS)
    assert placed.unplaced == (6,)
    assert placed.assign == {7: 3}


def test_empty_sessions_close_except_the_last_one_of_an_environment() -> None:
    assert plan([load(1, DEMO, 1), load(2, DEMO)], {}, LIMITS).close == (2,)
    assert plan([load(1, DEMO), load(2, DEMO), load(3, LIVE)], {}, LIMITS).close == (2,)
