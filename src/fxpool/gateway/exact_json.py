"""JSON in and out of routes: bodies keep their decimals as written, answers are encoded once."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Coroutine, Iterable
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, get_type_hints

import msgspec
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from fxpool.domain.permissions import Operation
from fxpool.gateway.access.gatekeeper import admit, guarded
from fxpool.gateway.access.operations import operation_of
from fxpool.gateway.errors import ANSWERED, answer_error
from fxpool.gateway.heads import head_of, header
from fxpool.gateway.limits import GatewayLimits
from fxpool.gateway.quick_bodies import QuickReader
from fxpool.gateway.repeats import has_key, told_as_repeat
from fxpool.gateway.schemas import PoolBody
from fxpool.platforms.base import PlatformError

KEY_HEADER: Final = "Idempotency-Key"
MAX_KEY_LENGTH: Final = 512
_KEY_BYTES: Final = KEY_HEADER.lower().encode()
ORDER_METHOD: Final = "POST"

_JSON_TYPE: Final = re.compile(rb"\s*application/([^;\s]+\+)?json\s*(;|$)", re.IGNORECASE)
_PLAIN_JSON: Final = b"application/json"
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_encode: Final = msgspec.json.Encoder().encode


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return a request's body. Raises HTTPException: 413 as soon as it is longer than the limit,
    400 if the caller leaves."""
    limits: GatewayLimits = scope["app"].limits
    parts: list[bytes] = []
    size, has_more = 0, True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "the caller left before its body was whole")
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        has_more = message.get("more_body", False)
        if size > limits.max_body_bytes:
            raise HTTPException(413, f"the body exceeds {limits.max_body_bytes} bytes")
    return b"".join(parts)


def exact_json(body: bytes) -> Any:
    """Return a body's value. Raises HTTPException 400 if it is not JSON, which NaN is not, or has a
    name twice: which of the two was meant, nobody knows."""
    try:
        value = _decoder.decode(body)
        # A plain order has a colon for each of its names. More are within text or nested objects,
        # or belong to names that the last one of their kind took the place of.
        if isinstance(value, dict) and body.count(b":") != len(value):
            json.loads(body, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise HTTPException(400, f"the body is not valid JSON: {exc}") from exc
    except RecursionError as exc:
        raise HTTPException(400, "the body is nested too deeply") from exc
    return value


def _once(members: list[tuple[str, Any]]) -> None:
    """Take the members of a JSON object. Raises HTTPException for a name that comes twice."""
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise HTTPException(400, f"{name:.80}: the body has it more than once; send it once")
        seen.add(name)


class ExactRequest(Request):
    """A request whose JSON numbers with a point become Decimal, never float."""

    async def body(self) -> bytes:
        """As ``read_body``, read once."""
        if not hasattr(self, "_body"):
            self._body = await read_body(self.scope, self.receive)
        return self._body

    async def json(self) -> Any:
        """As ``exact_json``."""
        return exact_json(await self.body())


class ExactRoute(APIRoute):
    """A route that reads its body through ExactRequest, for callers that may do what it does."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.operation = operation_of(endpoint, path)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await admit(scope, self.operation)
        await super().handle(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_exactly(request: Request) -> Response:
            return await handle(ExactRequest(request.scope, request.receive))

        return handle_exactly


class OrderRoute(ExactRoute):
    """A route for a ``body``, the platform and perhaps a ``key``, read without the framework.

    FastAPI looks up what an endpoint wants anew for each request, and keeps stacks for what needs
    closing; that is most of what stood between an order and its frame. What the endpoint declares
    still makes the documentation, and bad requests get the same answers.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._body_type: type[PoolBody] = get_type_hints(endpoint)["body"]
        self._quick = QuickReader(self._body_type)
        self._takes_key = "key" in inspect.signature(endpoint).parameters

    async def respond(self, scope: Scope, receive: Receive) -> Response:
        """Return the answer to an order. Raises one of ``errors.ANSWERED``."""
        try:
            await admit(scope, self.operation)
        except PlatformError as refused:
            if refused.status == HTTPStatus.TOO_MANY_REQUESTS and self.operation is Operation.PLACE:
                raise await _of_a_repeat(refused, scope, receive) from refused
            raise
        sent = await read_body(scope, receive)
        content: object = exact_json(sent) if sent and _is_json(scope) else sent
        try:
            body = self._quick.read(content) or self._body_type.model_validate(content)
        except ValidationError as exc:
            errors = [error | {"loc": ("body", *error["loc"])} for error in exc.errors()]
            raise RequestValidationError(errors) from exc
        given = {"key": _key(scope)} if self._takes_key else {}
        response: Response = await self.endpoint(body=body, platform=guarded(scope), **given)
        return response


class OrderLane:
    """Calls of orders go to their route by one look-up, past the framework; all others to it."""

    def __init__(self, framework: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._framework = framework
        self._routes = {route.path: route for route in routes if isinstance(route, OrderRoute)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_post = scope.get("method") == ORDER_METHOD
        route = self._routes.get(scope["path"]) if is_post else None
        if route is None:
            await self._framework(scope, receive, send)
            return
        scope.update(route=route, endpoint=route.endpoint, path_params={})
        try:
            response = await route.respond(scope, receive)
        except ANSWERED as error:
            response = answer_error(error, scope)
        await response(scope, receive, send)


def _is_json(scope: Scope) -> bool:
    kind = head_of(scope).get(b"content-type", b"")
    return kind == _PLAIN_JSON or _JSON_TYPE.match(kind) is not None


def _key(scope: Scope) -> str | None:
    """Return the header with an order's key. Raises RequestValidationError if it is too long, or
    empty: its caller would take the order for one that may be sent again."""
    key = header(scope, _KEY_BYTES)
    if key is None or 0 < len(key.strip()) <= len(key) <= MAX_KEY_LENGTH:
        return key
    text = f"send 1 to {MAX_KEY_LENGTH} characters, or no such header"
    raise RequestValidationError(
        [{"type": "string_length", "loc": ("header", KEY_HEADER), "msg": text}]
    )


async def _of_a_repeat(refused: PlatformError, scope: Scope, receive: Receive) -> PlatformError:
    """Return what an order is told that comes too often: one with a key may be a repeat."""
    request = ExactRequest(scope, receive)
    try:
        body = await request.json()
    except HTTPException:
        body = None
    is_keyed = has_key(body, header(scope, _KEY_BYTES))
    return told_as_repeat(refused) if is_keyed else refused


def answer(body: object, status_code: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(_encode(body), status_code=status_code, media_type="application/json")
