"""Four bugs, planted on purpose: a checker that does not find them proves nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from checker.plan import Act, CrashPoint, Keyed, Plan, Step, Trouble, killing
from checker.run import run
from checker.verdict import Rule

PATIENCE = 8.0
BUY = Step(act=Act.MARKET, gateway=0, pick=0.1, hundredths=3, is_buy=True)
KEYED = replace(BUY, keyed=Keyed.GIVEN, tries=3)
LOST = replace(KEYED, trouble=Trouble.LOST_ANSWER)


async def rules_broken(plan: Plan, folder: Path) -> set[Rule]:
    report = await run(plan, folder, patience=PATIENCE)
    return {violation.rule for violation in report.found}


async def test_an_order_sent_again_after_a_time_out_is_found(tmp_path: Path) -> None:
    plan = Plan(1, 1, 0, ((BUY, LOST, BUY),), plant="resend")
    assert Rule.ONE_ORDER in await rules_broken(plan, tmp_path)


async def test_a_journal_that_forgets_is_found(tmp_path: Path) -> None:
    plan = Plan(1, 1, 0, ((BUY, LOST, BUY),), plant="forget")
    broken = await rules_broken(plan, tmp_path)
    assert {Rule.HAS_TICKET, Rule.ONE_ORDER} <= broken


async def test_a_gateway_that_leaves_the_order_of_a_killed_one_in_its_log_is_found(
    tmp_path: Path,
) -> None:
    plan = Plan(1, 1, 0, ((BUY, killing(BUY, CrashPoint.SENT), BUY),), plant="neglect")
    assert Rule.RESOLVED in await rules_broken(plan, tmp_path)


async def test_a_fill_that_the_stream_drops_is_found(tmp_path: Path) -> None:
    plan = Plan(1, 1, 0, ((BUY, BUY, BUY, BUY),), plant="drop")
    assert Rule.DEAL_ONCE in await rules_broken(plan, tmp_path)


async def test_without_a_planted_bug_the_same_plan_keeps_every_promise(tmp_path: Path) -> None:
    assert await rules_broken(Plan(1, 1, 0, ((BUY, LOST, BUY),)), tmp_path) == set()
