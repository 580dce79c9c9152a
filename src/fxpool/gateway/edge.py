"""What happens to every request before a route sees it, and to every answer. Pure ASGI.

One layer for all of it: an order passes through here before its frame leaves, and each layer more
would cost it two calls, a closure and cold memory. What is decided and noted is the parts' own
(access, stopping, audit, metrics); this is only their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fxpool import context
from fxpool.gateway.access.credentials import hide_query_credential
from fxpool.gateway.access.gatekeeper import Gatekeeper
from fxpool.gateway.audit.recorder import AuditedCalls
from fxpool.gateway.errors import REQUEST_ID, REQUEST_ID_HEADER, answer_our_bug
from fxpool.gateway.heads import head_of
from fxpool.gateway.metrics import Metrics
from fxpool.gateway.safe_headers import made_safe
from fxpool.gateway.stopping import StoppingGate

PROXY_PREFIX: Final = "/api/ctrader"
"""A reverse proxy may strip it or not; both work."""

_HEADER: Final = REQUEST_ID_HEADER.lower().encode()
_GOOD_ID: Final = re.compile(rb"[\x21-\x7e]{1,128}")
_BELOW: Final = f"{PROXY_PREFIX}/"
_CALLS: Final = frozenset({"http", "websocket"})
_STARTS: Final = frozenset({"http.response.start", "websocket.http.response.start"})


@dataclass(frozen=True, slots=True)
class EdgeParts:
    """What decides and takes note at the edge.

    Attributes:
        audit: None where no audit log is kept.
        now: returns monotonic seconds.
    """

    gatekeeper: Gatekeeper
    stopping: StoppingGate
    metrics: Metrics
    audit: AuditedCalls | None
    new_request_id: Callable[[], str]
    now: Callable[[], float]
    docs_path: str


class Edge:
    """The gateway's outermost layer.

    * Every path works below the proxy's prefix as well.
    * Each request has an id, the caller's own if it sent a usable one, which goes back with the
      answer and shows in every log line.
    * Who may not call, or calls a gateway that stops, is answered here, and so is a bug of ours.
    * Answers are counted by route and status, timed up to the first byte, and made safe for
      browsers; what changes something is told to the audit log.
    """

    def __init__(self, app: ASGIApp, parts: EdgeParts) -> None:
        self._app, self._parts = app, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in _CALLS:
            await self._app(scope, receive, send)
            return
        hide_query_credential(scope)
        scope = _without_prefix(scope)
        parts = self._parts
        call = _Call(parts, scope, receive, send)
        try:
            with context.call(call.request_id):
                try:
                    refusal = await parts.gatekeeper.refusal(scope)
                    if refusal is None and parts.stopping.is_closed:
                        refusal = await parts.stopping.refusal(scope, call.receive)
                    await (refusal or self._app)(scope, call.receive, call.send)
                finally:
                    # What ended without an answer is told here: its caller left, or we broke.
                    await call.tell()
        except Exception as error:  # a request's outermost frame: it is answered, and raised on
            if scope["type"] == "http" and not call.has_begun:
                await answer_our_bug(error, scope)(scope, receive, call.send)
            raise


class _Call:
    """One request and its answer as they pass.

    Attributes:
        receive: gives the request.
        has_begun: whether its answer has.
    """

    __slots__ = (
        "_began",
        "_parts",
        "_scope",
        "_seen",
        "_send",
        "has_begun",
        "receive",
        "request_id",
    )

    def __init__(self, parts: EdgeParts, scope: Scope, receive: Receive, send: Send) -> None:
        self._parts, self._scope, self._send = parts, scope, send
        self._began = parts.now()
        given = head_of(scope).get(_HEADER)
        is_good = given is not None and _GOOD_ID.fullmatch(given)
        self.request_id = given.decode() if given and is_good else parts.new_request_id()
        scope["state"][REQUEST_ID] = self.request_id
        self._seen = None if parts.audit is None else parts.audit.begin(scope)
        self.receive = receive if self._seen is None else self._seen.receiving(receive)
        self.has_begun = False

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        kind = message["type"]
        if kind in _STARTS:
            self._begin(message)
        elif kind == "http.response.body" and self._seen and self._seen.answered(message):
            await self.tell()
        await self._send(message)

    async def tell(self) -> None:
        """Tell the audit log of the call, once; before its last byte leaves, unless it has none."""
        if self._seen is not None and self._parts.audit is not None:
            await self._parts.audit.told(self._scope, self._seen)

    def _begin(self, message: Message) -> None:
        scope, status = self._scope, message["status"]
        self.has_begun = True
        if self._seen is not None:
            self._seen.status = status
        if scope["type"] == "http":
            route = getattr(scope.get("route"), "path", "unmatched")
            self._parts.metrics.count(
                scope["method"], route, status, self._parts.now() - self._began
            )
        headers = message["headers"]
        if all(name.lower() != _HEADER for name, _ in headers):
            headers = [*headers, (_HEADER, self.request_id.encode())]
        is_docs = scope["path"].endswith(self._parts.docs_path)
        message["headers"] = made_safe(headers, is_docs=is_docs)


def _without_prefix(scope: Scope) -> Scope:
    path: str = scope["path"]
    if path != PROXY_PREFIX and not path.startswith(_BELOW):
        return scope
    return {**scope, "path": path.removeprefix(PROXY_PREFIX) or "/"}
