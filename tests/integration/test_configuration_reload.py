"""Accounts and symbol names that change while the platform runs."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fxpool.clock import SystemClock
from fxpool.platforms.base import PlatformError, TradeRequest
from fxpool.platforms.configuration import Configuration
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.events import EventFilter
from fxpool.simulator import Simulator
from harness.served import gateway
from harness.stack import ACCOUNTS, STILL, healthy, settings_for
from harness.wait import wait_until

ALPHA, BETA = ACCOUNTS["alpha"], ACCOUNTS["beta"]


class Files:
    """The files of a platform."""

    def __init__(self, folder: Path) -> None:
        self.routing, self.symbols = folder / "routing-config.json", folder / "symbols.json"
        self.levels: list[str] = []  # of the log, as they were set
        self.accounts(**ACCOUNTS)
        self.names({})

    def accounts(self, **entries: Mapping[str, Any]) -> None:
        self.routing.write_text(json.dumps({"accounts": entries}))

    def say_level(self, level: object) -> None:
        said = {"accounts": ACCOUNTS, "globalSettings": {"logLevel": level}}
        self.routing.write_text(json.dumps(said))

    def names(self, names: Mapping[str, str]) -> None:
        self.symbols.write_text(json.dumps({"symbolMapping": names}))


@asynccontextmanager
async def running(files: Files) -> AsyncIterator[tuple[CTraderPlatform, Configuration]]:
    """Run a platform on the files; every account is live when the block begins."""
    async with Simulator(STILL) as simulator:
        settings = settings_for(simulator, files.routing)
        settings = settings.model_copy(update={"symbols_file": files.symbols})
        platform = CTraderPlatform.from_settings(settings)
        await platform.open()
        try:
            await healthy(platform)
            yield (
                platform,
                Configuration(
                    settings, platform, clock=SystemClock(), set_log_level=files.levels.append
                ),
            )
        finally:
            await platform.close()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def since(platform: CTraderPlatform, account: str) -> str:
    return str((await platform.health())["details"][account]["since"])


async def test_an_account_goes_and_comes_back_without_touching_the_other(files: Files) -> None:
    async with running(files) as (platform, configuration):
        before = await since(platform, "alpha")
        files.accounts(alpha=ALPHA)
        await configuration.reload()
        with pytest.raises(PlatformError) as gone:
            await platform.positions("beta")
        assert gone.value.status == 404

        files.accounts(alpha=ALPHA, beta=BETA)
        await configuration.reload()
        await healthy(platform)
        assert (await platform.account_information("beta"))["currency"] == "EUR"
        assert await since(platform, "alpha") == before
        assert configuration.failure is None


async def test_an_account_that_is_switched_off_neither_trades_nor_answers(files: Files) -> None:
    async with running(files) as (platform, configuration):
        files.accounts(alpha=ALPHA, beta={**BETA, "enabled": False})
        await configuration.reload()
        with pytest.raises(PlatformError) as unread:
            await platform.positions("beta")
        order = TradeRequest(symbol="EURUSD", action="BUY", volume=Decimal("0.1"))
        refused = await platform.execute("beta", order)
        assert unread.value.status == 503
        assert (refused["success"], refused["outcome"]) == (False, "not_executed")
        assert "beta" not in (await platform.health())["accounts"]

        files.accounts(alpha=ALPHA, beta=BETA)
        await configuration.reload()
        await healthy(platform)
        assert (await platform.positions("beta"))["synchronized"] is True


@pytest.mark.parametrize("off", [{}, {"beta": {**BETA, "enabled": False}}])
async def test_a_stream_is_told_that_its_account_is_not_served_any_more(
    files: Files, off: dict[str, Any]
) -> None:
    wanted = EventFilter(
        accounts=frozenset({"beta"}), types=frozenset({"snapshot", "disconnected", "synchronized"})
    )
    async with running(files) as (platform, configuration), platform.subscribe(wanted) as stream:
        files.accounts(alpha=ALPHA, **off)
        await configuration.reload()
        first, told = await stream.next_batch()
        assert (first.type, told.type) == ("snapshot", "disconnected")
        assert told.body["reason"] == "this gateway does not serve the account any more"

        files.accounts(alpha=ALPHA, beta=BETA)
        await configuration.reload()
        await healthy(platform)
        after = [event.type for event in await stream.next_batch()]
        assert after == ["snapshot", "synchronized"], "nothing happened meanwhile: no gap"


async def test_read_only_is_taken_up_at_once(files: Files) -> None:
    async with running(files) as (platform, configuration):
        before = await since(platform, "alpha")
        files.accounts(alpha={**ALPHA, "readOnly": True}, beta=BETA)
        await configuration.reload()
        assert (await platform.account_information("alpha"))["investorMode"] is True
        assert await since(platform, "alpha") == before


async def test_a_file_that_cannot_be_used_changes_nothing_but_what_is_said(files: Files) -> None:
    async with running(files) as (platform, configuration):
        files.routing.write_text('{"accounts": {"alp')
        watching = asyncio.create_task(configuration.watch())
        await wait_until(lambda: configuration.failure, within=10)
        assert "last good version" in str(configuration.failure)
        assert set((await platform.health())["accounts"]) == {"alpha", "beta"}

        files.accounts(alpha=ALPHA)
        await wait_until(lambda: configuration.failure is None, within=10)
        assert set((await platform.health())["accounts"]) == {"alpha"}
        watching.cancel()


async def test_what_needs_a_restart_is_said_and_not_done(files: Files) -> None:
    async with running(files) as (platform, configuration):
        files.accounts(
            alpha={**ALPHA, "environment": "live"}, beta=BETA, other={"region": "london"}
        )
        await configuration.reload()
        assert "need a restart" in str(configuration.failure)
        assert (await platform.account_information("alpha"))["environment"] == "demo"


async def test_symbol_names_are_taken_up(files: Files) -> None:
    async with running(files) as (platform, configuration):
        broker = (await platform.symbol_mapping("EURUSD", "alpha"))["cTraderSymbol"]
        with pytest.raises(PlatformError):
            await platform.symbol_mapping("MYEURO", "alpha")
        files.names({"MYEURO": broker})
        await configuration.reload()
        mapping = await platform.symbol_mapping("MYEURO", "alpha")
        assert mapping["cTraderSymbol"] == broker


async def test_another_log_level_holds_at_once_and_a_wrong_one_changes_nothing(
    files: Files,
) -> None:
    async with running(files) as (_, configuration):
        files.say_level("debug")
        await configuration.reload()
        files.say_level("LOUD")
        await configuration.reload()
        assert "last good version" in str(configuration.failure)
        files.accounts(**ACCOUNTS)
        await configuration.reload()
        assert configuration.failure is None
        assert files.levels == ["DEBUG", "INFO"]


async def test_sighup_has_the_files_of_a_running_gateway_read(tmp_path: Path) -> None:
    async with Simulator(STILL) as simulator, gateway(simulator, tmp_path) as served:
        assert (await served.get("/health"))["checks"]["configuration"] == "up"
        routing = {"accounts": {"alpha": ALPHA, "other": {"region": "london"}}}
        (tmp_path / "routing-config.json").write_text(json.dumps(routing))
        served.process.send_signal(signal.SIGHUP)
        await wait_until(lambda: any("read again" in line for line in served.log), within=20)
        health = await served.get("/health")
        assert set(health["accounts"]) == {"alpha"}
        assert health["status"] == "degraded"
        assert health["checks"]["configuration"].startswith("degraded: changes that need a restart")
