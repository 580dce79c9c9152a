"""What pages of other sites in browsers may ask of the gateway: CORS for the configured ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from fxpool.gateway.safe_headers import SAFE_HEADERS

CORS_HEADERS: Final = (
    "Authorization",
    "X-API-Key",
    "auth-token",
    "Content-Type",
    "Idempotency-Key",
    "X-Request-ID",
)
"""What pages of CTRADER_POOL_CORS_ORIGINS may send."""


class PagesOfOthers(CORSMiddleware):
    """Answers browsers that ask before a call, outside of the edge because they show no key yet."""

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        super().__init__(
            app,
            allow_origins=sorted(origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=[*CORS_HEADERS],
            expose_headers=["Retry-After", "X-Request-ID"],
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the answer, made safe as every other one is by the edge."""
        response = super().preflight_response(request_headers)
        response.raw_headers += SAFE_HEADERS
        return response
