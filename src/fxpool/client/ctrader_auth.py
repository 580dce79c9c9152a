"""CTraderAuth: tokens of cTrader accounts for programs that speak the Open API themselves.

A face with the older service's names on what the pool itself uses: a refresh token is spent once,
by one process, and its successor is stored before it is used. Tokens are in its answers, never in
its errors and logs.

Source: the authentication service of the older pools.
"""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from random import SystemRandom
from typing import Final, Self

from fxpool.auth import HttpTokenService, TokenPair, with_stored_application
from fxpool.auth.consent import SCOPES, consent_address
from fxpool.clock import Clock, SystemClock
from fxpool.errors import NeedsConsent, SettingsError
from fxpool.platforms.base import PlatformError
from fxpool.platforms.ctrader_consent import LinkResult
from fxpool.platforms.ctrader_setup import accounts_from, credentials_from, endpoints_from
from fxpool.platforms.ctrader_tokens import CTraderTokens, TokenSources, secret_paths
from fxpool.platforms.directory import AccountNames, find_account
from fxpool.platforms.routing import AccountConfig
from fxpool.platforms.token_accounts import TokenAccount
from fxpool.pool import Environment, Pool
from fxpool.settings import Settings
from fxpool.store.shared import SharedState

MARGIN: Final = timedelta(minutes=5)
"""A token that ends sooner than this is renewed before it is given out."""


class CTraderAuth:
    """The tokens of the configured accounts; use ``async with``.

    ``account_id`` is a key or login of the configuration. Calls raise kinds of FxPoolError:
    NeedsConsent where the owner must consent again, SecretError for the secret store, PlatformError
    for an account that is not configured or not in a consent.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        accounts: list[AccountConfig] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """``accounts`` are those of the settings' files unless given."""
        configs = accounts_from(settings) if accounts is None else accounts
        self._settings = settings
        self._configs = {config.key: config for config in configs}
        self._clock = clock or SystemClock()
        self._stack = AsyncExitStack()
        self._tokens: CTraderTokens | None = None
        self._service: HttpTokenService | None = None
        self._read: set[str] = set()
        self._is_scheduled = False

    @classmethod
    def from_environment(cls) -> Self:
        """Return the service for the application and accounts that the environment names."""
        return cls(Settings.from_environment())

    async def __aenter__(self) -> Self:
        self._settings = settings = await with_stored_application(self._settings)
        credentials, random = credentials_from(settings), SystemRandom()
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(
                Pool(endpoints_from(settings), credentials, clock=self._clock, random=random)
            )
            self._tokens = CTraderTokens(
                list(self._configs.values()),
                TokenSources.from_settings(settings),
                pool=pool,
                credentials=credentials,
                clock=self._clock,
                random=random,
                shared=SharedState.alone(self._clock),
            )
            stack.push_async_callback(self._tokens.close)
            stack.push_async_callback(self._tokens.finish)
            self._service = HttpTokenService(settings.token_url, credentials, clock=self._clock)
            stack.push_async_callback(self._service.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    # Consent

    def get_authorization_url(self, scope: str = "trading") -> str:
        """Return the page where an owner consents; ``scope`` is ``trading`` or ``accounts``."""
        if scope not in SCOPES:
            raise SettingsError(f"scope {scope!r}: use {' or '.join(SCOPES)}")
        settings = self._settings
        return consent_address(
            settings.consent_url, settings.client_id, settings.redirect_uri, scope
        )

    async def exchange_code_for_token(self, code: str) -> TokenPair:
        """Return the pair of a consent, which is stored nowhere; a code works once."""
        return await self._opened_service().exchange(code, self._settings.redirect_uri)

    async def refresh_access_token(self, refresh_token: str) -> TokenPair:
        """Return the pair that replaces another, which is dead from then on.

        The new one is stored nowhere: use ``refresh_token_for_account`` for configured accounts.
        """
        return await self._opened_service().refresh(refresh_token)

    async def get_all_accounts(self, access_token: str) -> list[TokenAccount]:
        """Return the accounts that a token opens, by the Open API's account list."""
        environments = [config.environment for config in self._configs.values()]
        environment = environments[0] if environments else Environment.DEMO
        return await self._opened().listed.all(environment, access_token)

    async def initialize_account(self, account_id: str, auth_code: str) -> LinkResult:
        """Store the tokens of a consent for exactly this account.

        Raises PlatformError if the consent does not hold the account; no other takes its place.
        """
        key = self._key(account_id)
        consent = self._opened().consent
        _, state = await consent.begin([key])
        result = await consent.finish(auth_code, state)
        if not result["success"]:
            raise PlatformError(409, "ACCOUNT_NOT_LINKED", result["failed"][key])
        return result

    # Tokens of accounts

    async def get_access_token(self, account_id: str) -> str:
        """Return a token that is good for five minutes at least: kept, stored, or renewed now."""
        key = await self._known(account_id)
        keeper = self._opened().keeper
        if not self._is_good(key) and keeper.status(key).can_renew:
            await keeper.renew(key)
        return keeper.access_token(key)

    async def is_token_valid(self, account_id: str) -> bool:
        """Whether the account has a token that is good for five minutes at least."""
        return self._is_good(await self._known(account_id))

    async def refresh_token_for_account(self, account_id: str) -> None:
        """Renew the account's pair now, for all accounts that share it, and store it."""
        await self._opened().keeper.renew(await self._known(account_id))

    async def schedule_token_refresh(self) -> None:
        """Keep all pairs fresh until this service ends. Does nothing twice."""
        await self._opened().read()
        if not self._is_scheduled:
            self._is_scheduled = True
            self._opened().open(tuple, lambda _: None)

    def clear_cache(self) -> None:
        """Look into the secret store again before the next answer."""
        self._read.clear()

    # The secret store

    async def get_credentials_from_vault(self, account_id: str) -> dict[str, str]:
        """Return the fields of the account's entry, tokens among them; empty if there is none."""
        store = self._opened().keeper.store
        for path in secret_paths(self._configs[self._key(account_id)]):
            entry = await store.read(path)
            if entry.exists:
                return dict(entry.fields)
        return {}

    async def save_credentials_to_vault(self, account_id: str, pair: TokenPair) -> None:
        """Store a pair for an account, and use it from now on."""
        key = self._key(account_id)
        await self._opened().keeper.link(key, pair, {})
        self._read.add(key)

    # Small parts

    def _is_good(self, key: str) -> bool:
        status = self._opened().keeper.status(key)
        if not status.is_linked or status.error:
            return False
        return status.expires_at is None or status.expires_at - self._clock.at() > MARGIN

    async def _known(self, account_id: str) -> str:
        """Return an account's key once its tokens are read. Raises NeedsConsent without any."""
        key = self._key(account_id)
        if key not in self._read:
            await self._opened().read()
            self._read = set(self._configs)
        status = self._opened().keeper.status(key)
        if not status.is_linked:
            raise NeedsConsent(status.error)
        return key

    def _key(self, account_id: str) -> str:
        known = (AccountNames(c.key, c.login, c.ctid, None) for c in self._configs.values())
        return find_account(account_id, known)

    def _opened(self) -> CTraderTokens:
        if self._tokens is None:
            raise RuntimeError("use this service with `async with`")
        return self._tokens

    def _opened_service(self) -> HttpTokenService:
        if self._service is None:
            raise RuntimeError("use this service with `async with`")
        return self._service

    getAuthorizationUrl = get_authorization_url
    exchangeCodeForToken = exchange_code_for_token
    refreshAccessToken = refresh_access_token
    getAllAccounts = get_all_accounts
    getAccessToken = get_access_token
    isTokenValid = is_token_valid
    getCredentialsFromVault = get_credentials_from_vault
    saveCredentialsToVault = save_credentials_to_vault
    refreshTokenForAccount = refresh_token_for_account
    scheduleTokenRefresh = schedule_token_refresh
    clearCache = clear_cache
    initializeAccount = initialize_account
