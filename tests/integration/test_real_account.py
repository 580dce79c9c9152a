"""What CTRADER_TEST_ACCOUNT names is read: at the simulator always, at a real broker where somebody
gave credentials and said FXPOOL_TEST_REAL=1. Nothing is traded."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import Environment
from fxpool.settings import Settings
from fxpool.simulator import Simulator
from harness.stack import STILL, healthy, settings_for


@asynccontextmanager
async def settings_of(broker: str, folder: Path) -> AsyncIterator[Settings]:
    if broker == "simulator":
        async with Simulator(STILL) as simulator:
            yield settings_for(simulator, folder / "routing-config.json")
    else:
        yield Settings.from_environment().model_copy(update={"data_dir": folder})


@pytest.mark.parametrize(
    "broker",
    [
        "simulator",
        pytest.param(
            "real",
            marks=pytest.mark.skipif(
                os.environ.get("FXPOOL_TEST_REAL") != "1",
                reason="no real broker: set FXPOOL_TEST_REAL=1, CTRADER_CLIENT_ID, "
                "CTRADER_CLIENT_SECRET, CTRADER_ACCESS_TOKEN, CTRADER_TEST_ACCOUNT, CTRADER_ENV",
            ),
        ),
    ],
)
async def test_the_account_of_the_environment_is_read_and_nothing_is_traded(
    broker: str, tmp_path: Path
) -> None:
    async with settings_of(broker, tmp_path) as settings:
        account = settings.test_account
        config = AccountConfig(account, Environment(settings.env), login=account, read_only=True)
        platform = CTraderPlatform.from_settings(settings, accounts=[config])
        await platform.open()
        try:
            await healthy(platform, within=60)
            information = await platform.account_information(account)
            assert (information["login"], information["environment"]) == (account, settings.env)
            positions = await platform.positions(account)
            assert positions["count"] == len(positions["positions"]) == information["openPositions"]
            assert "EURUSD" in (await platform.symbols(account))["symbols"]
        finally:
            await platform.close()
