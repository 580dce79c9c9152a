"""CTraderAuth, contract 15.6: the older service's names, against the simulator's token service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from fxpool.client.ctrader_auth import CTraderAuth
from fxpool.errors import AuthRefused, NeedsConsent
from fxpool.platforms.base import PlatformError
from fxpool.simulator import Simulator, SimulatorOptions
from harness.platforms import ALPHA, BETA, unlinked_settings

ALPHA_ID, BETA_ID = 10012345, 10012346
CALLBACK = "http://localhost:8080/api/ctrader/callback"


@dataclass(frozen=True, slots=True)
class Desk:
    """The service, and the broker that a person consents at."""

    auth: CTraderAuth
    simulator: Simulator

    async def code(self, *ctids: int) -> str:
        """Consent for some accounts; return the code."""
        async with httpx.AsyncClient() as broker:
            form = "&".join(f"account={ctid}" for ctid in ctids)
            response = await broker.post(self.auth.getAuthorizationUrl(), content=form)
        return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Simulator(SimulatorOptions(ticks_per_second=0, oauth_port=0)) as simulator:
        settings = unlinked_settings(simulator, tmp_path, CALLBACK)
        async with CTraderAuth(settings, accounts=[ALPHA, BETA]) as auth:
            yield Desk(auth, simulator)


async def test_an_account_is_linked_and_its_token_is_given_and_renewed(desk: Desk) -> None:
    """Contract 15.6, initializeAccount, getAccessToken, refreshTokenForAccount and the store."""
    with pytest.raises(NeedsConsent):
        await desk.auth.getAccessToken("alpha")
    code = await desk.code(ALPHA_ID, BETA_ID)
    result = await desk.auth.initializeAccount("12345", code)
    assert set(result["linked"]) == {"alpha"}
    token = await desk.auth.getAccessToken("alpha")
    assert await desk.auth.isTokenValid("alpha")
    stored = await desk.auth.getCredentialsFromVault("alpha")
    assert stored["access_token"] == token
    logins = {str(account.login) for account in await desk.auth.getAllAccounts(token)}
    assert {"12345", "12346"} <= logins
    await desk.auth.refreshTokenForAccount("alpha")
    renewed = await desk.auth.getAccessToken("alpha")
    assert renewed != token
    desk.auth.clearCache()
    assert await desk.auth.getAccessToken("alpha") == renewed, "it was stored"
    await desk.auth.scheduleTokenRefresh()


async def test_an_account_that_is_not_in_the_consent_is_an_error(desk: Desk) -> None:
    """Contract 15.6, initializeAccount links exactly the account that was asked for."""
    with pytest.raises(PlatformError, match="12346 is not in the token's list"):
        await desk.auth.initializeAccount("beta", await desk.code(ALPHA_ID))
    assert await desk.auth.getCredentialsFromVault("beta") == {}
    with pytest.raises(PlatformError, match="Account not found"):
        await desk.auth.initializeAccount("omega", "code")


async def test_pairs_are_exchanged_refreshed_and_saved(desk: Desk) -> None:
    """Contract 15.6, exchangeCodeForToken, refreshAccessToken, saveCredentialsToVault."""
    first = await desk.auth.exchangeCodeForToken(await desk.code(ALPHA_ID))
    second = await desk.auth.refreshAccessToken(first.refresh_token)
    with pytest.raises(AuthRefused):
        await desk.auth.refreshAccessToken(first.refresh_token)
    await desk.auth.saveCredentialsToVault("alpha", second)
    assert await desk.auth.getAccessToken("alpha") == second.access_token
    assert second.access_token not in repr(second)
