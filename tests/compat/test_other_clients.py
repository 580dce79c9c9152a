"""Clients that others wrote, unmodified and each in an environment of its own, trade here."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from fxpool.simulator import Simulator, SimulatorOptions

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CLIENT_PYTHON = ROOT / ".venv-client" / "bin" / "python"
NODE_FOLDER = ROOT / ".node-layer"
LAYER = NODE_FOLDER / "node_modules" / "@reiryoku" / "ctrader-layer"
NODE = shutil.which("node")


async def steps(simulator: Simulator, *command: str, **environment: str) -> dict[str, Any]:
    """Run a walk to its end; return what it told of each step."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    async with asyncio.timeout(90):
        out, err = await process.communicate(simulator.ready_line().encode())
    assert process.returncode == 0, err.decode()
    return {line.pop("step"): line for line in map(json.loads, out.decode().splitlines())}


@pytest.mark.sdk
@pytest.mark.skipif(
    not CLIENT_PYTHON.exists(),
    reason="no .venv-client here: `make client-env` makes it where Python 3.12 or newer is",
)
async def test_ctrader_api_client_authenticates_lists_subscribes_opens_amends_and_closes() -> None:
    async with Simulator(SimulatorOptions(seed=7)) as simulator:
        told = await steps(
            simulator,
            str(CLIENT_PYTHON),
            str(HERE / "client_walk.py"),
            SSL_CERT_FILE=str(simulator.ca_file),
        )
    assert list(told) == ["authenticated", "symbols", "quote", "opened", "amended", "closed"]
    assert told["authenticated"]["account_id"] == "10012345"
    assert told["symbols"]["lot_size"] == 10_000_000
    assert told["quote"]["is_right"]
    assert told["opened"]["positions"] == 1
    assert told["amended"]["is_right"]
    assert told["closed"]["deals"] == 2


@pytest.mark.sdk
@pytest.mark.skipif(
    NODE is None or not LAYER.exists(),
    reason="no .node-layer here: `make layer-env` makes it where Node is",
)
async def test_ctrader_layer_authenticates_lists_subscribes_opens_and_closes() -> None:
    async with Simulator(SimulatorOptions(seed=7)) as simulator:
        told = await steps(
            simulator,
            NODE or "",
            str(HERE / "layer_walk.js"),
            str(NODE_FOLDER),
            NODE_EXTRA_CA_CERTS=str(simulator.ca_file),
        )
    assert list(told) == ["authenticated", "symbols", "quote", "opened", "closed"]
    assert told["quote"]["is_right"]
    assert told["opened"]["volume"] == 100_000
    assert told["closed"]["positions"] == 0
