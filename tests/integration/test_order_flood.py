"""An order overtakes a flood of quotes: whoever waits for them, it does not."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from fxpool.platforms.base import TradeRequest
from fxpool.simulator import Simulator
from harness.stack import running_stack

QUOTES = 10_000
AT_ONCE = 100
POINT = Decimal("0.00001")


async def flood(simulator: Simulator, began: asyncio.Event) -> None:
    """Quote without a pause but for the loop's other work."""
    for number in range(QUOTES):
        bid = Decimal("1.12500") + number % 50 * POINT
        simulator.quote("EURUSD", bid, bid + 5 * POINT)
        if number % AT_ONCE == 0:
            began.set()
            await asyncio.sleep(0)


async def test_an_order_is_answered_before_the_flood_that_it_came_into_is_over() -> None:
    async with running_stack() as stack:
        remote = stack.remote()
        await remote.subscribe_symbol("EURUSD", "alpha")
        async with stack.platform.subscribe():  # never read, and in nobody's way
            began = asyncio.Event()
            flooding = asyncio.create_task(flood(stack.simulator, began))
            await began.wait()
            order = TradeRequest("EURUSD", "BUY", volume=Decimal("0.1"))
            result = await remote.execute("alpha", order)
            is_over = flooding.done()
            await flooding
        await remote.close()
        assert result["outcome"] == "executed"
        assert not is_over
