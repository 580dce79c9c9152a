"""The product with its secrets in a real OpenBao: read in old spellings, renewed, written back."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from fxpool.account import Phase
from fxpool.auth import with_stored_application
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.settings import Settings
from fxpool.simulator import Simulator
from harness.openbao import ROOT_TOKEN, running_openbao
from harness.platforms import ALPHA, STILL, Served


async def test_a_pool_lives_on_what_an_older_system_keeps_in_its_vault(tmp_path: Path) -> None:
    with running_openbao() as openbao:
        async with Simulator(STILL) as simulator:
            credentials, grant = simulator.credentials, simulator.grant
            application = {
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "redirect_uri": "https://pool.example/callback",
            }
            openbao.ask("POST", "secret/data/ctrader/oauth", {"data": application})
            entry = {
                "access_token": grant.access_token,
                "refresh_token": grant.refresh_token,
                "expires_in": 2_628_000,
                "obtained_at": 1_767_600_000_000,
                "acc_num": 1,
            }
            openbao.ask("POST", "secret/data/ctrader/accounts/12345", {"data": entry})
            settings = await with_stored_application(
                Settings(
                    vault_addr=openbao.address,
                    vault_token=SecretStr(ROOT_TOKEN),
                    client_id="wrong",
                    access_token=SecretStr(""),
                    demo_host=simulator.host,
                    demo_port=simulator.port,
                    ca_file=simulator.ca_file,
                    data_dir=tmp_path,
                )
            )
            assert settings.client_id == credentials.client_id
            assert settings.redirect_uri == "https://pool.example/callback"

            platform = CTraderPlatform.from_settings(settings, accounts=[ALPHA])
            await platform.open()
            try:
                served = Served(simulator, platform)
                await served.phase("alpha", Phase.LIVE)
                openbao.seal()
                assert platform.consent.status()["alpha"]["linked"]
                await served.phase("alpha", Phase.LIVE)
                openbao.unseal()
                await platform.consent.refresh("alpha")
                await served.phase("alpha", Phase.LIVE)
            finally:
                await platform.close()

            stored = openbao.ask("GET", "secret/data/ctrader/accounts/12345")["data"]["data"]
            assert stored["access_token"] != grant.access_token
            assert stored["expires_at"] > "2026"
            assert stored["acc_num"] == "1"
            assert "expires_in" not in stored
