"""UnifiedPoolClient, contract 15.3: calls across platforms, one of which cannot be reached."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from fxpool.platforms.base import PlatformError
from harness.client_setup import META, Setup

BUY: dict[str, Any] = {"symbol": "EURUSD", "action": "BUY", "volume": 0.1}


async def test_a_subscription_stands_if_any_platform_takes_it(setup: Setup) -> None:
    """Contract 15.3, subscribeToSymbol."""
    assert await setup.client.subscribeToSymbol("EURUSD") is True
    assert setup.metaapi.quoted == {"EURUSD"}
    assert await setup.client.subscribeToSymbol("EURUSD", "alpha") is True
    with pytest.raises(PlatformError, match="connection refused"):
        await setup.client.subscribeToSymbol("EURUSD", "dx")


async def test_a_price_is_the_first_platforms_that_has_one(setup: Setup) -> None:
    """Contract 15.3, getPrice and getMidPrice."""
    assert await setup.client.getPrice("EURUSD") is None
    setup.stack.simulator.quote("EURUSD", Decimal("1.30000"), Decimal("1.30010"))
    assert await setup.client.subscribeToSymbol("EURUSD", "alpha")
    async with asyncio.timeout(10):
        while await setup.client.getPrice("EURUSD", "alpha") is None:  # noqa: ASYNC110 (asked over HTTP)
            await asyncio.sleep(0.005)
    assert (await setup.client.getPrice("EURUSD") or {})["bid"] == 1.3
    assert await setup.client.getMidPrice("EURUSD") == 1.30005
    terminal = setup.metaapi.terminals[META]
    terminal.quote("EURUSD", Decimal("1.20000"), Decimal("1.20010"))
    await setup.client.subscribeToSymbol("EURUSD", META)
    assert (await setup.client.getPrice("EURUSD") or {})["bid"] == 1.2, "metaapi comes first"
    assert (await setup.client.getPrice("EURUSD", "alpha") or {})["bid"] == 1.3
    assert await setup.client.getMidPrice("NOSUCH") is None


async def test_all_prices_are_merged_and_the_later_platform_wins(setup: Setup) -> None:
    """Contract 15.3, getAllPrices."""
    terminal = setup.metaapi.terminals[META]
    terminal.quote("EURUSD", Decimal("1.20000"), Decimal("1.20010"))
    await setup.client.subscribeToSymbol("EURUSD", META)
    assert (await setup.client.getAllPrices())["EURUSD"]["bid"] == 1.2
    setup.stack.simulator.quote("EURUSD", Decimal("1.30000"), Decimal("1.30010"))
    await setup.client.subscribeToSymbol("EURUSD", "alpha")
    assert await setup.client.getPrice("EURUSD", "alpha")
    assert (await setup.client.getAllPrices())["EURUSD"]["bid"] == 1.3


async def test_a_price_that_does_not_come_in_time_is_none(setup: Setup) -> None:
    """Contract 15.3, waitForPrice."""
    setup.stack.simulator.stall_spots()
    assert await setup.client.waitForPrice("EURJPY", 150) is None


async def test_counters_are_summed_and_an_unreachable_platform_is_named(setup: Setup) -> None:
    """Contract 15.3, getPoolStats."""
    for account in (META, "alpha"):
        assert (await setup.client.execute_trade(account, None, BUY))["success"]
    stats = await setup.client.getPoolStats()
    assert stats["combined"]["tradesExecuted"] == 2
    assert set(stats["combined"]) == {
        "connectionsCreated",
        "connectionsReused",
        "tradesExecuted",
        "errors",
        "activeConnections",
    }
    assert (stats["dxtrade"], stats["unreachable"]) == ({}, ["dxtrade"])


async def test_summaries_are_merged_and_an_unreachable_platforms_accounts_say_so(
    setup: Setup,
) -> None:
    """Contract 15.3, getAccountsSummary."""
    summary = await setup.client.getAccountsSummary()
    assert set(summary) == {META, "alpha", "beta", "dx"}
    assert summary["alpha"]["balance"] == 10_000.0
    assert summary["dx"]["status"] == "unreachable"
    assert "balance" not in summary["dx"]


async def test_one_healthy_platform_is_health(setup: Setup) -> None:
    """Contract 15.3, healthCheck."""
    health = await setup.client.healthCheck()
    assert health["status"] == "healthy"
    assert (health["metaapi"]["status"], health["ctrader"]["status"]) == ("healthy", "healthy")
    assert health["dxtrade"]["status"] == "error"
    assert "connection refused" in health["dxtrade"]["error"]


async def test_a_halt_of_all_reaches_every_platform_and_names_those_it_could_not(
    setup: Setup,
) -> None:
    with pytest.raises(PlatformError) as caught:
        await setup.client.halt(reason="news")
    assert "metaapi: " in caught.value.detail
    assert "dxtrade: " in caught.value.detail
    assert "done on ctrader" in caught.value.detail
    refused = await setup.client.execute_trade("alpha", None, BUY)
    assert (refused["code"], refused["outcome"]) == ("HALTED", "not_executed")
    with pytest.raises(PlatformError, match="done on ctrader"):
        await setup.client.resume()
    assert (await setup.client.execute_trade("alpha", None, BUY))["success"]
