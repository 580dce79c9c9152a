"""From a consent to a live account and to renewed tokens: gateway, broker and browser over HTTP."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
import pytest
import structlog
from pydantic import SecretStr

from fxpool.account import Phase
from fxpool.auth import secret_store_from
from fxpool.cli import logs
from fxpool.clock import SystemClock
from fxpool.errors import NeedsConsent
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.audit.setup import audit_store_from, audit_trail_from
from fxpool.platforms.base import PlatformError
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.routing import AccountConfig
from fxpool.settings import Settings
from fxpool.simulator import Profile, Simulator, SimulatorOptions
from fxpool.simulator.switches import OldGrant
from fxpool.simulator.tokens import Grant
from fxpool.store.audit import AuditQuery
from harness.platforms import ALPHA, BETA, Served, live_platform, unlinked_settings

CALLBACK = "http://pool.test/api/ctrader/callback"
OPTIONS = SimulatorOptions(ticks_per_second=0, oauth_port=0, client_secret="planted-client-secret")
ALPHA_ID, BETA_ID = 10012345, 10012346
REFRESH_TOKEN_REQ = 2173


@dataclass
class Walk:
    """A person with a browser, the gateway, and the broker's pages."""

    served: Served
    settings: Settings
    browser: httpx.AsyncClient

    async def consent_page(self, *accounts: str, scope: str = "trading") -> str:
        query = [("account_id", account) for account in accounts] + [("scope", scope)]
        response = await self.browser.get("/oauth/authorize", params=query)
        assert response.status_code == 302, response.text
        return response.headers["location"]

    async def tick(self, page: str, *ctids: int) -> str:
        """Consent for some accounts; return the path that the browser is sent back to."""
        async with httpx.AsyncClient() as broker:
            form = "&".join(f"account={ctid}" for ctid in ctids)
            response = await broker.post(page, content=form)
        assert response.status_code == 303, response.text
        back = urlsplit(response.headers["location"])
        assert "state" not in back.query, "the service does not echo it"
        return f"{back.path}?{back.query}"

    async def link(self, account: str, *ctids: int) -> httpx.Response:
        return await self.browser.get(await self.tick(await self.consent_page(account), *ctids))

    async def stored(self, login: str) -> dict[str, str]:
        store = secret_store_from(self.settings)
        return dict((await store.read(f"ctrader/accounts/{login}")).fields)

    async def status(self) -> dict[str, dict[str, object]]:
        return (await self.browser.get("/oauth/status")).json()  # type: ignore[no-any-return] # JSON


@asynccontextmanager
async def walking(
    folder: Path,
    options: SimulatorOptions = OPTIONS,
    *,
    renew_tokens_by: Literal["session", "http"] = "session",
    api_key: str = "",
    accounts: Sequence[AccountConfig] = (ALPHA, BETA),
) -> AsyncIterator[Walk]:
    """Yield a walk; with ``api_key`` the gateway asks for one, and the walk's browser shows it."""
    key = SecretStr(api_key) if api_key else None
    async with Simulator(options) as simulator:
        settings = unlinked_settings(simulator, folder, CALLBACK, renew_tokens_by=renew_tokens_by)
        platform = CTraderPlatform.from_settings(settings, accounts=accounts)
        await platform.open()
        try:
            async with (
                audit_trail_from(settings, clock=SystemClock()) as trail,
                GatewayServer(
                    create_app(platform, api_key=key, trail=trail), port=0, drain_seconds=1
                ) as server,
                httpx.AsyncClient(
                    base_url=server.url, headers={"X-API-Key": api_key} if api_key else {}
                ) as browser,
            ):
                yield Walk(Served(simulator, platform), settings, browser)
        finally:
            await platform.close()


async def test_a_consent_makes_exactly_the_account_live_that_was_asked_for(
    tmp_path: Path,
) -> None:
    async with walking(tmp_path) as walk:
        await walk.served.phase("alpha", Phase.NEEDS_CONSENT)
        response = await walk.link("12345", ALPHA_ID, BETA_ID)
        assert response.status_code == 200
        assert "alpha: linked, demo account 12345 (trading)" in response.text
        await walk.served.phase("alpha", Phase.LIVE)
        status = await walk.status()
        assert status["alpha"]["linked"] is True
        assert status["alpha"]["canRefresh"] is True
        assert str(status["alpha"]["expiresAt"]) > "2026"
        assert status["beta"]["linked"] is False
        await walk.served.phase("beta", Phase.NEEDS_CONSENT)
        fields = await walk.stored("12345")
        assert fields["ctid_trader_account_id"] == str(ALPHA_ID)
        assert (fields["environment"], fields["scope"]) == ("demo", "trading")


async def test_an_account_that_was_not_ticked_is_not_linked_and_no_other_is(
    tmp_path: Path,
) -> None:
    async with walking(tmp_path) as walk:
        response = await walk.link("alpha", BETA_ID)
        assert response.status_code == 409
        assert "alpha: NOT linked: login 12345 is not in the token" in response.text
        assert await walk.stored("12345") == {}
        assert await walk.stored("12346") == {}


async def test_a_consent_needs_the_browser_that_began_it_and_works_once(tmp_path: Path) -> None:
    async with walking(tmp_path) as walk:
        back = await walk.tick(await walk.consent_page("alpha"), ALPHA_ID)
        async with httpx.AsyncClient(base_url=walk.browser.base_url) as stranger:
            assert (await stranger.get(back)).status_code == 403
        assert (await walk.browser.get(f"{back}&state=foreign")).status_code == 403
        assert (await walk.browser.get(back)).status_code == 200
        assert (await walk.browser.get(back)).status_code == 403


async def test_a_code_that_is_refused_names_the_redirect_uri_and_the_minute(
    tmp_path: Path,
) -> None:
    async with walking(tmp_path) as walk:
        await walk.consent_page("alpha")
        response = await walk.browser.get("/callback?code=invented")
        assert response.status_code == 502
        assert CALLBACK in response.json()["detail"]
        assert "within a minute" in response.json()["detail"]


async def test_what_is_asked_for_must_make_sense(tmp_path: Path) -> None:
    async with walking(tmp_path) as walk:
        get = walk.browser.get
        assert (await get("/oauth/authorize")).status_code == 422
        assert (await get("/oauth/authorize?account_id=omega")).status_code == 404
        wrong = await get("/oauth/authorize?account_id=alpha&scope=everything")
        assert wrong.status_code == 422
        denied = await get("/callback?error=access_denied")
        assert "access_denied" in denied.json()["detail"]


@pytest.mark.parametrize("renewal", ["session", "http"])
async def test_renewed_tokens_are_stored_and_the_account_lives_on_with_them(
    tmp_path: Path, renewal: Literal["session", "http"]
) -> None:
    wire = tmp_path / "wire.jsonl"
    async with walking(tmp_path, replace(OPTIONS, record=wire), renew_tokens_by=renewal) as walk:
        await walk.link("alpha", ALPHA_ID)
        await walk.served.phase("alpha", Phase.LIVE)
        before = await walk.stored("12345")
        response = await walk.browser.post("/oauth/refresh?account_id=12345")
        assert response.status_code == 200, response.text
        after = await walk.stored("12345")
        assert after["access_token"] != before["access_token"]
        await walk.served.phase("alpha", Phase.LIVE)
        (grant,) = _grants(walk, after["access_token"])
        assert grant.account_ids == (ALPHA_ID,)
    asked = {json.loads(line)["payloadType"] for line in wire.read_text().splitlines()}
    assert (REFRESH_TOKEN_REQ in asked) == (renewal == "session")


@pytest.fixture
def quiet_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Log as a process with LOG_LEVEL=WARNING does."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # restored at the end
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("WARNING")
    structlog.configure(cache_logger_on_first_use=False)  # loggers outlive this test
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("quiet_logs")
async def test_consent_and_renewal_are_in_the_audit_log_however_little_is_logged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with walking(tmp_path) as walk:
        await walk.link("alpha", ALPHA_ID)
        await walk.served.phase("alpha", Phase.LIVE)
        first = await walk.stored("12345")
        await walk.browser.post("/oauth/refresh?account_id=alpha")
        second = await walk.stored("12345")
    store = audit_store_from(walk.settings)
    told = [line.text for line in await store.lines(AuditQuery())][::-1]
    await store.close()
    lines = [json.loads(text) for text in told]
    actions = [line["action"] for line in lines]
    assert actions.index("accounts linked") < actions.index("tokens renewed")
    assert {"consent", "POST /oauth/refresh"} <= {*actions}
    linked = lines[actions.index("accounts linked")]
    assert linked["details"] == {"linked": ["alpha"], "failed": []}
    for pair in (first, second):
        assert pair["access_token"] not in "".join(told)
        assert pair["refresh_token"] not in "".join(told)
    assert "tokens renewed" not in capfd.readouterr().err


async def test_a_token_that_the_broker_kills_parks_its_account_and_causes_no_renewal(
    tmp_path: Path,
) -> None:
    async with walking(tmp_path) as walk:
        await walk.link("alpha", ALPHA_ID)
        await walk.served.phase("alpha", Phase.LIVE)
        before = await walk.stored("12345")
        walk.served.simulator.invalidate_token(before["access_token"])
        await walk.served.phase("alpha", Phase.NEEDS_CONSENT)
        assert await walk.stored("12345") == before
        assert (await walk.browser.post("/oauth/refresh?account_id=alpha")).status_code == 200
        await walk.served.phase("alpha", Phase.LIVE)


async def test_an_account_lives_on_its_access_token_while_the_broker_takes_that() -> None:
    """Documents say that another consent ends a refresh token; its access token works for days."""
    async with live_platform(refresh_token=SecretStr("ended-by-another-consent")) as served:
        consent = served.platform.consent
        with pytest.raises(PlatformError, match="authorise the application again"):
            await consent.refresh("alpha")
        await served.cut()
        await served.simulator.resume_accepting()
        await served.phase("alpha", Phase.LIVE)
        assert "was refused" in consent.status()["alpha"]["lastError"]


async def test_forgotten_tokens_are_gone_and_the_account_asks_for_consent(
    tmp_path: Path,
) -> None:
    async with walking(tmp_path) as walk:
        await walk.link("alpha", ALPHA_ID)
        await walk.served.phase("alpha", Phase.LIVE)
        assert (await walk.browser.delete("/api/ctrader/oauth/alpha")).status_code == 200
        await walk.served.phase("alpha", Phase.NEEDS_CONSENT)
        assert await walk.stored("12345") == {}
        again = await walk.browser.post("/oauth/refresh?account_id=alpha")
        assert again.status_code == 409


async def test_forgotten_tokens_are_gone_from_every_place_that_they_may_be_in(
    tmp_path: Path,
) -> None:
    async with walking(tmp_path) as walk:
        await walk.link("alpha", ALPHA_ID)
        await walk.served.phase("alpha", Phase.LIVE)
        store = secret_store_from(walk.settings)
        older = await walk.stored("12345")
        await store.write("ctrader/accounts/alpha", older, version=0)
        assert (await walk.browser.delete("/oauth/alpha")).status_code == 200
        assert await walk.stored("alpha") == {}
        assert await walk.stored("12345") == {}
        await store.close()


async def test_a_token_of_the_environment_does_not_bring_a_forgotten_account_back() -> None:
    async with live_platform(refresh_token=SecretStr("any")) as served:
        tokens = served.platform.consent
        message = await tokens.forget("alpha")
        assert "unset it before" in message
        await served.phase("alpha", Phase.NEEDS_CONSENT)
        keeper = served.platform._tokens.keeper
        await keeper.read_all()
        assert tokens.status()["alpha"]["linked"] is False
        with pytest.raises(NeedsConsent, match="removed on demand"):
            keeper.access_token("alpha")


@pytest.mark.parametrize("path", ["", "ctrader/accounts/other"])
async def test_equal_logins_at_two_brokers_do_not_overwrite_each_others_tokens(
    tmp_path: Path, path: str
) -> None:
    accounts = [
        replace(ALPHA, ctid=ALPHA_ID),
        replace(BETA, login=ALPHA.login, ctid=BETA_ID, vault_path=path),
    ]
    async with walking(tmp_path, accounts=accounts) as walk:
        await walk.link("alpha", ALPHA_ID)
        mine = await walk.stored("12345")
        response = await walk.link("beta", BETA_ID)
        assert await walk.stored("12345") == mine
        if not path:
            assert response.status_code == 409
            assert "_vaultPath" in response.text
            return
        assert response.status_code == 200, response.text
        await walk.served.phase("beta", Phase.LIVE)
        both = await walk.link("alpha", ALPHA_ID, BETA_ID)
        assert both.status_code == 200, both.text
        assert (await walk.browser.delete("/oauth/beta")).status_code == 200
        assert await walk.stored("other") == {}
        assert await walk.stored("12345") != {}


async def test_a_consent_with_fewer_accounts_says_whose_tokens_may_be_dead(
    tmp_path: Path,
) -> None:
    options = replace(OPTIONS, profile=Profile(old_grant=OldGrant.DIES))
    async with walking(tmp_path, options) as walk:
        page = await walk.consent_page("alpha", "beta")
        response = await walk.browser.get(await walk.tick(page, ALPHA_ID, BETA_ID))
        assert response.status_code == 200
        response = await walk.link("alpha", ALPHA_ID)
        assert response.status_code == 200
        assert "beta was linked by an earlier consent and is not in this one" in response.text
        response = await walk.link("alpha", ALPHA_ID, BETA_ID)
        assert response.status_code == 200


async def test_no_secret_appears_in_logs_or_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    async with walking(tmp_path) as walk:
        responses = [await walk.link("alpha", ALPHA_ID)]
        pairs = [await walk.stored("12345")]
        responses.append(await walk.browser.post("/oauth/refresh?account_id=alpha"))
        pairs.append(await walk.stored("12345"))
        paths = ("/oauth/status", "/health", "/callback?code=planted-code")
        responses += [await walk.browser.get(path) for path in paths]
        shown += [response.text + str(response.headers) for response in responses]
        shown.append(repr(walk.settings))
        broker_tokens = walk.served.simulator.grant
    # The test's own browser logs the addresses that it opens; they hold codes, and no more.
    logged = [record for record in caplog.records if not record.name.startswith(("httpx", "hpack"))]
    printed = capsys.readouterr()
    text = "\n".join([*shown, printed.out, printed.err, *(r.getMessage() for r in logged)])
    secrets = {"planted-client-secret", broker_tokens.access_token, broker_tokens.refresh_token}
    secrets |= {pair[name] for pair in pairs for name in ("access_token", "refresh_token")}
    assert len(secrets) == 7
    assert not [secret for secret in secrets if secret in text]
    opened = "\n".join(r.getMessage() for r in caplog.records if r.name == "httpx")
    assert "apps/token" not in opened


def _grants(walk: Walk, access_token: str) -> list[Grant]:
    tokens = walk.served.simulator.venue.tokens
    return [one for one in tokens.of_account(ALPHA_ID) if one.access_token == access_token]


async def test_a_consent_link_works_once_for_exactly_its_account(tmp_path: Path) -> None:
    """Its owner has no key of the gateway, which asks everybody else for one."""
    async with walking(tmp_path, api_key="planted-key") as walk:
        offer = (await walk.browser.post("/oauth/link?account_id=12345")).json()
        assert offer["url"].startswith("http://pool.test/api/ctrader/oauth/link/")
        assert offer["accounts"] == ["alpha"]
        path = urlsplit(offer["url"]).path
        async with httpx.AsyncClient(base_url=walk.browser.base_url) as owner:
            assert (await owner.get("/oauth/status")).status_code == 401
            assert (await owner.post("/oauth/link?account_id=12345")).status_code == 401
            assert (await owner.get("/oauth/authorize?account_id=12345")).status_code == 403
            for _ in range(2):  # a chat program looks first
                shown = await owner.get(path)
                assert shown.status_code == 200
                assert "Continue to cTrader" in shown.text
            page = await owner.post(path)
            assert page.status_code == 303, page.text
            done = await owner.get(await walk.tick(page.headers["location"], ALPHA_ID, BETA_ID))
            assert done.status_code == 200
            assert "alpha: linked" in done.text
            again = await owner.post(path)
            assert again.status_code == 410
            assert "ask for another one" in again.json()["detail"]
        await walk.served.phase("alpha", Phase.LIVE)
        await walk.served.phase("beta", Phase.NEEDS_CONSENT)
        assert (await walk.browser.post("/oauth/link")).status_code == 422


async def test_what_goes_wrong_is_a_page_to_a_browser_and_a_line_of_the_audit_log(
    tmp_path: Path,
) -> None:
    async with walking(tmp_path) as walk:
        accept = {"accept": "text/html,application/xhtml+xml"}
        for method, path, status, told in (
            ("POST", "/oauth/link/used", 410, "ask for another one"),
            ("GET", "/callback?error_description=<b>no</b>", 400, "&lt;b&gt;no&lt;/b&gt;"),
            ("GET", "/oauth/authorize?account_id=nobody", 404, "nobody"),
        ):
            page = await walk.browser.request(method, path, headers=accept)
            assert page.status_code == status
            assert page.headers["content-type"].startswith("text/html")
            assert "Not linked" in page.text
            assert told in page.text
            assert page.headers["x-request-id"] in page.text
    store = audit_store_from(walk.settings)
    told = [json.loads(line.text)["details"] for line in await store.lines(AuditQuery())]
    await store.close()
    codes = {details["after"]["code"] for details in told if "after" in details}
    assert codes == {"CONSENT_LINK_USED", "CONSENT_REFUSED"}


async def test_nobody_is_sent_to_consent_while_tokens_cannot_be_stored(tmp_path: Path) -> None:
    async with walking(tmp_path) as walk:
        offer = (await walk.browser.post("/oauth/link?account_id=12345")).json()
        back = await walk.tick(await walk.consent_page("alpha"), ALPHA_ID)
        store = tmp_path / "secrets.bin"
        with store.with_suffix(".lock").open("a") as lock:
            flock(lock, LOCK_EX)  # the audit log keeps its anchor there, and may just write it
            store.write_bytes(b"damaged")
            store.chmod(0o600)
        for response in (
            await walk.browser.get("/oauth/authorize?account_id=alpha"),
            await walk.browser.post(urlsplit(offer["url"]).path),
            await walk.browser.get(back),
        ):
            assert response.status_code == 503, response.text
            assert "Nothing was asked of the broker" in response.json()["detail"]
        store.unlink()
        assert (await walk.browser.get(back)).status_code == 200
