"""HTTP calls to another pool: one request in, one typed answer or one PlatformError out.

Knows status codes, error bodies and what a broken transport means for a trade; knows no routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import httpx
import msgspec

from fxpool.mapping.formats import OutcomeWord, TradeResult
from fxpool.platforms.base import PlatformError
from fxpool.platforms.pool_results import UnusableAnswer, whole_result
from fxpool.tls import client_context

T = TypeVar("T")

CONNECT_TIMEOUT: Final = 5.0

_WHOLE_CALL: Final = 3
"""An answer that comes in drops ends after so many times the time for one of its parts."""

# The gateway drops an idle connection after 75 s. Letting go of ours first keeps a trade from being
# written to a connection that is just closing, which would leave it unclear.
KEEPALIVE_EXPIRY: Final = 30.0

_NOTHING_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

# No reason in the first: it could hold a word on which a caller sends the order again.
_UNCLEAR_ORDER: Final = (
    "Outcome unknown: the order went to the pool at {url} and its answer was not seen; "
    "look at positions and orders before sending it again"
)
_SERVER_ERRORS: Final = 500
_BEING_READ: Final = 202
"""MetaApi's paths answer so while an account is connected and its state is being read."""

_UNCLEAR_REPEATABLE: Final = (
    "timeout: no response from the pool at {url} ({reason}); outcome unknown, "
    "the same call may be repeated"
)

# Decimals go out as JSON numbers with the digits they have, not through a float.
_encode = msgspec.json.Encoder(decimal_format="number").encode


class _ErrorBody(msgspec.Struct):
    detail: str = ""
    error: str = ""
    code: str = ""
    retryable: bool = False
    outcome: OutcomeWord | None = None


class PoolHttp:
    """A pool's HTTP side. Close it when done."""

    def __init__(self, base_url: str, headers: Mapping[str, str], *, timeout: float) -> None:
        """``timeout`` is in seconds, for each of sending and waiting for the answer."""
        self.base_url = base_url
        self._longest = _WHOLE_CALL * timeout
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"Content-Type": "application/json", **headers},
            timeout=httpx.Timeout(timeout, connect=CONNECT_TIMEOUT),
            limits=httpx.Limits(max_connections=100, keepalive_expiry=KEEPALIVE_EXPIRY),
            verify=client_context(),
            trust_env=False,  # the pool is a neighbour: a proxy for the outside is not for it
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, shape: type[T], query: Mapping[str, str | None]) -> T:
        """Return the answer of a read. Raises PlatformError for everything else than a 2xx."""
        given = {name: value for name, value in query.items() if value is not None}
        return await self._ask("GET", path, shape, query=given)

    async def post(self, path: str, body: Mapping[str, Any], shape: type[T]) -> T:
        """Return the answer of a call that is not a trade. Raises PlatformError."""
        return await self._ask("POST", path, shape, body=body)

    async def trade(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        is_repeatable: bool,
        shape: type[Any] = TradeResult,
        read: Callable[[TradeResult], TradeResult] = whole_result,
    ) -> TradeResult:
        """Return what became of a trading call; it is sent once, whatever happens.

        ``is_repeatable`` says that a second call finds the first one done (a close, a cancel), so
        the text may hold the words on which callers try again. ``shape`` is looser for a pool that
        answers with more than a TradeResult, which ``read`` then makes one of; it raises
        UnusableAnswer where nothing is said of the trade.
        Raises PlatformError, outcome ``not_executed``, where the request had no effect.
        """
        try:
            response = await self._request("POST", path, content=_encode(_present(body)))
        except _NOTHING_SENT as exc:
            raise self._unreachable(exc, outcome="not_executed") from exc
        except httpx.RequestError as exc:
            return self._unclear(_reason(exc), "POOL_ANSWER_LOST", is_repeatable=is_repeatable)
        if response.is_success:
            try:
                return read(_decode(response, shape))
            except UnusableAnswer as exc:
                return self._unclear(str(exc), "INVALID_ANSWER", is_repeatable=is_repeatable)
        error = _error_of(response)
        if response.is_client_error and error.outcome is None:
            error.outcome = "not_executed"
        if error.outcome != "not_executed":
            return self._unclear(error.detail, error.code, is_repeatable=is_repeatable)
        raise error

    async def _ask(
        self,
        method: str,
        path: str,
        shape: type[T],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> T:
        content = None if body is None else _encode(_present(body))
        try:
            response = await self._request(method, path, params=query, content=content)
        except _NOTHING_SENT as exc:
            raise self._unreachable(exc) from exc
        except httpx.RequestError as exc:
            raise self._lost(exc) from exc
        if not response.is_success or response.status_code == _BEING_READ:
            raise _error_of(response)
        try:
            return _decode(response, shape)
        except UnusableAnswer as exc:
            raise PlatformError(502, "INVALID_ANSWER", str(exc)) from exc

    async def _request(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Return the whole answer to one request. Raises kinds of httpx.RequestError."""
        try:
            async with asyncio.timeout(self._longest):
                return await self._client.request(method, path, **parts)
        except TimeoutError:
            raise httpx.ReadTimeout("the answer came too slowly") from None

    def _unreachable(
        self, exc: httpx.RequestError, outcome: OutcomeWord | None = None
    ) -> PlatformError:
        return pool_unreachable(self.base_url, _reason(exc), outcome=outcome)

    def _lost(self, exc: httpx.RequestError) -> PlatformError:
        if isinstance(exc, httpx.TimeoutException):
            text = f"timeout: no response from the pool at {self.base_url}"
            return PlatformError(504, "POOL_TIMEOUT", text, retryable=True)
        text = f"network: the connection to the pool at {self.base_url} broke ({_reason(exc)})"
        return PlatformError(503, "POOL_LINK_LOST", text, retryable=True)

    def _unclear(self, reason: str, code: str, *, is_repeatable: bool) -> TradeResult:
        text = (
            _UNCLEAR_REPEATABLE.format(url=self.base_url, reason=reason)
            if is_repeatable
            else _UNCLEAR_ORDER.format(url=self.base_url)
        )
        return TradeResult(
            success=False,
            outcome="unknown",
            error=text,
            detail=text,
            code=code,
            retryable=is_repeatable,
        )


def pool_unreachable(url: str, reason: str, *, outcome: OutcomeWord | None = None) -> PlatformError:
    """Return the error for a pool that did not take the connection; nothing was sent."""
    return PlatformError(
        503,
        "POOL_UNREACHABLE",
        f"Pool service not running at {url}: start it with `fxpool serve` ({reason}, network)",
        retryable=True,
        outcome=outcome,
    )


def _present(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _decode(response: httpx.Response, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=shape)
    except msgspec.DecodeError as exc:
        path = response.request.url.path
        raise UnusableAnswer(f"the pool's answer to {path} cannot be used: {exc}") from exc


def _error_of(response: httpx.Response) -> PlatformError:
    where = f"{response.request.method} {response.request.url.path}"
    retry_after = response.headers.get("Retry-After")
    return error_told(response.status_code, response.content, where, retry_after=retry_after)


def error_told(
    status: int, content: bytes, where: str, *, retry_after: str | None = None
) -> PlatformError:
    """Return the error that a non-2xx answer tells of; a foreign body is named by its status."""
    try:
        body = msgspec.json.decode(content, type=_ErrorBody)
    except msgspec.DecodeError:
        body = _ErrorBody(retryable=status >= _SERVER_ERRORS)
    return PlatformError(
        status,
        body.code or f"HTTP_{status}",
        body.detail or body.error or f"{where} answered {status}",
        retryable=body.retryable,
        outcome=body.outcome,
        retry_after=_seconds(retry_after),
    )


def _seconds(header: str | None) -> float | None:
    """Return a Retry-After in seconds; its other form, a date, is not used by pools."""
    try:
        return None if header is None else float(header)
    except ValueError:
        return None


def _reason(exc: httpx.RequestError) -> str:
    """Return why a request failed, in the words that callers match."""
    if isinstance(exc, httpx.TimeoutException):
        return "timeout"
    if isinstance(exc, httpx.ConnectError) and "All connection attempts failed" in str(exc):
        return "connection refused"
    return str(exc) or type(exc).__name__
