"""What happens to every request before a route sees it: its path, its id, its count. Pure ASGI."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fxpool import context
from fxpool.gateway.errors import REQUEST_ID_HEADER
from fxpool.gateway.metrics import Metrics

PROXY_PREFIX: Final = "/api/ctrader"
"""A reverse proxy may strip it or not; both work."""

_HEADER: Final = REQUEST_ID_HEADER.lower().encode()
_GOOD_ID: Final = re.compile(rb"[\x21-\x7e]{1,128}")
_CALLS: Final = frozenset({"http", "websocket"})


class StripPrefix:
    """Serves every path below the proxy's prefix as well."""

    def __init__(self, app: ASGIApp, prefix: str = PROXY_PREFIX) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in _CALLS:
            path: str = scope["path"]
            if path == self._prefix or path.startswith(f"{self._prefix}/"):
                scope = {**scope, "path": path.removeprefix(self._prefix) or "/"}
        await self._app(scope, receive, send)


class RequestIds:
    """Gives each request an id, the caller's own if it sent a usable one, and sends it back."""

    def __init__(self, app: ASGIApp, new_id: Callable[[], str]) -> None:
        self._app, self._new_id = app, new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in _CALLS:
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _HEADER), b"")
        request_id = given if _GOOD_ID.fullmatch(given) else self._new_id().encode()
        scope.setdefault("state", {})["request_id"] = request_id.decode()

        async def send_with_id(message: Message) -> None:
            if message["type"].endswith(".start") and all(
                name.lower() != _HEADER for name, _ in message["headers"]
            ):
                message["headers"] = [*message["headers"], (_HEADER, request_id)]
            await send(message)

        with context.call(request_id.decode()):
            await self._app(scope, receive, send_with_id)


class RequestCount:
    """Counts answers by route and status, and times them up to the first byte."""

    def __init__(self, app: ASGIApp, metrics: Metrics, now: Callable[[], float]) -> None:
        self._app, self._metrics, self._now = app, metrics, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._now()

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "unmatched")
                seconds = self._now() - began
                self._metrics.count(scope["method"], route, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, count)
