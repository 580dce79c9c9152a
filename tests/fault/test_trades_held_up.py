"""Orders that are held up on their way while their account loses its link."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from threading import Event

from fxpool.account import Phase
from fxpool.account.reads import AccountReads
from fxpool.domain.protection import Units
from fxpool.platforms.base import TradeRequest
from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.broker import orders_made
from harness.platforms import live_platform
from harness.sqlite_writes import before_sqlite_writes
from harness.wait import wait_until

RECONCILE = 2124
READS = 90
"""Two seconds of them at the pool's pace."""


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


async def test_what_an_order_asks_before_it_leaves_overtakes_the_reads_of_other_accounts() -> None:
    """A symbol's first order after a start, while many accounts are read on the same session."""
    order = TradeRequest(
        "GBPUSD", "BUY", Decimal("0.1"), stop_loss=Decimal(50), stop_loss_units=Units.PIPS
    )
    async with live_platform() as served:
        reads = AccountReads(served.platform._accounts["alpha"].live.channel)
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(reads.trader()) for _ in range(READS)]
            await wait_until(waiting[0].done)
            result = await served.platform.execute("alpha", order)
            answered = sum(read.done() for read in waiting)
            for read in waiting:
                read.cancel()
    assert result["outcome"] == "executed", result
    assert answered < READS / 2
