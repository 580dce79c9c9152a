"""Linking accounts: an owner's consent becomes stored tokens of exactly the accounts asked for.

Knows consents and tokens, not HTTP pages: the gateway and the command line show what it returns.

Source: Open API help, "Account authentication".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypedDict
from urllib.parse import urlsplit

import structlog

from fxpool.auth import HttpTokenService, TokenKeeper, TokenPair
from fxpool.auth.consent import (
    LINK_SECONDS,
    SCOPES,
    PendingConsent,
    PendingConsents,
    consent_address,
)
from fxpool.auth.secrets import ACCOUNT_ID
from fxpool.clock import Clock
from fxpool.errors import AuthRefused, FxPoolError, NeedsConsent, SecretError
from fxpool.mapping.instants import iso
from fxpool.platforms.base import PlatformError
from fxpool.platforms.routing import AccountConfig
from fxpool.platforms.token_accounts import AccountMismatch, TokenAccount, TokenAccounts
from fxpool.platforms.words import explain

_VIEW: Final = "accounts"
_TRADE: Final = "trading"

audit = structlog.get_logger("fxpool.audit")


@dataclass(frozen=True, slots=True)
class ConsentPages:
    """Where a person consents, and where the browser is sent afterwards."""

    consent_url: str
    redirect_uri: str

    @property
    def site(self) -> str:
        """Where the gateway's own pages are for a browser: beside the one it comes back to."""
        parts = urlsplit(self.redirect_uri)
        folder = parts.path.removesuffix("/callback") if parts.path.endswith("/callback") else ""
        return f"{parts.scheme}://{parts.netloc}{folder}"


class LinkResult(TypedDict):
    """What a consent led to.

    ``linked`` are the accounts that have its tokens now, ``failed`` those that were asked for and
    do not, each with the reason and the cure; ``warnings`` are about accounts linked earlier.
    """

    success: bool
    linked: dict[str, str]
    failed: dict[str, str]
    warnings: list[str]
    place: str


class LinkOffer(TypedDict):
    """A link for the accounts' owner: who opens it and consents links exactly these accounts."""

    url: str
    accounts: list[str]
    scope: str
    expiresAt: str


class LinkStatus(TypedDict):
    """What is told of an account's tokens; nothing of the tokens themselves."""

    linked: bool
    expiresAt: str | None
    scope: str
    lastRefresh: str | None
    canRefresh: bool
    lastError: str


class CTraderConsent:
    """Consents for the accounts of one application."""

    def __init__(
        self,
        accounts: Mapping[str, AccountConfig],
        *,
        pages: ConsentPages,
        client_id: str,
        service: HttpTokenService,
        listed: TokenAccounts,
        tokens: TokenKeeper,
        clock: Clock,
        pending: PendingConsents,
    ) -> None:
        self._accounts = dict(accounts)
        self._pages, self._client_id = pages, client_id
        self._service, self._listed, self._tokens = service, listed, tokens
        self._clock = clock
        self._pending = pending

    def add(self, config: AccountConfig) -> None:
        """Link one more account."""
        self._accounts[config.key] = config

    @property
    def consent_origin(self) -> str:
        """Where the broker's consent page is, without its path."""
        parts = urlsplit(self._pages.consent_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def redirect_uri(self) -> str:
        """Where the browser comes back to."""
        return self._pages.redirect_uri

    async def begin(self, accounts: Sequence[str], scope: str = _TRADE) -> tuple[str, str]:
        """Return the page where a person consents, and the state to keep in that browser.

        ``accounts`` are keys. Raises PlatformError, also while the tokens could not be stored.
        """
        _check_asked(accounts, scope)
        await self._check_store()
        state = await self._pending.begin(accounts, scope)
        pages = self._pages
        page = consent_address(pages.consent_url, self._client_id, pages.redirect_uri, scope)
        return page, state

    async def offer(self, accounts: Sequence[str], scope: str = _TRADE) -> LinkOffer:
        """Return a link to send to the owner of accounts; it works once. Raises PlatformError."""
        _check_asked(accounts, scope)
        token = await self._pending.offer(accounts, scope)
        until = self._clock.at() + timedelta(seconds=LINK_SECONDS)
        return LinkOffer(
            url=f"{self._pages.site}/oauth/link/{token}",
            accounts=[*accounts],
            scope=scope,
            expiresAt=iso(until),
        )

    async def accept(self, token: str) -> tuple[str, str]:
        """Begin the consent that a link asks for, as ``begin`` does. Raises PlatformError."""
        await self._check_store()
        offered = await self._pending.accept(token)
        if offered is None:
            raise PlatformError(
                410,
                "CONSENT_LINK_USED",
                "this link was used before, or is older than a day: ask for another one",
            )
        return await self.begin(offered.accounts, offered.scope)

    async def _check_store(self) -> None:
        """Raise PlatformError where new tokens would be lost: a consent may kill earlier ones."""
        try:
            await self._tokens.check_store()
        except SecretError as exc:
            text = f"{exc}. Nothing was asked of the broker: begin again when it works"
            raise PlatformError(503, "SECRET_STORE", text, retryable=True) from exc

    async def finish(self, code: str, state: str) -> LinkResult:
        """Turn the code of a consent into stored tokens. Raises PlatformError."""
        await self._check_store()
        pending = await self._pending.take(state)
        if pending is None:
            raise PlatformError(
                403,
                "CONSENT_UNKNOWN",
                "authentication failed: this browser has asked for no consent, or more than ten "
                "minutes ago; begin again with /oauth/authorize?account_id=...",
            )
        return await self._link(pending, await self._exchange(code))

    async def _exchange(self, code: str) -> TokenPair:
        try:
            return await self._service.exchange(code, self._pages.redirect_uri)
        except AuthRefused as exc:
            raise PlatformError(
                502,
                exc.code,
                f"authentication failed: the token service refused the code ({exc}). A code works "
                "once, within a minute, and only if the application's page lists exactly the "
                f"redirect URI {self._pages.redirect_uri}; begin again",
            ) from exc
        except FxPoolError as exc:
            raise explain(exc) from exc

    async def _link(self, pending: PendingConsent, pair: TokenPair) -> LinkResult:
        before = {other for key in pending.accounts for other in self._tokens.sharing(key)}
        linked: dict[str, str] = {}
        failed: dict[str, str] = {}
        for key in pending.accounts:
            try:
                linked[key] = await self._link_one(key, pair)
            except (AccountMismatch, SecretError) as exc:
                failed[key] = str(exc)
            except FxPoolError as exc:
                failed[key] = explain(exc).detail
        relinked, warnings = await self._relink(sorted(before - {*pending.accounts}), pair)
        audit.info("accounts linked", linked=[*linked, *relinked], failed=[*failed])
        return LinkResult(
            success=not failed,
            linked={**linked, **relinked},
            failed=failed,
            warnings=warnings,
            place=self._tokens.store.place,
        )

    async def _relink(
        self, keys: Sequence[str], pair: TokenPair
    ) -> tuple[dict[str, str], list[str]]:
        """Give the new pair to accounts that shared the old one, which a new consent may kill."""
        linked: dict[str, str] = {}
        warnings: list[str] = []
        for key in keys:
            try:
                linked[key] = await self._link_one(key, pair)
            except AccountMismatch:
                warnings.append(
                    f"account {key} was linked by an earlier consent and is not in this one: its "
                    "tokens may be dead now. Authorise again and tick all accounts"
                )
            except FxPoolError as exc:
                warnings.append(f"account {key} keeps its earlier tokens: {exc}")
        return linked, warnings

    async def _link_one(self, key: str, pair: TokenPair) -> str:
        """Store the pair for one account and say which account that is.

        Raises AccountMismatch, SecretError, and what ``Pool.request`` raises.
        """
        config = self._accounts[key]
        opened = await self._listed.find(config, pair.access_token)
        every = await self._listed.all(config.environment, pair.access_token)
        await self._tokens.link(key, pair, _facts(opened, config), [one.ctid for one in every])
        scope = "read only" if opened.is_view_only else "trading"
        return f"{opened.environment.value} account {opened.login or opened.ctid} ({scope})"

    def status(self) -> dict[str, LinkStatus]:
        """Return per account whether it is linked, until when, and what is wrong."""
        return {key: self._status(key) for key in self._accounts}

    def _status(self, key: str) -> LinkStatus:
        told = self._tokens.status(key)
        return LinkStatus(
            linked=told.is_linked,
            expiresAt=None if told.expires_at is None else iso(told.expires_at),
            scope=told.scope,
            lastRefresh=None if told.renewed_at is None else iso(told.renewed_at),
            canRefresh=told.can_renew,
            lastError=told.error,
        )

    async def refresh(self, key: str) -> LinkStatus:
        """Renew an account's tokens now, for all accounts that share them. Raises PlatformError."""
        try:
            await self._tokens.renew(key)
        except NeedsConsent as exc:
            raise PlatformError(409, "NEEDS_CONSENT", f"authentication failed: {exc.text}") from exc
        except SecretError as exc:
            raise PlatformError(503, "SECRET_STORE", str(exc), retryable=True) from exc
        except FxPoolError as exc:
            raise explain(exc) from exc
        return self._status(key)

    async def forget(self, key: str) -> str:
        """Remove an account's tokens and say in words what that means. Raises PlatformError."""
        try:
            is_elsewhere = await self._tokens.forget(key)
        except SecretError as exc:
            raise PlatformError(503, "SECRET_STORE", str(exc), retryable=True) from exc
        if not is_elsewhere:
            return f"the tokens of {key} are removed"
        return (
            f"the tokens of {key} are removed from the store, and it is not served until its owner "
            "consents or this gateway restarts: CTRADER_ACCESS_TOKEN stands in for missing tokens, "
            "so unset it before"
        )

    async def close(self) -> None:
        """Let go of the connections to the token service."""
        await self._service.close()


def _check_asked(accounts: Sequence[str], scope: str) -> None:
    """Raise PlatformError for what cannot be asked of an owner."""
    if scope not in SCOPES:
        raise PlatformError(422, "INVALID_REQUEST", f"scope: use {' or '.join(SCOPES)}")
    if not accounts:
        raise PlatformError(422, "INVALID_REQUEST", "account_id: say which account to link")


def _facts(opened: TokenAccount, config: AccountConfig) -> dict[str, str]:
    facts: dict[str, Any] = {
        ACCOUNT_ID: opened.ctid,
        "environment": opened.environment.value,
        "broker_name": opened.broker,
        "account_name": config.name,
        "scope": _VIEW if opened.is_view_only else _TRADE,
    }
    return {name: str(value) for name, value in facts.items() if value}
