"""Some seeds of the checker, every crash point, what old copiers do; ``make soak`` runs more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from checker.history import Outcome
from checker.plan import Act, CrashPoint, Keyed, Plan, Step, Trouble, killing, plan_of
from checker.run import Report, run

AT_ONCE = 12
PLANS = [plan_of(seed) for seed in range(1, 25)]
ON_SERVERS = [plan for plan in PLANS if plan.has_redis or plan.has_postgres]
ON_FILES = [plan for plan in PLANS if plan not in ON_SERVERS]

BUY = Step(act=Act.MARKET, gateway=0, pick=0.1, hundredths=3, is_buy=True)
CLOSE = replace(BUY, act=Act.CLOSE)


async def run_all(plans: Sequence[Plan], folder: Path) -> list[Report]:
    """Run plans side by side, in folders of their own."""
    gate = asyncio.Semaphore(AT_ONCE)
    certificates = folder / "ca"
    certificates.mkdir()

    async def one(plan: Plan) -> Report:
        async with gate:
            place = folder / str(plan.seed)
            place.mkdir()
            return await run(plan, place, certificates=certificates)

    return list(await asyncio.gather(*map(one, plans)))


def assert_kept(reports: Sequence[Report]) -> None:
    broken = [str(report) + report.logs for report in reports if report.found]
    assert not broken, "\n".join(broken)


@pytest.mark.timeout(600)
async def test_every_promise_is_kept_under_seeded_faults(tmp_path: Path) -> None:
    assert_kept(reports := await run_all(ON_FILES, tmp_path))
    assert_much_happened(reports)


@pytest.mark.timeout(600)
async def test_every_promise_is_kept_while_redis_and_postgresql_come_and_go(
    tmp_path: Path,
) -> None:
    assert_kept(reports := await run_all(ON_SERVERS, tmp_path))
    assert_much_happened(reports)


def assert_much_happened(reports: Sequence[Report]) -> None:
    sums = sum((report.counts() for report in reports), Counter[str]())
    assert sums["ok"] > 50
    assert sums["unknown"] > 15
    assert sums["faults"] > 50
    assert sums["kills"] > 2


@pytest.mark.timeout(600)
async def test_a_gateway_killed_at_any_step_of_a_ticket_keeps_every_promise(
    tmp_path: Path,
) -> None:
    copy = replace(BUY, keyed=Keyed.COPY, tries=3)
    plans = [_killed_at(point, order) for order in (copy, BUY) for point in CrashPoint]
    reports = await run_all(plans, tmp_path)
    assert_kept(reports)
    assert [report.kills for report in reports] == [1] * len(plans)


def _killed_at(point: CrashPoint, order: Step) -> Plan:
    """An order whose gateway dies, and a close after it."""
    steps = (BUY, killing(order, point), replace(BUY, keyed=Keyed.GIVEN), CLOSE)
    number = int(point) + (0 if order.keyed is Keyed.COPY else len(CrashPoint))
    return Plan(number, gateways=1, delay_ms=400, clients=(steps,))


async def test_a_gateway_killed_in_a_close_closes_once_and_says_so(tmp_path: Path) -> None:
    points = (CrashPoint.JOURNALED, CrashPoint.AT_THE_BROKER, CrashPoint.EXECUTED)
    plans = [Plan(int(point), 1, 0, ((BUY, killing(CLOSE, point), CLOSE),)) for point in points]
    reports = await run_all(plans, tmp_path)
    assert_kept(reports)
    assert [report.kills for report in reports] == [1] * len(plans)


async def test_the_old_copiers_three_tries_of_30_seconds_against_lost_answers_are_one_position(
    tmp_path: Path,
) -> None:
    copy = replace(BUY, keyed=Keyed.COPY, tries=3, patience=30.0, trouble=Trouble.LOST_ANSWER)
    (report,) = await run_all([Plan(1, 1, 0, ((copy, BUY),))], tmp_path)
    assert_kept([report])
    assert report.seen.operations[0].outcome is Outcome.UNKNOWN
    assert len(report.seen.ledgers["alpha"].orders) == 2
