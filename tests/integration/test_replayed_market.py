"""The main job on real quotes: accounts trade on a replayed market, and every number they show is
recomputed here from quotes and positions alone, in plain decimals."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from fxpool.mapping.formats import AccountInformation, PositionInfo, PriceInfo
from fxpool.platforms.base import Platform, Subscription, TradeRequest
from fxpool.platforms.events import Event, EventFilter
from fxpool.simulator import Replay, SimulatorOptions
from harness.stack import Stack, healthy, running_stack

CENT = Decimal("0.01")
UNITS_PER_LOT = 100_000


@pytest.fixture
def options() -> SimulatorOptions:
    folder = os.environ.get("FXPOOL_TEST_DATA")
    if not folder:
        pytest.skip("FXPOOL_TEST_DATA is not set: no recorded quotes to trade on")
    replay = Replay("EURUSD", Path(folder) / "eurusd-ticks.csv")
    return SimulatorOptions(replays=(replay,), speed=100, ticks_per_second=0)


def expected_gross(position: PositionInfo, price: PriceInfo, currency: str) -> Decimal:
    """Return an EURUSD position's result: gains are sold at the market, losses are bought."""
    bid, ask = Decimal(str(price["bid"])), Decimal(str(price["ask"]))
    entry = Decimal(str(position["openPrice"]))
    moved = bid - entry if position["type"] == "POSITION_TYPE_BUY" else entry - ask
    dollars = moved * Decimal(str(position["volume"])) * UNITS_PER_LOT
    if currency == "EUR":
        dollars /= ask if dollars >= 0 else bid
    return dollars.quantize(CENT, ROUND_HALF_UP)


def exactly(number: float | None) -> Decimal:
    assert number is not None
    return Decimal(str(number))


async def shown(platform: Platform, key: str) -> tuple[AccountInformation, list[PositionInfo]]:
    """Read an account and its positions at one moment: in this process no quote comes between."""
    information = await platform.account_information(key)
    return information, (await platform.positions(key))["positions"]


async def check_truth(platform: Platform, key: str) -> int:
    """Check every number of an account against a recomputation; return how many positions."""
    price = await platform.price("EURUSD", key)
    information, positions = await shown(platform, key)
    net = Decimal(0)
    for position in positions:
        gross = expected_gross(position, price, information["currency"])
        assert exactly(position["unrealizedProfit"]) == gross
        costs = exactly(position["swap"]) + exactly(position["commission"])
        assert exactly(position["netProfit"]) == gross + costs
        net += gross + costs
    assert exactly(information["equity"]) == exactly(information["balance"]) + net
    free = exactly(information["equity"]) - exactly(information["margin"])
    assert exactly(information["freeMargin"]) == free
    return len(positions)


async def open_positions(stack: Stack) -> None:
    for key in ("alpha", "beta"):
        await stack.platform.subscribe_symbol("EURUSD", key)
        for action, lots in (("BUY", "0.30"), ("SELL", "0.11"), ("BUY", "0.05")):
            request = TradeRequest("EURUSD", action, Decimal(lots))
            result = await stack.platform.execute(key, request)
            assert result["success"], result


async def test_profit_and_equity_are_right_at_any_moment_of_a_replay(
    options: SimulatorOptions,
) -> None:
    async with running_stack(options) as stack:
        await open_positions(stack)
        prices = EventFilter(types=frozenset({"price"}))
        checked, seen = 0, set()
        async with asyncio.timeout(60), stack.platform.subscribe(prices) as quotes:
            async for event in quotes:
                for key in ("alpha", "beta"):
                    assert await check_truth(stack.platform, key) == 3
                seen.add((event.body["bid"], event.body["ask"]))
                checked += 1
                if checked >= 300:
                    break
        assert len(seen) > 20  # the market did move


async def test_a_restarted_broker_leaves_the_book_true_and_no_position_told_as_closed(
    options: SimulatorOptions,
) -> None:
    async with running_stack(options) as stack:
        await open_positions(stack)
        platform = stack.platform
        before = {key: (await shown(platform, key))[1] for key in ("alpha", "beta")}
        async with platform.subscribe(EventFilter(accounts=frozenset({"alpha"}))) as events:
            await stack.simulator.stop_accepting()
            stack.simulator.cut_all()
            types = [event.type async for event in _until(events, "disconnected")]
            await stack.simulator.resume_accepting()
            types += [event.type async for event in _until(events, "reconnected")]
            types += [event.type async for event in _until(events, "price")]
        assert "positionClosed" not in types
        await healthy(platform)
        for key, positions in before.items():
            assert await check_truth(platform, key) == 3
            now = (await shown(platform, key))[1]
            fixed = ("id", "symbol", "type", "volume", "openPrice", "commission", "usedMargin")
            assert [[row[name] for name in fixed] for row in now] == [
                [row[name] for name in fixed] for row in positions
            ]


async def _until(events: Subscription, last_type: str) -> AsyncIterator[Event]:
    """Yield events up to the first of a type."""
    async with asyncio.timeout(30):
        async for event in events:
            yield event
            if event.type == last_type:
                return
