"""A gateway that stops: what comes now is refused in words that callers act on.

Requests that were let in before finish as ever. Health checks go on, so that a supervisor and a
load balancer see what happens. An order with a key may be a repeat, and what became of the first
one is not looked up any more: its outcome is unknown until it is asked for again.
"""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope

from fxpool.domain.permissions import Operation
from fxpool.gateway.errors import error_response
from fxpool.gateway.exact_json import KEY_HEADER, ExactRequest
from fxpool.gateway.repeats import has_key
from fxpool.mapping.formats import OutcomeWord
from fxpool.platforms import closing
from fxpool.platforms.base import PlatformError
from fxpool.platforms.words import refusal

_TRADING: Final = frozenset({Operation.PLACE, Operation.AMEND, Operation.CLOSE})
_CLOSES_MANY: Final = frozenset({"/positions/close-all", "/positions/close-symbol"})
_MAY_BE_A_REPEAT: Final = (
    "network: the gateway is stopping, nothing was sent now; whether the same order was executed "
    "before is not looked up any more. The same call may be repeated when it is back"
)
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

    async def refusal(self, scope: Scope, receive: Receive) -> Response | None:
        """Return None if a call may pass, or the answer that refuses it.

        A trading call is answered as every refused trade is, with status 200: callers' HTTP clients
        lose the text of any other.
        """
        refused = self._refusal_of(scope["path"])
        if refused is None:
            return None
        if refused.outcome is None:
            return error_response(refused, scope)
        is_many = scope["path"] in _CLOSES_MANY
        body = closing.refused(refused) if is_many else refusal(refused)
        is_order = self.operations[scope["path"]] is Operation.PLACE
        if is_order and await _has_key(ExactRequest(scope, receive)):
            body["outcome"], body["error"] = "unknown", _MAY_BE_A_REPEAT
        return JSONResponse(body)

    def _refusal_of(self, path: str) -> PlatformError | None:
        operation = self.operations.get(path)
        if not self.is_closed or operation is Operation.OPEN:
            return None
        outcome: OutcomeWord | None = "not_executed" if operation in _TRADING else None
        text = "network: the gateway is stopping, nothing was sent; try again when it is back"
        return PlatformError(
            503, "STOPPING", text, retryable=True, retry_after=RETRY_SECONDS, outcome=outcome
        )


async def _has_key(request: ExactRequest) -> bool:
    """Whether an order is known by a key; not if it is no order at all."""
    try:
        body = await request.json()
    except HTTPException:
        body = None
    return has_key(body, request.headers.get(KEY_HEADER))
