"""Assembly: one platform behind routes, streams, access control and metrics."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.websockets import WebSocket

import fxpool
from fxpool.clock import Clock, SystemClock
from fxpool.gateway import routes
from fxpool.gateway.access import Access, Gatekeeper
from fxpool.gateway.callback_rules import CallbackRules
from fxpool.gateway.callbacks import Callbacks
from fxpool.gateway.edge import RequestCount, RequestIds, StripPrefix
from fxpool.gateway.errors import add_error_handlers
from fxpool.gateway.limits import GatewayLimits
from fxpool.gateway.metrics import Metrics
from fxpool.gateway.openapi import complete
from fxpool.gateway.streams import Streams
from fxpool.gateway.websocket import serve_socket
from fxpool.platforms.base import Platform

DESCRIPTION = """\
Trading accounts behind one API, in the formats of MetaApi.

Every field may be sent in snake_case or camelCase, every id as a string or a number. Refused
trades answer 200 with `success: false`; every other failure has a string `detail`.

Events: `GET /events` (server-sent events) and the WebSocket `/ws`, which takes the same query.
"""


class Gateway(FastAPI):
    """The application. It does not own its platform: who opened that closes it.

    Attributes:
        platform: what the routes speak to.
        access: who may call.
        limits: what is accepted.
        metrics: the gateway's own counters.
        streams: the event streams that are open.
        callbacks: the addresses that are told of reconnects; the server opens and closes them.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        clock: Clock,
        limits: GatewayLimits,
        access: Access,
        new_request_id: Callable[[], str],
        callbacks: CallbackRules,
    ) -> None:
        super().__init__(
            title="fxpool",
            description=DESCRIPTION,
            version=fxpool.__version__,
            docs_url="/docs",
            redoc_url=None,
        )
        self.platform, self.access, self.limits = platform, access, limits
        self.metrics = Metrics()
        self.streams = Streams(platform, clock=clock, limits=limits, metrics=self.metrics)
        self.callbacks = Callbacks(platform, callbacks, clock=clock)
        # The last one added is the first to see a request.
        self.add_middleware(Gatekeeper, access=access)
        self.add_middleware(RequestCount, metrics=self.metrics, now=clock.now)
        self.add_middleware(RequestIds, new_id=new_request_id)
        self.add_middleware(StripPrefix)
        add_error_handlers(self)
        for router in routes.ROUTERS:
            self.include_router(router)
        self.add_api_websocket_route("/ws", self._serve_socket)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document of all routes, complete with the shapes of answers."""
        return complete(super().openapi())

    async def _serve_socket(self, socket: WebSocket) -> None:
        await serve_socket(socket, self.streams)


def create_app(
    platform: Platform,
    *,
    clock: Clock | None = None,
    limits: GatewayLimits | None = None,
    api_key: SecretStr | None = None,
    new_request_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    callbacks: CallbackRules | None = None,
) -> Gateway:
    """Return the gateway to a platform, which the caller opens and closes.

    With ``api_key``, every call but the health checks must show it.
    """
    return Gateway(
        platform,
        clock=clock or SystemClock(),
        limits=limits or GatewayLimits(),
        access=Access(api_key),
        new_request_id=new_request_id,
        callbacks=callbacks or CallbackRules(),
    )
