"""A halt stops what has not left yet, however long it has been on its way."""

from __future__ import annotations

import asyncio

from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.broker import orders_made
from harness.platforms import live_platform

EXPECTED_MARGIN = 2139
MORE_THAN_A_SECOND_TAKES = 70
"""Orders; the broker takes 50 requests a second, so the last of these wait for their slots."""


async def test_an_order_that_waits_for_its_margin_does_not_leave_after_a_halt() -> None:
    async with live_platform() as served:
        faults = served.simulator.faults
        faults.stand(Fault(FaultKind.DELAY_ANSWERS, EXPECTED_MARGIN, seconds=0.3))
        asking = asyncio.create_task(served.buy())
        async with asyncio.timeout(5):
            while not faults.struck:  # noqa: ASYNC110 (the broker is looked at)
                await asyncio.sleep(0.002)
        await served.platform.halt("alpha", reason="stop")
        result = await asking
        assert (result["code"], result["outcome"]) == ("HALTED", "not_executed")
        assert "stop" in result["error"]
        assert not orders_made(served.simulator)


async def test_orders_that_wait_for_their_slots_do_not_leave_after_a_halt() -> None:
    async with live_platform() as served:
        await served.buy("0.01")  # the margin is known from now on
        orders = [asyncio.create_task(served.buy("0.01")) for _ in range(MORE_THAN_A_SECOND_TAKES)]
        async with asyncio.timeout(10):
            while not any(order.done() for order in orders):  # noqa: ASYNC110 (see above)
                await asyncio.sleep(0.002)
        await served.platform.halt("alpha")
        made = len(orders_made(served.simulator))
        results = await asyncio.gather(*orders)
        stopped = [result for result in results if result.get("code") == "HALTED"]
        assert stopped
        assert {result["outcome"] for result in stopped} == {"not_executed"}
        assert len(orders_made(served.simulator)) == 1 + len(orders) - len(stopped)
        assert len(orders_made(served.simulator)) - made < 5  # those that were on the wire
