"""What a trading program does in an emergency, through the unified client."""

from __future__ import annotations

from decimal import Decimal

from fxpool.client import UnifiedPoolClient
from harness.platforms import live_platform


async def test_a_program_halts_an_account_and_closes_all_it_has() -> None:
    async with live_platform() as served:
        client = UnifiedPoolClient.direct(served.platform)
        order = {"symbol": "EURUSD", "action": "BUY", "volume": Decimal("0.1")}
        for _ in range(2):
            assert (await client.execute_trade("alpha", trade_data=order))["success"]
        await client.halt("alpha", "fat finger")
        refused = await client.execute_trade("alpha", trade_data=order)
        assert (refused["code"], refused["outcome"]) == ("HALTED", "not_executed")
        answer = await client.closeAllPositions("alpha", symbol="EURUSD")
        assert (answer["success"], answer["closed"]) == (True, 2)
        await client.resume("alpha")
        assert (await client.execute_trade("alpha", trade_data=order))["success"]
