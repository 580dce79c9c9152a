"""SyncPoolClient: the calls without await, beside a loop that is running already or without one."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fxpool import SyncPoolClient
from fxpool.errors import SettingsError
from fxpool.platforms.base import PlatformError
from harness.stack import Stack

BUY: dict[str, Any] = {"symbol": "EURUSD", "action": "BUY", "volume": 0.1}


def script(url: str, said: list[str]) -> None:
    """What a person types into a notebook."""
    with SyncPoolClient.connect(url) as client:
        result = client.execute_trade("alpha", symbol="EURUSD", action="BUY", volume="0.1")
        said.append(result["outcome"])
        (position,) = client.getPositions("alpha")
        events = client.events(accounts=["alpha"])
        said.append(next(events).type)
        closed = client.close_position("alpha", position_id=position["id"])
        said.append(closed["outcome"])
        said.append(next(event.type for event in events if event.type == "positionClosed"))
        events.close()
        said.append(next(client.prices("EURUSD", account="alpha"))["symbol"])
        heard = threading.Event()

        class Listener:
            def onPositionsSynchronized(self, index: int, identity: str) -> None:  # noqa: N802 (the callers')
                heard.set()

        listener = Listener()
        client.add_synchronization_listener("alpha", listener)
        assert heard.wait(10)
        client.remove_synchronization_listener("alpha", listener)
        assert client.get_circuit_breaker_status() == []
        assert client.should_suppress_alert("alpha") is False
        with pytest.raises(PlatformError) as caught:
            client.get_positions("omega")
        said.append(caught.value.code)
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.get_positions("alpha")


async def test_a_script_trades_without_await(stack: Stack) -> None:
    said: list[str] = []
    running = asyncio.create_task(asyncio.to_thread(script, stack.url, said))
    for pips in itertools.count():  # a quote per turn, until the script has had its own
        bid = Decimal("1.1") + pips * Decimal("0.0001")
        stack.simulator.quote("EURUSD", bid, bid + Decimal("0.0001"))
        if (await asyncio.wait([running], timeout=0.02))[0]:
            break
    await running
    assert said == [
        "executed",
        "snapshot",
        "executed",
        "positionClosed",
        "EURUSD",
        "ACCOUNT_NOT_FOUND",
    ]


async def test_it_works_where_a_loop_is_running_and_leaves_no_thread(unused_port: int) -> None:
    client = SyncPoolClient.connect(f"http://127.0.0.1:{unused_port}")  # as in a notebook's cell
    with pytest.raises(PlatformError, match="connection refused"):
        client.get_positions("alpha")
    client.close()
    assert "fxpool-client" not in {thread.name for thread in threading.enumerate()}


def test_an_address_that_is_none_leaves_no_thread() -> None:
    with pytest.raises(SettingsError):
        SyncPoolClient.connect("localhost")
    assert "fxpool-client" not in {thread.name for thread in threading.enumerate()}


DEFAULT = """
import asyncio, fxpool
from fxpool import unified_pool_client
assert fxpool.unified_pool_client is unified_pool_client is fxpool.unifiedPoolClient

async def main():
    assert (await unified_pool_client.getAccountConfig("alpha"))["platform"] == "ctrader"
    assert unified_pool_client.get_account_nickname("alpha") == "Alpha"
    health = await unified_pool_client.healthCheck()
    print(*sorted(health), health["status"])
    await unified_pool_client.close()

asyncio.run(main())
"""


def test_a_default_client_is_ready_from_the_environment(tmp_path: Path, unused_port: int) -> None:
    """Contract 15, the instance that programs import."""
    routing = tmp_path / "config" / "routing-config.json"
    routing.parent.mkdir()
    routing.write_text('{"accounts": {"alpha": {"platform": "ctrader", "nickname": "Alpha"}}}')
    nobody = f"http://127.0.0.1:{unused_port}"
    names = ("POOL_API_URL", "CTRADER_POOL_API_URL", "DXTRADE_POOL_API_URL")
    environment = {"PATH": "", **dict.fromkeys(names, nobody)}
    run = subprocess.run(  # noqa: S603 (our own interpreter)
        [sys.executable, "-c", DEFAULT],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert run.stderr == ""
    assert run.stdout.split() == ["ctrader", "dxtrade", "metaapi", "status", "unhealthy"]
