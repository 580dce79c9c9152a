"""JSON in and out of routes: bodies keep their decimals as written, answers are encoded once."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, Final, get_type_hints

import msgspec
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fxpool.gateway.access.gatekeeper import admit, guarded
from fxpool.gateway.access.operations import operation_of
from fxpool.gateway.limits import GatewayLimits

KEY_HEADER: Final = "Idempotency-Key"
MAX_KEY_LENGTH: Final = 512

_JSON_TYPE: Final = re.compile(r"\s*application/([^;\s]+\+)?json\s*(;|$)", re.IGNORECASE)
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_encode: Final = msgspec.json.Encoder().encode


class ExactRequest(Request):
    """A request whose JSON numbers with a point become Decimal, never float."""

    async def body(self) -> bytes:
        """Return the body. Raises HTTPException: 413 as soon as it is longer than the limit, 400
        if the caller leaves."""
        if not hasattr(self, "_body"):
            limits: GatewayLimits = self.app.limits
            body = bytearray()
            try:
                async for chunk in self.stream():
                    body += chunk
                    if len(body) > limits.max_body_bytes:
                        raise HTTPException(413, f"the body exceeds {limits.max_body_bytes} bytes")
            except ClientDisconnect as exc:
                raise HTTPException(400, "the caller left before its body was whole") from exc
            self._body = bytes(body)
        return self._body

    async def json(self) -> Any:
        """Return the body. Raises HTTPException 400 if it is not JSON; NaN is not."""
        try:
            return _decoder.decode(await self.body())
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise HTTPException(400, f"the body is not valid JSON: {exc}") from exc


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

    FastAPI looks up what an endpoint wants anew for each request, which is most of what stands
    between an order and its frame. What the endpoint declares still makes the documentation, and
    bad requests get the same answers.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint, model = self.endpoint, get_type_hints(self.endpoint)["body"]
        takes_key = "key" in inspect.signature(endpoint).parameters

        async def handle(request: Request) -> Response:
            exact = ExactRequest(request.scope, request.receive)
            content: object = await exact.body()
            if content and _JSON_TYPE.match(exact.headers.get("content-type", "")):
                content = await exact.json()
            try:
                body = model.model_validate(content)
            except ValidationError as exc:
                errors = [error | {"loc": ("body", *error["loc"])} for error in exc.errors()]
                raise RequestValidationError(errors) from exc
            given = {"key": _key(exact)} if takes_key else {}
            response: Response = await endpoint(body=body, platform=guarded(exact.scope), **given)
            return response

        return handle


def _key(request: Request) -> str | None:
    """Return the header with an order's key. Raises RequestValidationError if it is too long."""
    key = request.headers.get(KEY_HEADER)
    if key is not None and len(key) > MAX_KEY_LENGTH:
        text = f"String should have at most {MAX_KEY_LENGTH} characters"
        error = {"type": "string_too_long", "loc": ("header", KEY_HEADER), "msg": text}
        raise RequestValidationError([error])
    return key


def answer(body: object, status_code: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(_encode(body), status_code=status_code, media_type="application/json")
