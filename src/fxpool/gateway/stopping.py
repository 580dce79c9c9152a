"""A gateway that stops: what comes now is refused in words that callers act on. Pure ASGI.

Requests that were let in before finish as ever. Health checks go on, so that a supervisor and a
load balancer see what happens.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fxpool.domain.permissions import Operation
from fxpool.gateway.errors import error_response
from fxpool.mapping.formats import OutcomeWord
from fxpool.platforms import closing
from fxpool.platforms.base import PlatformError
from fxpool.platforms.words import refusal

_TRADING: Final = frozenset({Operation.PLACE, Operation.AMEND, Operation.CLOSE})
_CLOSES_MANY: Final = frozenset({"/positions/close-all", "/positions/close-symbol"})
RETRY_SECONDS: Final = 10.0
"""About what a restart takes."""


class StoppingGate:
    """Lets everything pass until ``close``; then health checks only.

    Attributes:
        operations: what the paths of the app do; the gateway takes them from its routes.
        is_closed: whether the gateway stops.
    """

    def __init__(self) -> None:
        self.operations: dict[str, Operation] = {}
        self.is_closed = False

    def close(self) -> None:
        """Refuse what comes from now on."""
        self.is_closed = True

    def refusal_of(self, path: str) -> PlatformError | None:
        """Return why a call is refused, None if it may pass."""
        operation = self.operations.get(path)
        if not self.is_closed or operation is Operation.OPEN:
            return None
        outcome: OutcomeWord | None = "not_executed" if operation in _TRADING else None
        text = "network: the gateway is stopping, nothing was sent; try again when it is back"
        return PlatformError(
            503, "STOPPING", text, retryable=True, retry_after=RETRY_SECONDS, outcome=outcome
        )


class RefuseWhileStopping:
    """The gate in front of an app's routes.

    A trading call is answered as every refused trade is, with status 200: callers' HTTP clients
    lose the text of any other.
    """

    def __init__(self, app: ASGIApp, gate: StoppingGate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = None
        if self._gate.is_closed and scope["type"] in ("http", "websocket"):
            refused = self._gate.refusal_of(scope["path"])
        if refused is None:
            await self._app(scope, receive, send)
        elif refused.outcome is not None:
            is_many = scope["path"] in _CLOSES_MANY
            body = closing.refused(refused) if is_many else refusal(refused)
            await JSONResponse(body)(scope, receive, send)
        else:
            await error_response(refused, scope)(scope, receive, send)
