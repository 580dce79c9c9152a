"""Orders that are held up on their way while their account loses its link."""

from __future__ import annotations

import asyncio
from threading import Event

from fxpool.account import Phase
from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.broker import orders_made
from harness.platforms import live_platform
from harness.sqlite_writes import before_sqlite_writes
from harness.wait import wait_until

RECONCILE = 2124


async def test_an_order_does_not_leave_while_the_account_is_read_anew_since_it_was_begun() -> None:
    begun, goes_on = Event(), Event()

    def hold_up(_: object) -> None:
        begun.set()
        goes_on.wait(10)

    async with live_platform() as served:
        with before_sqlite_writes(hold_up):
            ordering = asyncio.create_task(served.buy(idempotency_key="k1"))
            await wait_until(begun.is_set)
            slow = Fault(FaultKind.DELAY_ANSWERS, RECONCILE, seconds=2.0)
            served.simulator.faults.stand(slow)
            served.simulator.cut_all()
            await served.phase("alpha", Phase.SYNCHRONISING)
            goes_on.set()
            result = await ordering
        assert (result["code"], result["outcome"]) == ("NOT_SENT", "not_executed")
        assert not orders_made(served.simulator)
        served.simulator.faults.clear()
        await served.phase("alpha", Phase.LIVE)
        assert (await served.buy(idempotency_key="k1"))["success"]
