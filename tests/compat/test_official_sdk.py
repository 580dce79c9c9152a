"""The official SDK, unmodified and in an environment of its own, trades against our simulator."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from fxpool.simulator import Simulator, SimulatorOptions

ROOT = Path(__file__).resolve().parents[2]
SDK_PYTHON = ROOT / ".venv-sdk" / "bin" / "python"


@pytest.mark.sdk
@pytest.mark.skipif(not SDK_PYTHON.exists(), reason="no .venv-sdk here: `make sdk-env` makes it")
async def test_the_official_sdk_authenticates_lists_subscribes_opens_amends_and_closes() -> None:
    async with Simulator(SimulatorOptions(seed=7)) as simulator:
        process = await asyncio.create_subprocess_exec(
            str(SDK_PYTHON),
            str(Path(__file__).with_name("sdk_walk.py")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(90):
            out, err = await process.communicate(simulator.ready_line().encode())
        assert process.returncode == 0, err.decode()

    steps = {line["step"]: line for line in map(json.loads, out.decode().splitlines())}
    assert list(steps) == [
        "accounts",
        "authenticated",
        "symbols",
        "quote",
        "opened",
        "amended",
        "closed",
        "reconciled",
    ]
    assert steps["quote"]["ask"] > steps["quote"]["bid"] > 0
    assert steps["symbols"]["lot_size"] == 10_000_000
    assert steps["opened"]["same_position"] is True
    assert steps["amended"] == {"step": "amended", "stop_loss": 0.02, "take_profit": False}
    assert steps["closed"]["closed_volume"] == steps["opened"]["volume"]
    assert steps["reconciled"]["positions"] == 0
