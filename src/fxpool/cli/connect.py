"""``fxpool connect``: an owner's consent in the browser, then tokens in the secret store."""

from __future__ import annotations

import asyncio
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import SystemRandom
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from fxpool.auth import with_stored_application
from fxpool.auth.consent import STATE_SECONDS
from fxpool.cli import logs
from fxpool.cli.console import stderr, stdout
from fxpool.cli.exits import Exit, end_with, fail, print_json
from fxpool.cli.lifetime import run_until_signal
from fxpool.cli.loopback import LoopbackServer
from fxpool.clock import SystemClock
from fxpool.errors import FxPoolError, SettingsError
from fxpool.gateway.audit.acts import write_act
from fxpool.gateway.routes.oauth import page_of, remembering, take_consent
from fxpool.platforms.base import PlatformError
from fxpool.platforms.ctrader_consent import CTraderConsent, LinkOffer, LinkResult
from fxpool.platforms.ctrader_setup import accounts_from, credentials_from, endpoints_from
from fxpool.platforms.ctrader_tokens import CTraderTokens, TokenSources
from fxpool.platforms.directory import AccountNames, find_account
from fxpool.platforms.remote_http import PoolHttp
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import Pool
from fxpool.settings import Settings, is_loopback
from fxpool.store.shared import SharedState

OFFER_SECONDS: Final = 15.0
"""How long the gateway may take to make a link."""


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """The command's arguments."""

    account: str
    scope: str
    opens_browser: bool
    as_json: bool


def run(options: ConnectOptions) -> None:
    """Wait for the consent, store the tokens, and say where they are."""
    try:
        settings = Settings.from_environment()
        logs.configure("WARNING")
        run_until_signal(lambda: _connect(settings, options))
    except FxPoolError as error:
        end_with(error, as_json=options.as_json)


def offer(account: str, scope: str, *, url: str, api_key: str, as_json: bool) -> None:
    """Print a link for the account's owner, made by the running gateway that will serve it."""
    try:
        made = asyncio.run(_offer(account, scope, url, api_key))
    except FxPoolError as error:
        end_with(error, as_json=as_json)
    if as_json:
        print_json(made)
        return
    stdout().print(f"Send this to the owner of {', '.join(made['accounts'])}:", soft_wrap=True)
    stdout().print(made["url"], soft_wrap=True)
    stdout().print(f"It works once, until {made['expiresAt']}.", soft_wrap=True)


async def _offer(account: str, scope: str, url: str, api_key: str) -> LinkOffer:
    headers = {"X-API-Key": api_key} if api_key else {}
    http = PoolHttp(url, headers, timeout=OFFER_SECONDS)
    query = urlencode({"account_id": account, "scope": scope})
    try:
        return await http.post(f"/oauth/link?{query}", {}, LinkOffer)
    finally:
        await http.close()


async def _connect(settings: Settings, options: ConnectOptions) -> None:
    settings = await with_stored_application(settings)
    configs = accounts_from(settings)
    key = _key_of(options.account, configs)
    async with _opened(settings, configs) as tokens:
        desk = _Desk(tokens.consent, key, options.scope)
        async with LoopbackServer(desk.app(), desk.port):
            await _send_there(desk.start_url, options)
            result = await desk.result()
    _show(result, options)
    linked, failed = result["linked"], result["failed"]
    await write_act(settings, "accounts linked", linked=[*linked], failed=[*failed])
    if failed:
        key, text = next(iter(failed.items()))
        fail(Exit.REFUSED, f"{key} was not linked: {text}")


@asynccontextmanager
async def _opened(settings: Settings, configs: list[AccountConfig]) -> AsyncIterator[CTraderTokens]:
    clock, random = SystemClock(), SystemRandom()
    credentials = credentials_from(settings)
    async with Pool(endpoints_from(settings), credentials, clock=clock, random=random) as pool:
        tokens = CTraderTokens(
            configs,
            TokenSources.from_settings(settings),
            pool=pool,
            credentials=credentials,
            clock=clock,
            random=random,
            shared=SharedState.alone(clock),
        )
        try:
            await tokens.read()
            yield tokens
        finally:
            await tokens.close()


def _key_of(name: str, configs: list[AccountConfig]) -> str:
    """Return the configured account that a name means. Raises PlatformError."""
    known = (AccountNames(one.key, one.login, one.ctid, None) for one in configs)
    try:
        return find_account(name, known)
    except PlatformError as exc:
        if configs:
            raise
        text = "no cTrader account is configured: set CTRADER_ROUTING_CONFIG to a file that has it"
        raise SettingsError(text) from exc


class _Desk:
    """The two pages of this machine: one that begins the consent, one that takes it."""

    def __init__(self, consent: CTraderConsent, key: str, scope: str) -> None:
        site = urlsplit(consent.redirect_uri)
        if not is_loopback(site.hostname or ""):
            raise SettingsError(
                f"CTRADER_REDIRECT_URI is {consent.redirect_uri}, which does not lead to this "
                f"machine: open /api/ctrader/oauth/authorize?account_id={key} there instead"
            )
        self.port = site.port or 80
        self.start_url = f"{site.scheme}://{site.netloc}/"
        self._callback_path = site.path or "/"
        self._consent, self._key, self._scope = consent, key, scope
        self._outcome: asyncio.Future[LinkResult] = asyncio.get_running_loop().create_future()

    def app(self) -> Starlette:
        return Starlette(
            routes=[Route(self._callback_path, self._take), Route("/", self._begin)],
        )

    async def result(self) -> LinkResult:
        """Return what the consent led to. Raises PlatformError, also when nobody came back."""
        try:
            async with asyncio.timeout(STATE_SECONDS):
                return await self._outcome
        except TimeoutError:
            raise PlatformError(408, "CONSENT_MISSING", "nobody consented in time") from None

    async def _begin(self, request: Request) -> Response:
        page, state = await self._consent.begin([self._key], self._scope)
        return remembering(RedirectResponse(page, 302), state, self._consent.redirect_uri)

    async def _take(self, request: Request) -> Response:
        try:
            result = await take_consent(request, self._consent)
        except PlatformError as exc:
            if exc.code != "CONSENT_UNKNOWN" and not self._outcome.done():
                self._outcome.set_exception(exc)
            return PlainTextResponse(exc.detail, exc.status)
        if not self._outcome.done():
            self._outcome.set_result(result)
        return page_of(result)


async def _send_there(url: str, options: ConnectOptions) -> None:
    """Open the person's browser, or say what to open. Output of --json stays clean."""
    opened = options.opens_browser and await asyncio.to_thread(webbrowser.open, url)
    verb = "Opened in your browser" if opened else "Open this in a browser on this machine"
    stderr().print(f"{verb}: {url}", soft_wrap=True)
    stderr().print(f"Tick the account {options.account} there and consent. Waiting ...")


def _show(result: LinkResult, options: ConnectOptions) -> None:
    if options.as_json:
        print_json(result)
    else:
        for key, text in result["linked"].items():
            stdout().print(f"[green]linked[/] {key}: {text}")
        for text in result["warnings"]:
            stdout().print(f"[yellow]warning[/] {text}", soft_wrap=True)
        stdout().print(f"Tokens are in: {result['place']}", soft_wrap=True)
