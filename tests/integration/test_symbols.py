"""The directory of symbols on the simulated broker, through the platform and the command line."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from fxpool.cli.exits import Exit
from fxpool.simulator.catalogue import ArchivedSymbol
from harness.commands import command
from harness.platforms import live_platform
from harness.stack import running_stack


async def test_symbols_are_listed_with_their_group_assets_and_the_archived_ones() -> None:
    async with live_platform() as served:
        gone = ArchivedSymbol(symbol_id=999, name="OLDIDX", description="", archived_ms=1)
        venue = served.simulator.venue
        venue.catalogue = replace(venue.catalogue, archived=(gone,))
        listing = await served.platform.symbols("alpha")
        gold = listing["details"]["XAUUSD"]
        assert (gold["cTraderName"], gold["baseAsset"], gold["quoteAsset"]) == (
            "GOLD",
            "XAU",
            "USD",
        )
        assert gold["assetClass"] == "Metals"
        assert listing["archived"] == ["OLDIDX"]
        assert "OLDIDX" not in listing["symbols"]


async def test_a_symbol_that_the_broker_changes_is_read_again() -> None:
    async with live_platform() as served:
        before = await served.platform.symbol_specification("alpha", "EURUSD")
        venue = served.simulator.venue
        (euro,) = [one for one in venue.catalogue.symbols if one.name == "EURUSD"]
        venue.change_symbol(replace(euro, step_volume=euro.step_volume * 5, swap_long=-9.5))

        async def changed() -> bool:
            row = await served.platform.symbol_specification("alpha", "EURUSD")
            steps = (row["volumeStep"], before["volumeStep"])
            return steps[0] == 5 * (steps[1] or 0) and row["ctrader"]["swapLong"] == -9.5

        async with asyncio.timeout(10):
            while not await changed():  # noqa: ASYNC110 (the answer itself is what is waited for)
                await asyncio.sleep(0.01)


async def test_the_command_line_lists_and_explains_symbols() -> None:
    async with running_stack() as stack:
        url = ("--url", stack.url)
        listed = await command("symbols", "alpha", "--search", "bitc", *url)
        assert listed.code == Exit.OK, listed.err
        assert ("BTCUSD" in listed.out, "EURUSD" in listed.out) == (True, False)
        assert (await command("symbols", "list", "alpha", *url)).code == Exit.OK
        nothing = await command("symbols", "--search", "no such thing", "alpha", *url)
        assert "no symbol of alpha contains no such thing" in nothing.out

        found = await command("symbols", "test", "XAUUSD.d", "--account", "alpha", *url)
        assert "GOLD" in found.out
        assert "known without its suffix" in found.out
        told = await command("symbols", "test", "XAUUSD", "--json", *url)
        assert set(json.loads(told.out)["byAccount"]) == {"alpha", "beta"}
        unknown = await command("symbols", "test", "EURSUD", "--account", "alpha", *url)
        assert (unknown.code, "did you mean EURUSD" in unknown.err) == (Exit.REFUSED, True)
