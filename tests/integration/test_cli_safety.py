"""Closing everything and the kill switch, as commands against a running gateway."""

from __future__ import annotations

from decimal import Decimal

from fxpool.cli.exits import Exit
from fxpool.platforms.base import TradeRequest
from harness.commands import command
from harness.stack import running_stack


async def test_all_positions_are_closed_by_one_command() -> None:
    async with running_stack() as stack:
        stack.simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
        for _ in range(2):
            request = TradeRequest("EURUSD", "BUY", Decimal("0.1"))
            assert (await stack.platform.execute("alpha", request))["success"]
        done = await command("close", "alpha", "--all", "--url", stack.url)
        assert done.code == Exit.OK, done.err
        assert "2 of 2 positions closed" in done.out
        assert (await stack.platform.positions("alpha"))["count"] == 0


async def test_a_halt_refuses_orders_until_it_is_resumed() -> None:
    async with running_stack() as stack:
        url = ("--url", stack.url)
        halted = await command("halt", "alpha", "--reason", "fat [finger]", "--json", *url)
        assert halted.json()["halted"]
        refused = await command("trade", "alpha", "buy", "EURUSD", "0.1", *url)
        assert refused.code == Exit.REFUSED
        assert "fat [finger]" in refused.err
        resumed = await command("resume", "--all", *url)
        assert (resumed.code, "may trade" in resumed.out) == (Exit.OK, True)
