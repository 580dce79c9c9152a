"""Consents, authorisation codes and what the token endpoint answers. No HTTP and no clock in here.

As on the live service, the endpoint answers refusals with status 200 and an errorCode.
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fxpool.simulator.refusal import Refusal
from fxpool.simulator.tokens import Grant, Scope
from fxpool.simulator.venue import Venue

CODE_LIFETIME_MS = 60_000
SCOPES = {"trading": Scope.TRADE, "accounts": Scope.VIEW}

_MINUTE_MS = 60_000


class TooManyRequests(Exception):
    """The endpoint is called too often: status 429."""


@dataclass(frozen=True, slots=True)
class _Consent:
    account_ids: tuple[int, ...]
    scope: Scope
    redirect_uri: str
    expires_ms: int


class ConsentDesk:
    """Turns a user's consent into a code, and a code into tokens."""

    def __init__(self, venue: Venue, new_code: Callable[[], str]) -> None:
        self._venue = venue
        self._new_code = new_code
        self._consents: dict[str, _Consent] = {}
        self._requests_ms: deque[int] = deque()

    @property
    def venue(self) -> Venue:
        """The broker whose accounts are granted."""
        return self._venue

    def problem(self, client_id: str, redirect_uri: str, scope: str) -> str:
        """Return what is wrong with a request for consent, or nothing."""
        if client_id != self._venue.credentials.client_id:
            return f"There is no application with the client id {client_id!r}."
        if not redirect_uri.startswith(("http://", "https://")):
            return "The redirect_uri is missing, or no http address."
        if scope not in SCOPES:
            return f"The scope is {scope!r}, not trading or accounts."
        return ""

    def consent(
        self, account_ids: tuple[int, ...], scope: str, redirect_uri: str, at_ms: int
    ) -> str:
        """Return the code of a consent; it is good for one use within a minute."""
        code = self._new_code()
        self._consents[code] = _Consent(
            account_ids, SCOPES[scope], redirect_uri, at_ms + CODE_LIFETIME_MS
        )
        return code

    def answer(self, asked: Mapping[str, str], at_ms: int) -> dict[str, object]:
        """Return what the token endpoint answers. Raises TooManyRequests."""
        self._count(at_ms)
        credentials = self._venue.credentials
        secret = asked.get("client_secret", "")
        if asked.get("client_id") != credentials.client_id or not hmac.compare_digest(
            secret.encode(), credentials.client_secret.encode()
        ):
            return _failure("CH_CLIENT_AUTH_FAILURE", "clientId or clientSecret is incorrect")
        try:
            grant = self._granted(asked, at_ms)
        except Refusal as refusal:
            return _failure(refusal.code, refusal.text)
        return _success(grant, self._venue.profile.token_lifetime)

    def _granted(self, asked: Mapping[str, str], at_ms: int) -> Grant:
        """Return the tokens that are asked for. Raises Refusal."""
        kind = asked.get("grant_type")
        if kind == "refresh_token":
            return self._venue.refresh(asked.get("refresh_token", ""), at_ms)
        if kind != "authorization_code":
            raise Refusal("INVALID_REQUEST", f"Unsupported grant type {kind}")
        consent = self._consents.pop(asked.get("code", ""), None)
        if consent is None or at_ms >= consent.expires_ms:
            raise Refusal("ACCESS_DENIED", "Authorization code is invalid or expired")
        if asked.get("redirect_uri") != consent.redirect_uri:
            raise Refusal("ACCESS_DENIED", "redirect_uri is not that of the code")
        return self._venue.consent(consent.account_ids, consent.scope, at_ms)

    def _count(self, at_ms: int) -> None:
        limit = self._venue.profile.token_requests_per_minute
        while self._requests_ms and self._requests_ms[0] <= at_ms - _MINUTE_MS:
            self._requests_ms.popleft()
        if limit is not None and len(self._requests_ms) >= limit:
            raise TooManyRequests
        self._requests_ms.append(at_ms)


def _success(grant: Grant, lifetime: int) -> dict[str, object]:
    """Return tokens under both of the spellings that the endpoint has used."""
    return {
        "accessToken": grant.access_token,
        "tokenType": "bearer",
        "expiresIn": lifetime,
        "refreshToken": grant.refresh_token,
        "errorCode": None,
        "description": None,
        "access_token": grant.access_token,
        "token_type": "bearer",
        "expires_in": lifetime,
        "refresh_token": grant.refresh_token,
    }


def _failure(code: str, text: str) -> dict[str, object]:
    return {
        "accessToken": None,
        "tokenType": None,
        "expiresIn": None,
        "refreshToken": None,
        "errorCode": code,
        "description": text,
    }
