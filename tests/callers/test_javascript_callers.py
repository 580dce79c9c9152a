"""A JavaScript service of the older pools runs against the gateway unchanged, under Node."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harness.stack import Stack, running_stack

HERE = Path(__file__).parent
NODE_FOLDER = HERE.parents[1] / ".node-callers"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or not (NODE_FOLDER / "node_modules" / "axios").exists(),
    reason="no .node-callers here: `make callers-env` makes it where Node is",
)


@asynccontextmanager
async def walking(stack: Stack) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        NODE or "",
        str(HERE / "pool_walk.js"),
        str(NODE_FOLDER),
        stack.url,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def told_by(process: asyncio.subprocess.Process, stack: Stack) -> dict[str, Any]:
    """Read a walk to its end, and cut the broker's links when it listens for reconnects."""
    told: dict[str, Any] = {}
    assert process.stdout is not None
    async with asyncio.timeout(60):
        async for line in process.stdout:
            step = json.loads(line)
            told[step.pop("step")] = step
            if "listening" in told and "reconnected" not in told:
                stack.simulator.cut_all()
    return told


async def test_an_old_javascript_caller_reads_trades_and_is_told_of_a_reconnect() -> None:
    async with running_stack() as stack:
        stack.simulator.quote("EURUSD", Decimal("1.1"), Decimal("1.1001"))
        async with walking(stack) as process:
            told = await told_by(process, stack)
            assert await process.wait() == 0
    assert told["account"] == {
        "id": "alpha",
        "platform": "ctrader",
        "hasBalance": True,
        "time": True,
    }
    assert told["empty"] == {"positions": []}
    assert told["traded"] == {
        "success": True,
        "count": 1,
        "isSame": True,
        "isFound": True,
        "stopLoss": 1.08,
        "takeProfit": 1.2,
    }
    assert told["modified"] == {"success": True, "takeProfit": 1.2}
    assert told["ordered"] == {"placed": True, "cancelled": True}
    assert told["listening"] == {"delivery": "event-stream"}
    assert told["reconnected"]["account"] == "alpha"
    assert float(told["reconnected"]["seconds"]) >= 0
    assert told["closed"] == {
        "success": True,
        "hasOrder": True,
        "profit": "number",
        "left": 0,
        "again": {
            "success": False,
            "text": told["closed"]["again"]["text"],
            "alreadyClosed": True,
        },
    }
    assert "position not found" in told["closed"]["again"]["text"].lower()


async def test_an_old_javascript_caller_understands_every_refusal() -> None:
    async with running_stack() as stack:
        stack.simulator.quote("EURUSD", Decimal("1.1"), Decimal("1.1001"))
        async with walking(stack) as process:
            told = await told_by(process, stack)
    refused = told["refused"]
    assert [refused[name]["success"] for name in refused] == [False] * 4
    assert [refused[name]["kind"] for name in refused] == ["permanent"] * 4
    assert "symbol not found" in refused["symbol"]["text"].lower()
    assert "invalid volume" in refused["volume"]["text"].lower()
    assert "not enough money" in refused["money"]["text"].lower()
    assert "HOLD" in refused["word"]["text"]
    assert told["unknown"]["status"] == 404
    assert "nobody" in told["unknown"]["text"]
