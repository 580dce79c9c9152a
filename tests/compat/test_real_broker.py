"""The real Open API, where somebody has an application and a token for it; nothing is traded.

    FXPOOL_TEST_REAL_BROKER=1 .venv/bin/python -m pytest tests/compat/test_real_broker.py

with CTRADER_CLIENT_ID, CTRADER_CLIENT_SECRET, CTRADER_ACCESS_TOKEN and an account of the token in
CTRADER_TEST_ACCOUNT (CTRADER_ENV says of which kind). The token is not renewed: that would end the
pair that it came with.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.settings import Settings
from fxpool.simulator import Simulator
from harness.stack import STILL, healthy

NEEDED = ("CTRADER_CLIENT_ID", "CTRADER_CLIENT_SECRET", "CTRADER_ACCESS_TOKEN")


async def authenticated(folder: Path) -> None:
    """Link the account that the environment names, and read it. Fails where that is refused."""
    account = os.environ.get("CTRADER_TEST_ACCOUNT", "12345")
    entry = {
        "platform": "ctrader",
        "environment": os.environ.get("CTRADER_ENV", "demo"),
        "accountId": account,
    }
    routing = folder / "routing-config.json"
    routing.write_text(json.dumps({"accounts": {"tested": entry}}))
    settings = Settings.from_environment().model_copy(
        update={"routing_config": routing, "data_dir": folder / "data"}
    )
    platform = CTraderPlatform.from_settings(settings)
    await platform.open()
    try:
        await healthy(platform, within=60)
        information = await platform.account_information("tested")
        assert account in {information["login"], information["ctidTraderAccountId"]}
        assert (await platform.positions("tested"))["synchronized"] is True
    finally:
        await platform.close()


async def test_the_real_broker_authenticates_us(tmp_path: Path) -> None:
    if os.environ.get("FXPOOL_TEST_REAL_BROKER") != "1":
        # Credentials of a real application are nobody's to find in an environment by chance.
        pytest.skip("needs a real application: set FXPOOL_TEST_REAL_BROKER=1 and credentials")
    missing = [name for name in NEEDED if not os.environ.get(name)]
    assert not missing, f"FXPOOL_TEST_REAL_BROKER=1 needs {', '.join(missing)} too"
    await authenticated(tmp_path)


async def test_the_test_of_the_real_broker_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Simulator(STILL) as simulator:
        for name, value in {
            "CTRADER_CLIENT_ID": simulator.credentials.client_id,
            "CTRADER_CLIENT_SECRET": simulator.credentials.client_secret,
            "CTRADER_ACCESS_TOKEN": simulator.grant.access_token,
            "CTRADER_DEMO_HOST": simulator.host,
            "CTRADER_DEMO_PORT": str(simulator.port),
            "CTRADER_CA_FILE": str(simulator.ca_file),
            "CTRADER_TEST_ACCOUNT": "12345",
        }.items():
            monkeypatch.setenv(name, value)
        await authenticated(tmp_path)
