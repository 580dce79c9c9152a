"""A seed is a run: the same one draws the same plan, and together they draw everything."""

from __future__ import annotations

from checker.plan import Act, CrashPoint, Keyed, Trouble, plan_of

STEPS = [step for seed in range(1, 101) for steps in plan_of(seed).clients for step in steps]


def test_the_same_seed_draws_the_same_plan() -> None:
    assert plan_of(7) == plan_of(7) != plan_of(8)


def test_a_hundred_seeds_draw_every_act_trouble_and_crash_point() -> None:
    assert {step.act for step in STEPS} == set(Act)
    assert {step.keyed for step in STEPS} == set(Keyed)
    assert {step.trouble for step in STEPS} == set(Trouble)
    assert {step.crash for step in STEPS if step.crash} == set(CrashPoint)


def test_servers_are_stopped_only_where_a_run_has_them() -> None:
    plans = [plan_of(seed) for seed in range(1, 101)]
    for plan in plans:
        troubles = {step.trouble for steps in plan.clients for step in steps}
        assert plan.has_redis or Trouble.REDIS_AWAY not in troubles
        assert not (plan.has_postgres and Trouble.LOCKED in troubles)
    assert {(plan.has_redis, plan.has_postgres) for plan in plans} == {
        (False, False),
        (False, True),
        (True, False),
        (True, True),
    }


def test_only_orders_with_a_key_are_tried_again_or_sent_twice() -> None:
    repeated = [step for step in STEPS if step.tries > 1 or step.twice]
    assert repeated
    assert all(step.keyed is not Keyed.NOT for step in repeated)
