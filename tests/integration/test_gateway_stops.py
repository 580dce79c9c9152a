"""How a gateway ends: by signals, with requests in flight and streams open, and with which code."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from fxpool.cli.exits import Exit
from fxpool.simulator import Simulator
from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.broker import orders_made
from harness.commands import command
from harness.served import Process, environment_for, gateway
from harness.stack import STILL
from harness.wait import wait_until

NEW_ORDER = 2106
SLOW = Fault(FaultKind.DELAY_ANSWERS, NEW_ORDER, seconds=1.5)
SILENT = Fault(FaultKind.DELAY_ANSWERS, NEW_ORDER, seconds=60.0)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(STILL) as running:
        yield running


async def stopping(served: Process) -> None:
    await wait_until(lambda: any("gateway stops" in line for line in served.log))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_order_in_flight_is_answered_before_the_gateway_ends(
    simulator: Simulator, tmp_path: Path, number: signal.Signals
) -> None:
    simulator.faults.stand(SLOW)
    async with gateway(simulator, tmp_path) as served:
        buying = asyncio.create_task(served.buy())
        await wait_until(lambda: orders_made(simulator))
        served.process.send_signal(number)
        await stopping(served)
        result = await buying
        assert (result["success"], result["outcome"]) == (True, "executed")
        assert await served.ended() == Exit.OK
    assert len(orders_made(simulator)) == 1


async def test_a_second_signal_answers_orders_in_flight_as_unknown_with_their_tickets(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.faults.stand(SILENT)
    async with gateway(simulator, tmp_path) as served:
        buying = asyncio.create_task(served.buy(idempotency_key="k1"))
        await wait_until(lambda: orders_made(simulator))
        served.process.terminate()
        await stopping(served)
        served.process.terminate()
        result = await buying
        assert (result["success"], result["outcome"]) == (False, "unknown")
        assert await served.ended() == Exit.OK
    async with gateway(simulator, tmp_path) as back:
        ticket = await back.get(f"/tickets/{result['ticketId']}/wait?timeout=10")
        assert (ticket["state"], ticket["resolved"]) == ("executed", True)
        assert (await back.buy(idempotency_key="k1"))["duplicate"] is True
    assert len(orders_made(simulator)) == 1


async def test_streams_are_told_that_the_gateway_stops(
    simulator: Simulator, tmp_path: Path
) -> None:
    async with gateway(simulator, tmp_path) as served:
        url = str(served.http.base_url)
        async with (
            connect(url.replace("http", "ws") + "/ws", proxy=None) as socket_,
            served.http.stream("GET", "/events") as events,
        ):
            lines = events.aiter_lines()
            await anext(lines)
            served.process.terminate()
            last = json.loads([message async for message in socket_][-1])
            told = [line async for line in lines if "streamClosed" in line]
        assert (last["type"], last["code"]) == ("streamClosed", "STOPPING")
        assert socket_.close_code == 1001
        assert len(told) == 1
        assert await served.ended() == Exit.OK


async def test_a_taken_port_and_a_wrong_setting_end_with_codes_of_their_own(
    simulator: Simulator, tmp_path: Path
) -> None:
    environment = environment_for(simulator, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        busy, wrong = await asyncio.gather(
            command("serve", "--port", port, **environment),
            command("serve", **environment | {"LOG_LEVEL": "LOUD"}),
        )
    assert (busy.code, wrong.code) == (Exit.ADDRESS_TAKEN, Exit.CONFIG)
    assert "is taken" in busy.err
    assert "LOG_LEVEL" in wrong.err
