"""Accounts of several platforms behind one service: each served by its own, the rest explained."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fxpool.platforms.assembly import platform_from
from fxpool.platforms.base import CloseRequest, Platform, PlatformError, TradeRequest
from fxpool.platforms.events import EventFilter
from fxpool.settings import Settings
from fxpool.simulator import Simulator
from harness.metaapi_server import TOKEN, running_metaapi
from harness.stack import STILL, healthy, settings_for

ACCOUNTS = {
    "ct": {"platform": "ctrader", "environment": "demo", "accountId": "12345"},
    "mt": {"platform": "mt5", "region": "london", "accountId": "777"},
    "dx": {"platform": "dxtrade", "environment": "demo"},
}


def settings(simulator: Simulator, folder: Path, **more: Any) -> Settings:
    routing = folder / "routing-config.json"
    routing.write_text(json.dumps({"accounts": ACCOUNTS}))
    return settings_for(simulator, routing).model_copy(update=more)


async def buy(platform: Platform, account: str) -> Any:
    return await platform.execute(account, TradeRequest("EURUSD", "BUY", Decimal("0.10")))


async def test_each_account_is_served_by_its_own_platform_and_events_come_in_one_stream(
    tmp_path: Path,
) -> None:
    async with Simulator(STILL) as simulator, running_metaapi("mt") as server:
        platform = await platform_from(
            settings(
                simulator,
                tmp_path,
                metaapi_token=SecretStr(TOKEN),
                metaapi_url=server.url,
                metaapi_poll_seconds=0.1,
                metaapi_credits_per_second=1e6,
            )
        )
        await platform.open()
        try:
            await healthy(platform)
            assert set(await platform.accounts()) == {"ct", "mt", "dx"}
            simulator.quote("EURUSD", Decimal("1.1"), Decimal("1.1001"))
            heard: set[tuple[str, str]] = set()
            wanted = EventFilter(types=frozenset({"positionOpened"}))
            async with platform.subscribe(wanted) as stream, asyncio.timeout(10):
                for account in ("ct", "777"):
                    result = await buy(platform, account)
                    assert result["success"], result
                while len(heard) < 2:
                    heard |= {(e.type, e.account) for e in await stream.next_batch()}
            assert heard == {("positionOpened", "ct"), ("positionOpened", "mt")}
            assert platform.key_of("777") == "mt"
            (position,) = (await platform.positions("mt"))["positions"]
            closed = await platform.close_position("mt", CloseRequest(position["id"]))
            assert closed["success"], closed
            health = await platform.health()
            assert (health["accounts"]["dx"], health["status"]) == ("not_configured", "healthy")
            assert (await platform.pool_stats())["tradesExecuted"] == 3
            assert {row["accountId"] for row in (await platform.tickets())["tickets"]} == {
                "ct",
                "mt",
            }
        finally:
            await platform.close()


async def test_accounts_of_a_platform_that_is_off_are_explained_and_refused(tmp_path: Path) -> None:
    async with Simulator(STILL) as simulator:
        platform = await platform_from(settings(simulator, tmp_path))
        await platform.open()
        try:
            await healthy(platform)
            summary = (await platform.accounts_summary())["mt"]
            assert (summary["status"], summary["connected"]) == ("not_configured", False)
            assert "METAAPI_TOKEN" in summary["error"]
            assert "balance" not in summary
            with pytest.raises(PlatformError, match="METAAPI_TOKEN") as caught:
                await platform.positions("mt")
            assert caught.value.status == 503
            result = await buy(platform, "mt")
            assert (result["outcome"], result["code"]) == (
                "not_executed",
                "PLATFORM_NOT_CONFIGURED",
            )
            with pytest.raises(PlatformError, match="Account not found"):
                await platform.positions("omega")
        finally:
            await platform.close()


async def test_a_wrong_token_is_said_and_never_shown(tmp_path: Path) -> None:
    async with Simulator(STILL) as simulator, running_metaapi("mt") as server:
        planted = "wrong-planted-token"
        platform = await platform_from(
            settings(simulator, tmp_path, metaapi_token=SecretStr(planted), metaapi_url=server.url)
        )
        await platform.open()
        try:
            with pytest.raises(PlatformError, match="authentication failed") as caught:
                await platform.account_information("mt")
            assert planted not in str(caught.value)
            details = (await platform.health())["details"]["mt"]
            assert details["phase"] == "refused"
            assert planted not in json.dumps(await platform.health())
        finally:
            await platform.close()
