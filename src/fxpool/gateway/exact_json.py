"""JSON in and out of routes: bodies keep their decimals as written, answers are encoded once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, Final

import msgspec
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fxpool.gateway.limits import GatewayLimits

_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_encode: Final = msgspec.json.Encoder().encode


class ExactRequest(Request):
    """A request whose JSON numbers with a point become Decimal, never float."""

    async def body(self) -> bytes:
        """Return the body. Raises HTTPException 413 as soon as it is longer than the limit."""
        if not hasattr(self, "_body"):
            limits: GatewayLimits = self.app.limits
            body = bytearray()
            async for chunk in self.stream():
                body += chunk
                if len(body) > limits.max_body_bytes:
                    raise HTTPException(413, f"the body exceeds {limits.max_body_bytes} bytes")
            self._body = bytes(body)
        return self._body

    async def json(self) -> Any:
        """Return the body. Raises HTTPException 400 if it is not JSON; NaN is not."""
        try:
            return _decoder.decode(await self.body())
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise HTTPException(400, f"the body is not valid JSON: {exc}") from exc


class ExactRoute(APIRoute):
    """A route that reads its body through ExactRequest."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_exactly(request: Request) -> Response:
            return await handle(ExactRequest(request.scope, request.receive))

        return handle_exactly


def answer(body: object, status_code: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(_encode(body), status_code=status_code, media_type="application/json")
