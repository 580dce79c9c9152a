"""Accounts and their tokens: where an account's entry is, which seat its token gives it, and the
parts that keep tokens fresh and take new ones in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from secrets import token_urlsafe
from typing import Final, Self

import structlog

from fxpool.auth import (
    ACCOUNTS,
    HttpTokenService,
    PoolRefresher,
    SecretStore,
    TokenKeeper,
    rescue_store_from,
    secret_store_from,
)
from fxpool.auth.consent import PendingConsents
from fxpool.clock import Clock
from fxpool.errors import FxPoolError, RequestRefused
from fxpool.openapi import Reaction, reaction_to
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_consent import ConsentPages, CTraderConsent
from fxpool.platforms.routing import AccountConfig
from fxpool.platforms.token_accounts import AccountMismatch, TokenAccounts
from fxpool.pool import ApplicationCredentials, Environment, Pool, Seat
from fxpool.settings import Settings
from fxpool.store.shared import SharedState

RETRY_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses between attempts to read a token's account list, and to keep tokens fresh."""

STABLE_SECONDS: Final = 60.0
"""A keeper that ran for so long begins with the shortest pause again when it ends."""

_NEEDS_A_NEW_TOKEN: Final = frozenset({Reaction.TOKEN, Reaction.FATAL})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TokenSources:
    """Where tokens are kept and come from.

    Attributes:
        rescue: takes new tokens while ``secrets`` is away.
        renews_by_http: pairs are renewed at ``token_url`` and not on a session of the pool.
    """

    secrets: SecretStore
    rescue: SecretStore | None
    token_url: str
    pages: ConsentPages
    renews_by_http: bool = False

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return what the settings mean. Raises SettingsError."""
        return cls(
            secret_store_from(settings),
            rescue_store_from(settings),
            settings.token_url,
            ConsentPages(settings.consent_url, settings.redirect_uri),
            renews_by_http=settings.renew_tokens_by == "http",
        )


def secret_paths(config: AccountConfig) -> Sequence[str]:
    """Return where an account's tokens may be kept, most likely first."""
    names = dict.fromkeys(name for name in (config.login, config.key) if name)
    usual = [f"{ACCOUNTS}/{name}" for name in names]
    return [config.vault_path, *usual] if config.vault_path else usual


class CTraderTokens:
    """The tokens of all accounts of one application.

    Attributes:
        consent: how accounts are linked, by key.
    """

    def __init__(
        self,
        accounts: Sequence[AccountConfig],
        sources: TokenSources,
        *,
        pool: Pool,
        credentials: ApplicationCredentials,
        clock: Clock,
        random: Random,
        shared: SharedState,
    ) -> None:
        self._clock = clock
        self._listed = TokenAccounts(pool)
        self._stores = [sources.secrets] + ([sources.rescue] if sources.rescue else [])
        service = HttpTokenService(sources.token_url, credentials, clock=clock)
        on_session = PoolRefresher(pool, _first_environment(accounts), clock=clock)
        self._tokens = TokenKeeper(
            sources.secrets,
            service if sources.renews_by_http else on_session,
            clock=clock,
            random=random,
            owner=token_urlsafe(12),
            application=credentials.client_id,
            leases=shared.leases,
            rescue=sources.rescue,
        )
        self._known = {config.key for config in accounts}
        for config in accounts:
            self._tokens.add(config.key, secret_paths(config))
        self.consent = CTraderConsent(
            {config.key: config for config in accounts},
            pages=sources.pages,
            client_id=credentials.client_id,
            service=service,
            listed=self._listed,
            tokens=self._tokens,
            clock=clock,
            pending=PendingConsents(shared.consents, partial(token_urlsafe, 24)),
        )
        self._keeping: asyncio.Task[None] | None = None
        self._failure: str | None = None
        self.told: Callable[[str | None], None] = lambda _: None
        """Called with each failure of the renewals, and with None once they go on; its owner may
        replace it."""

    @property
    def keeper(self) -> TokenKeeper:
        """The pairs themselves, for programs that speak to the broker on their own."""
        return self._tokens

    @property
    def listed(self) -> TokenAccounts:
        """The account lists of tokens."""
        return self._listed

    @property
    def failure(self) -> str | None:
        """Why no token is renewed now; None while they are."""
        return self._failure or self._tokens.store_failure

    def open(self, parked: Callable[[], Collection[str]], renewed: Callable[[str], None]) -> None:
        """Start keeping all tokens fresh; see ``TokenKeeper.run``."""
        self._keeping = asyncio.create_task(self._keep(parked, renewed), name="tokens")

    def add(self, config: AccountConfig) -> None:
        """Keep the tokens of one more account; those of one that is known stay as they are."""
        if config.key not in self._known:
            self._known.add(config.key)
            self._tokens.add(config.key, secret_paths(config))
        self.consent.add(config)

    async def finish(self) -> None:
        """End the keeping. A renewal under way is waited for, so its link must still be there."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])

    async def close(self) -> None:
        """Let go of stores and services."""
        await self.consent.close()
        for store in self._stores:
            await store.close()

    async def read(self) -> None:
        """Read all accounts' tokens now, for a process that does not keep them fresh."""
        await self._tokens.read_all()

    async def _keep(
        self, parked: Callable[[], Collection[str]], renewed: Callable[[str], None]
    ) -> None:
        """Keep tokens fresh until cancelled: the outermost frame of its task.

        An error that nobody foresaw must not end renewals for good: they begin again after a pause.
        """
        attempt = 0
        while True:
            began = self._clock.now()
            if self._failure is not None:
                self._failure = None
                self.told(None)
            try:
                await self._tokens.run(parked, renewed)
            except Exception as exc:  # renewals must go on; the failure is shown in the health
                if self._clock.now() - began >= STABLE_SECONDS:
                    attempt = 0
                pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                attempt += 1
                self._failure = f"renewals stopped, again in {pause:g} s: {type(exc).__name__}"
                log.exception("the token keeper ended", again_in=pause)
                self.told(self._failure)
                await self._clock.sleep(pause)

    async def seat(self, account: CTraderAccount) -> Seat:
        """Return an account's seat, however long a token that opens it takes to come.

        What is waited for shows in the account's state.
        """
        attempt = 0
        while True:
            try:
                token = self._tokens.access_token(account.key)
                account.opened = opened = await self._listed.find(account.config, token)
            except (AccountMismatch, FxPoolError) as exc:
                pause = _tell(account, exc, RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            else:
                token_of = partial(self._tokens.access_token, account.key)
                return Seat(opened.ctid, opened.environment, token_of)
            attempt += 1
            await self._changed(account.key, pause)

    async def _changed(self, key: str, pause: float | None) -> None:
        """Wait for another token, or for ``pause`` seconds if that is no None."""
        changed = asyncio.create_task(self._tokens.changed(key), name=f"token-of-{key}")
        waiting: set[asyncio.Task[None]] = {changed}
        if pause is not None:
            waiting.add(asyncio.create_task(self._clock.sleep(pause), name=f"pause-of-{key}"))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()


def _first_environment(accounts: Sequence[AccountConfig]) -> Environment:
    """Return where token requests go: an environment that is in use anyway."""
    environments = (config.environment for config in accounts if config.enabled)
    return next(environments, Environment.DEMO)


def _tell(account: CTraderAccount, error: Exception, pause: float) -> float | None:
    """Show why there is no seat; return the pause before the next attempt.

    None means that only another token can help.
    """
    if isinstance(error, AccountMismatch):
        account.live.refuse(str(error))
        return None
    if isinstance(error, RequestRefused) and (
        reaction_to(error.code, error.text) in _NEEDS_A_NEW_TOKEN
    ):
        account.live.refused(error)
        return None
    account.live.waits_for(f"reading the token's accounts: {error}")
    return pause
