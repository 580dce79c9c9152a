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


async def test_every_form_of_an_order_is_a_command() -> None:
    async with running_stack() as stack:
        stack.simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
        url = ("--url", stack.url)
        trade = ("trade", "alpha", "buy", "EURUSD")
        pips = ("--sl", "25", "--sl-in", "pips")
        ranged = await command(*trade, "12000", "--units", "--slippage", "20", *pips, *url)
        assert ranged.code == Exit.OK, ranged.err
        assert "0.12 lots EURUSD" in ranged.out
        risky = await command(*trade, "--risk", "1", *pips, "--key", "k1", "--json", *url)
        again = await command(*trade, "--risk", "1", *pips, "--key", "k1", "--json", *url)
        assert risky.json()["volume"] == 0.39  # 1 % of a little under 10,000, at 250.00 a lot
        assert again.json() == {**risky.json(), "duplicate": True}
        resting = ("0.1", "--stop", "1.13", "--limit", "1.131", "--tif", "gtd")
        expiry = ("--expires", "2031-01-01T00:00:00Z", "--label", "bot-7")
        placed = await command(*trade, *resting, *expiry, "--json", *url)
        order = placed.json()
        assert (order["type"], order["clientId"]) == ("ORDER_TYPE_BUY_STOP_LIMIT", "bot-7")
        amended = await command("amend", "alpha", order["orderId"], "--price", "1.14", *pips, *url)
        assert amended.code == Exit.OK, amended.err
        assert "0.10 lots at 1.14" in amended.out
        (row,) = (await stack.platform.orders("alpha"))["orders"]
        assert (row["openPrice"], row["stopLoss"]) == (1.14, 1.1375)
        done = await command("cancel", "alpha", order["orderId"], *url)
        assert done.code == Exit.OK, done.err
