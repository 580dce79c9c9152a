"""HTTP calls to MetaApi, or to a pool in front of it: one request in, one typed answer out.

Knows status codes, waiting rules and what a broken transport means; knows no routes. A read is
asked again where MetaApi says so, within the caller's patience. A trade is sent once: whatever may
have reached the server without a clear answer is of unknown outcome.

Source: MetaApi documentation, error model, rate limiting and the rules for clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import httpx
import msgspec
import structlog

from fxpool.clock import Clock
from fxpool.errors import (
    AuthRefused,
    MappingError,
    OutcomeUnclear,
    RateLimited,
    RequestAbandoned,
    RequestNotSent,
    RequestRefused,
    RequestTimedOut,
    TradeRefused,
)
from fxpool.platforms.metaapi.credits import Credits
from fxpool.platforms.metaapi.model import ErrorAnswer
from fxpool.redaction import without_known
from fxpool.tls import client_context

T = TypeVar("T")

CONNECT_SECONDS: Final = 10.0
TRADE_SECONDS: Final = 25.0
"""How long an answer to a trade is waited for: callers give up after 30 s."""

PATIENCE_SECONDS: Final = 20.0
"""How long a read may take, with all that MetaApi asks us to wait."""

PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Between tries after a failure that may pass, in seconds."""

_OK: Final = 200
_ACCEPTED: Final = 202
_TOO_MANY: Final = 429
_FINAL: Final = frozenset({400, 401, 403, 404})
_NOTHING_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

_encode = msgspec.json.Encoder(decimal_format="number").encode

log = structlog.get_logger(__name__)


class MetaApiHttp:
    """One HTTP client with its headers and its credits. Close it when done."""

    def __init__(
        self,
        headers: Mapping[str, str],
        *,
        credits: Credits,  # noqa: A002 (MetaApi's own word; nobody here calls the built-in)
        clock: Clock,
        trade_seconds: float = TRADE_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """``headers`` hold the token; they are in no error and no log line."""
        self._credits = credits
        self._clock = clock
        self._trade_seconds = trade_seconds
        self._patience = patience
        self.requests = 0
        self.errors = 0
        self._client = httpx.AsyncClient(
            headers={"Content-Type": "application/json", **headers},
            timeout=httpx.Timeout(trade_seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=100, keepalive_expiry=30.0),
            verify=client_context(),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def get(
        self,
        url: str,
        shape: type[T],
        *,
        cost: float,
        query: Mapping[str, str] | None = None,
        patience: float | None = None,
    ) -> T:
        """Return the answer of a read.

        Raises kinds of RequestError: RequestRefused with MetaApi's word for what it refuses, others
        for a transport that failed longer than ``patience`` seconds; MappingError.
        """
        request = self._client.build_request("GET", url, params=query)
        return await self._read(request, shape, cost, patience or self._patience)

    async def ask(self, url: str, body: Mapping[str, Any], shape: type[T], *, cost: float) -> T:
        """Return the answer of a POST that changes nothing. Raises what ``get`` raises."""
        request = self._client.build_request("POST", url, content=_encode(body))
        return await self._read(request, shape, cost, self._patience)

    async def trade(self, url: str, body: Mapping[str, Any], shape: type[T]) -> T:
        """Send a trade, once, and return the server's word on it.

        Raises RequestNotSent or a refusal where it had no effect, else RequestTimedOut,
        RequestAbandoned or OutcomeUnclear: it may be live.
        """
        self._credits.for_trade()
        self.requests += 1
        try:
            response = await self._client.post(
                url, content=_encode(body), timeout=self._trade_seconds
            )
        except _NOTHING_SENT as exc:
            self.errors += 1
            raise RequestNotSent(f"no connection to {_host(url)} ({_reason(exc)})") from exc
        except httpx.TimeoutException as exc:
            self.errors += 1
            raise RequestTimedOut(f"{_host(url)} did not answer") from exc
        except httpx.RequestError as exc:
            self.errors += 1
            raise RequestAbandoned(f"the connection to {_host(url)} broke") from exc
        if response.status_code == _OK:
            try:
                return msgspec.json.decode(response.content, type=shape)
            except msgspec.DecodeError as exc:
                raise OutcomeUnclear("UNREADABLE_ANSWER", str(exc)) from exc
        self.errors += 1
        error = _error_of(response, self._clock.at())
        if response.status_code in _FINAL:
            raise TradeRefused(error.code, error.text) from error
        if response.status_code == _TOO_MANY:
            raise error
        raise OutcomeUnclear(error.code, error.text)

    async def _read(
        self, request: httpx.Request, shape: type[T], cost: float, patience: float
    ) -> T:
        deadline = self._clock.now() + patience
        tries = 0
        while True:
            await self._credits.for_read(cost)
            self.requests += 1
            left = max(1.0, deadline - self._clock.now())
            request.extensions["timeout"] = httpx.Timeout(left, connect=CONNECT_SECONDS).as_dict()
            failure: RequestRefused | RequestNotSent | RequestTimedOut
            told: float | None = None
            try:
                response = await self._client.send(request)
            except httpx.RequestError as exc:
                self.errors += 1
                failure = _unreached(str(request.url), exc)
            else:
                if response.status_code == _OK:
                    return _decoded(response, shape)
                self.errors += response.status_code != _ACCEPTED
                failure = _error_of(response, self._clock.at())
                if response.status_code in _FINAL:
                    raise failure
                told = failure.retry_after
            pause = PAUSES[min(tries, len(PAUSES) - 1)] if told is None else told
            tries += 1
            is_over = tries > len(PAUSES) and told is None
            if is_over or self._clock.now() + pause > deadline:
                raise failure
            log.debug("metaapi asked again", after=pause, why=str(failure))
            await self._clock.sleep(pause)


def _decoded(response: httpx.Response, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=shape)
    except msgspec.DecodeError as exc:
        path = response.request.url.path
        raise MappingError(f"the answer to {path} cannot be used: {exc}") from exc


def _error_of(response: httpx.Response, at: datetime) -> RequestRefused:
    """Return what a non-200 answer tells, in its own words; a foreign body by its status."""
    status = response.status_code
    try:
        body = msgspec.json.decode(response.content, type=ErrorAnswer)
    except msgspec.DecodeError:
        body = ErrorAnswer()
    text = body.message or f"{response.request.url.path} answered {status}"
    if body.details:
        text += f": {body.details}"
    text = without_known(text)
    retry_after = _retry_after(response, body, at)
    match status:
        case 202:
            return RequestRefused("NOT_READY_YET", text, retry_after=retry_after)
        case 401 | 403:
            return AuthRefused("AUTHENTICATION_FAILED", f"{body.error or status}: {text}")
        case 404:
            return RequestRefused("NOT_FOUND", text)
        case 429:
            return RateLimited("REQUEST_FREQUENCY_EXCEEDED", text, retry_after=retry_after)
        case 504:
            return RequestRefused("CANT_ROUTE_REQUEST", f"no connection to the broker: {text}")
        case 500 | 502 | 503 | 409:
            return RequestRefused("SERVER_ERROR", f"{body.error or status}: {text}")
    return RequestRefused(f"HTTP_{status}", text)


def _retry_after(response: httpx.Response, body: ErrorAnswer, at: datetime) -> float | None:
    """Return the seconds to wait, by the body's ``recommendedRetryTime``, else by the header."""
    recommended = body.metadata.get("recommendedRetryTime")
    header = response.headers.get("Retry-After")
    try:
        if isinstance(recommended, str):
            then = datetime.fromisoformat(recommended)
        elif header is None or header.replace(".", "", 1).isdecimal():
            return None if header is None else float(header)
        else:
            then = parsedate_to_datetime(header)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - at).total_seconds())


def _unreached(url: str, exc: httpx.RequestError) -> RequestNotSent | RequestTimedOut:
    if isinstance(exc, httpx.TimeoutException) and not isinstance(exc, _NOTHING_SENT):
        return RequestTimedOut(f"{_host(url)} did not answer")
    return RequestNotSent(f"no connection to {_host(url)} ({_reason(exc)})")


def _reason(exc: httpx.RequestError) -> str:
    return str(exc) or type(exc).__name__


def _host(url: str) -> str:
    return httpx.URL(url).host
