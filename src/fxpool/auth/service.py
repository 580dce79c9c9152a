"""Asking the token service: codes and refresh tokens into pairs, over HTTP or on a pool's session.

Says in each error whether the request may have taken effect, since a refresh token works once.

Source: Open API help, "Account authentication", and ProtoOARefreshTokenReq. The HTTP endpoint
takes its secrets in the query and answers refusals with status 200 and an ``errorCode``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import httpx

from fxpool.auth.tokens import TokenPair, pair_given
from fxpool.clock import Clock
from fxpool.errors import (
    AuthRefused,
    MappingError,
    RateLimited,
    RequestAbandoned,
    RequestNotSent,
    RequestTimedOut,
)
from fxpool.openapi.proto.messages_pb2 import ProtoOARefreshTokenReq, ProtoOARefreshTokenRes
from fxpool.pool import ApplicationCredentials, Environment, Pool
from fxpool.redaction import without_known
from fxpool.tls import client_context

ANSWER_SECONDS: Final = 60.0
"""How long an answer is waited for: a reply that is given up is a pair that is lost."""

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Refresher(Protocol):
    """Exchanges a refresh token for a new pair."""

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Return the pair that replaces the old one, which is dead from then on.

        Raises RequestRefused and its kinds (AuthRefused for a token that is spent),
        RequestNotSent, RequestTimedOut and RequestAbandoned (the old pair may be dead),
        MappingError for an answer that is none.
        """
        ...


class HttpTokenService:
    """The token endpoint over HTTPS. Use ``close`` at the end."""

    def __init__(
        self,
        url: str,
        credentials: ApplicationCredentials,
        *,
        clock: Clock,
        timeout: float = ANSWER_SECONDS,
    ) -> None:
        self._url, self._credentials, self._clock = url, credentials, clock
        self._timeout = httpx.Timeout(timeout).as_dict()
        # The transport and not a client: a client logs every address, and this one holds secrets.
        self._http = httpx.AsyncHTTPTransport(verify=client_context())

    async def exchange(self, code: str, redirect_uri: str) -> TokenPair:
        """Return the pair of a consent; its code works once and for a minute. Raises as above."""
        return await self._ask(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        )

    async def refresh(self, refresh_token: str) -> TokenPair:
        return await self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, question: Mapping[str, str]) -> TokenPair:
        credentials = self._credentials
        who = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        # Foreign errors are named by their kind only: some hold the address, and so the secrets.
        try:
            request = httpx.Request(
                "GET",
                self._url,
                params={**question, **who},
                headers={"Accept": "application/json"},
                extensions={"timeout": self._timeout},
            )
            response = await self._http.handle_async_request(request)
            await response.aread()
        except _NOT_SENT as exc:
            text = f"the token service cannot be reached: {type(exc).__name__}"
            raise RequestNotSent(text) from None
        except httpx.TimeoutException:
            raise RequestTimedOut("the token service did not answer in time") from None
        except httpx.HTTPError as exc:
            text = f"the token service's answer was lost: {type(exc).__name__}"
            raise RequestAbandoned(text) from None
        return self._pair_in(response)

    def _pair_in(self, response: httpx.Response) -> TokenPair:
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise RateLimited("TOO_MANY_REQUESTS", "the token service is called too often")
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise MappingError(f"the token service answered {response.status_code} without JSON")
        code = _either(answer, "errorCode", "error_code", "error")
        if code:
            told = str(_either(answer, "description") or "")
            raise AuthRefused(str(code), without_known(told))
        access_token = _either(answer, "accessToken", "access_token")
        refresh_token = _either(answer, "refreshToken", "refresh_token")
        if not isinstance(access_token, str) or not isinstance(refresh_token, str):
            raise MappingError(f"the token service answered {response.status_code} without tokens")
        expires_in = _seconds(_either(answer, "expiresIn", "expires_in"))
        return pair_given(access_token, refresh_token, expires_in, self._clock.at())


class PoolRefresher:
    """The same over an open session of a pool, which needs no other way out."""

    def __init__(self, pool: Pool, environment: Environment, *, clock: Clock) -> None:
        self._pool, self._environment, self._clock = pool, environment, clock

    async def refresh(self, refresh_token: str) -> TokenPair:
        request = ProtoOARefreshTokenReq(refreshToken=refresh_token)
        answer = await self._pool.request(self._environment, request, timeout=ANSWER_SECONDS)
        if not isinstance(answer, ProtoOARefreshTokenRes):
            raise MappingError(f"a token refresh was answered by {type(answer).__name__}")
        expires_in = float(answer.expiresIn)
        at = self._clock.at()
        return pair_given(answer.accessToken, answer.refreshToken, expires_in, at)


def _either(answer: Mapping[str, Any], *names: str) -> Any:
    return next((answer[name] for name in names if answer.get(name) is not None), None)


def _seconds(told: object) -> float | None:
    """Return a time that an answer tells; None for what is no number: its tokens count all the
    same."""
    try:
        return float(told) if isinstance(told, int | float | str) else None
    except (ValueError, OverflowError):
        return None
