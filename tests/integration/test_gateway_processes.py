"""Gateways as processes of their own: two on one journal, and one that is killed in mid-order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from fxpool.simulator import Simulator
from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.broker import orders_made
from harness.served import gateway
from harness.stack import STILL
from harness.wait import wait_until

NEW_ORDER = 2106


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(STILL) as running:
        yield running


async def test_one_key_at_the_same_moment_through_two_gateways_is_one_order_answered_twice(
    simulator: Simulator, tmp_path: Path
) -> None:
    async with gateway(simulator, tmp_path) as one, gateway(simulator, tmp_path) as other:
        for number in range(10):
            headers = {"Idempotency-Key": f"k{number}"}
            results = await asyncio.gather(one.buy(headers=headers), other.buy(headers=headers))
            assert [result["success"] for result in results] == [True, True]
            assert results[0]["positionId"] == results[1]["positionId"]
            assert sum("duplicate" in result for result in results) == 1
        assert len(orders_made(simulator)) == 10


async def test_a_gateway_killed_between_order_and_answer_finds_the_order_when_it_is_back(
    simulator: Simulator, tmp_path: Path
) -> None:
    delay = Fault(FaultKind.DELAY_ANSWERS, NEW_ORDER, seconds=30.0)
    simulator.faults.stand(delay)
    async with gateway(simulator, tmp_path) as killed:
        asking = asyncio.create_task(killed.buy(comment="Copy_1_L10"))
        await wait_until(lambda: orders_made(simulator))
        killed.process.kill()
        with pytest.raises(httpx.HTTPError):
            await asking
    async with gateway(simulator, tmp_path) as back:
        again = await back.buy(comment="Copy_1_L10")
        assert (again["success"], again["duplicate"]) == (True, True)
        ticket = await back.get(f"/tickets/{again['ticketId']}/wait?timeout=10")
        assert (ticket["state"], ticket["resolved"]) == ("executed", True)
        (position,) = (await back.get("/positions/alpha"))["positions"]
        assert position["id"] == again["positionId"]
    assert len(orders_made(simulator)) == 1
