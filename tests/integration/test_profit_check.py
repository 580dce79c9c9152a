"""Our results beside the broker's own: where they agree, where they differ, and what is between."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
import structlog

from fxpool.account.profit_check import ProfitCheck, differences
from fxpool.domain.trades import UnrealisedProfit
from fxpool.platforms.base import TradeRequest
from fxpool.simulator import SimulatorOptions
from fxpool.simulator.engine.rules import ConversionSide, Rules
from fxpool.simulator.profile import Profile
from harness.platforms import ALPHA, BETA, STILL, Served, live_platform

CENT = Decimal("0.01")


def broker(side: ConversionSide) -> SimulatorOptions:
    return replace(STILL, profile=Profile(rules=Rules(conversion_side=side)))


async def checked(served: Served) -> ProfitCheck:
    """Compare the EUR account's position in dollars once."""
    account = served.platform._accounts["beta"].account.live
    reads = account.profit._reads()
    assert reads is not None
    await account.profit.check(reads.unrealised)
    return account.profit


async def test_a_broker_that_converts_otherwise_is_found_with_both_numbers() -> None:
    async with live_platform([ALPHA, BETA], broker(ConversionSide.MID)) as served:
        request = TradeRequest("GBPUSD", "BUY", Decimal("5.00"))
        assert (await served.platform.execute("beta", request))["success"]
        served.quote("1.35000", "1.35010", "GBPUSD")
        served.quote("1.12000", "1.13000")  # the rate of the conversion has a side that matters
        await served.platform._accounts["beta"].account.live.waits.until(
            lambda: (
                served.platform._accounts["beta"].account.live.book.quotes[2].bid == 135_000
                and served.platform._accounts["beta"].account.live.book.quotes[1].ask == 113_000
            ),
            5,
        )
        with structlog.testing.capture_logs() as logs:
            check = await checked(served)
        (found,) = check.differs.values()
        assert abs(found.ours - found.theirs) > 1
        (line,) = (log for log in logs if log["event"] == "result differs from the broker's")
        assert (line["ours"], line["theirs"]) == (str(found.ours), str(found.theirs))
        assert (await served.platform.pool_stats())["profitDifferences"] == 1
        (row,) = (await served.platform.health())["details"]["beta"]["profitDifferences"]
        assert (row["ours"], row["broker"]) == (float(found.ours), float(found.theirs))


async def test_a_broker_that_computes_as_we_do_agrees() -> None:
    async with live_platform([BETA], broker(ConversionSide.BY_DIRECTION)) as served:
        request = TradeRequest("GBPUSD", "SELL", Decimal("5.00"))
        assert (await served.platform.execute("beta", request))["success"]
        served.quote("1.35000", "1.35010", "GBPUSD")
        check = await checked(served)
        assert (check.checks, check.differs) == (1, {})


@pytest.mark.parametrize(
    ("before", "after", "theirs", "is_found"),
    [
        ("1.00", "1.00", "1.00", False),
        ("1.00", "1.00", "1.01", False),  # a rounding
        ("1.00", "1.00", "1.02", True),
        ("1.00", "3.00", "2.00", False),  # the price moved while the answer came
        ("3.00", "1.00", "0.98", True),
    ],
)
def test_what_lies_between_both_readings_agrees(
    before: str, after: str, theirs: str, *, is_found: bool
) -> None:
    profit = UnrealisedProfit(Decimal(theirs), Decimal(theirs) - 2, CENT)
    costs = {5: Decimal(-2)}
    found = differences({5: Decimal(before)}, {5: Decimal(after)}, {5: profit}, costs)
    assert bool(found) is is_found


def test_other_costs_are_a_difference_too() -> None:
    profit = UnrealisedProfit(Decimal(1), Decimal("-1.50"), CENT)
    one = {5: Decimal(1)}
    (found,) = differences(one, one, {5: profit}, {5: Decimal(-2)}).values()
    assert (found.costs, found.theirs_costs) == (Decimal(-2), Decimal("-2.50"))


def test_a_position_that_one_side_does_not_know_is_left_out() -> None:
    profit = UnrealisedProfit(Decimal(1), Decimal(1), CENT)
    assert differences({}, {5: Decimal(9)}, {5: profit}, {5: Decimal(0)}) == {}
