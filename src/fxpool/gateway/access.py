"""Who may call: the service key, and web pages of other sites. Pure but for its ASGI shell.

Without a key the gateway listens on loopback only (``server`` refuses anything else), and what
could still reach it is a web page in a browser on this machine: a page of another site may open a
WebSocket or send a plain POST without asking. So calls with a foreign ``Origin`` are refused.
"""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from fxpool.gateway.errors import error_response
from fxpool.platforms.base import PlatformError
from fxpool.settings import is_loopback

OPEN_PATHS: Final = frozenset({"/health", "/health/ready", "/callback"})


class Access:
    """Decides on a call from its path and headers.

    Attributes:
        has_key: whether callers must show a key.
    """

    def __init__(self, api_key: SecretStr | None) -> None:
        self._key = api_key.get_secret_value().encode() if api_key else b""
        self.has_key = bool(self._key)

    def refusal(self, path: str, headers: Headers) -> PlatformError | None:
        """Return why the call is refused, or None."""
        if path in OPEN_PATHS:
            return None
        if self.has_key:
            return self._judge_key(headers)
        origin = headers.get("origin")
        if origin is None or _is_near(origin, headers.get("host", "")):
            return None
        return PlatformError(
            403,
            "FOREIGN_ORIGIN",
            f"a page of {origin} may not call this gateway; set CTRADER_POOL_API_KEY to allow it",
        )

    def _judge_key(self, headers: Headers) -> PlatformError | None:
        given = _shown_key(headers)
        if given is None:
            return PlatformError(
                401,
                "KEY_MISSING",
                "authentication failed: send the service key as 'Authorization: Bearer <key>' "
                "or 'X-API-Key: <key>'",
            )
        if not hmac.compare_digest(given.encode(), self._key):
            return PlatformError(401, "KEY_WRONG", "authentication failed: wrong service key")
        return None


class Gatekeeper:
    """Puts an Access in front of an app, for HTTP and WebSocket alike."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            refusal = self._access.refusal(scope["path"], Headers(scope=scope))
            if refusal is not None:
                await error_response(refusal, scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _shown_key(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return headers.get("x-api-key")


def _is_near(origin: str, host: str) -> bool:
    """Whether a page's site is this machine, or the name under which we were called."""
    site = urlsplit(origin).hostname
    return site is not None and (is_loopback(site) or site == urlsplit(f"//{host}").hostname)
