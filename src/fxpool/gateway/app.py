"""Assembly: one platform behind routes, streams, access control and metrics."""

from __future__ import annotations

from collections.abc import Callable
from random import getrandbits
from typing import Any, Final

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

import fxpool
from fxpool.clock import Clock, SystemClock
from fxpool.domain.permissions import Operation, Principal
from fxpool.gateway import routes
from fxpool.gateway.access import Access
from fxpool.gateway.access.gatekeeper import Gatekeeper
from fxpool.gateway.access.guard import GuardedPlatform
from fxpool.gateway.access.key_ring import REFRESH_SECONDS
from fxpool.gateway.access.operations import each_route, operations_of
from fxpool.gateway.access.volume_caps import VolumeCaps, VolumeStore
from fxpool.gateway.api_document import complete_calls
from fxpool.gateway.audit import AuditTrail
from fxpool.gateway.audit.recorder import AuditedCalls
from fxpool.gateway.callback_rules import CallbackRules
from fxpool.gateway.callbacks import Callbacks
from fxpool.gateway.certificates import ListenerCertificate
from fxpool.gateway.docs_page import DOCS_PATH, docs_routes
from fxpool.gateway.edge import Edge, EdgeParts
from fxpool.gateway.errors import add_error_handlers
from fxpool.gateway.exact_json import OrderLane
from fxpool.gateway.limits import GatewayLimits
from fxpool.gateway.metaapi.routes import ROUTERS as METAAPI_ROUTERS
from fxpool.gateway.metrics import Metrics
from fxpool.gateway.openapi import complete
from fxpool.gateway.pages import PagesOfOthers
from fxpool.gateway.rate_limits import RateLimits
from fxpool.gateway.rates import ProcessCounters
from fxpool.gateway.stopping import StoppingGate
from fxpool.gateway.streams import Streams
from fxpool.gateway.symbol_wants import SymbolWants
from fxpool.gateway.websocket import serve_socket
from fxpool.mapping.pool_formats import Health
from fxpool.platforms.base import Platform
from fxpool.platforms.configuration import Configuration

_ID_BITS: Final = 128

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
        clock: what time it is for all of it.
        access: who may call.
        limits: what is accepted.
        metrics: the gateway's own counters.
        streams: the event streams that are open.
        stopping: what is refused once the gateway stops.
        callbacks: the addresses that are told of reconnects; the server opens and closes them.
        configuration: the files of accounts and symbols, taken up when they change; None where
            they are not watched.
        certificate: what the server speaks TLS with; None for plain HTTP.
        trail: the audit log; None where none is kept.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        clock: Clock,
        limits: GatewayLimits,
        access: Access,
        rates: RateLimits,
        caps: VolumeCaps,
        new_request_id: Callable[[], str],
        callbacks: CallbackRules,
        certificate: ListenerCertificate | None,
        configuration: Configuration | None,
        trail: AuditTrail | None,
    ) -> None:
        super().__init__(
            title="fxpool",
            description=DESCRIPTION,
            version=fxpool.__version__,
            docs_url=None,
            redoc_url=None,
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        self.platform, self.access, self.limits = platform, access, limits
        self.certificate, self.configuration = certificate, configuration
        self.clock, self.trail = clock, trail
        self.metrics = Metrics()
        self.rates, self._caps = rates, caps
        self._wants = SymbolWants()
        self.streams = Streams(clock=clock, limits=limits, metrics=self.metrics)
        self.callbacks = Callbacks(platform, callbacks, clock=clock)
        self.stopping = StoppingGate()
        add_error_handlers(self)
        for router in (*routes.ROUTERS, *METAAPI_ROUTERS):
            self.include_router(router)
        self.router.routes.extend(docs_routes())
        self.add_api_websocket_route("/ws", serve_socket)
        self.check_operations()
        self._front = self._edge(new_request_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a call. FastAPI's own layers begin behind the edge, and orders do without them."""
        scope["app"] = self
        await self._front(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Return FastAPI's own layers but the outermost, which answers bugs: the edge does."""
        outermost = super().build_middleware_stack()
        assert isinstance(outermost, ServerErrorMiddleware)  # noqa: S101 (what FastAPI promises)
        return outermost.app

    def _edge(self, new_request_id: Callable[[], str]) -> ASGIApp:
        trail, origins = self.trail, self.access.browsers.origins
        edge = Edge(
            OrderLane(super().__call__, each_route(self.routes)),
            EdgeParts(
                gatekeeper=Gatekeeper(self.access, self.rates),
                stopping=self.stopping,
                metrics=self.metrics,
                audit=None if trail is None else AuditedCalls(trail, self.platform, self.clock),
                new_request_id=new_request_id,
                now=self.clock.now,
                docs_path=DOCS_PATH,
            ),
        )
        return PagesOfOthers(edge, origins) if origins else edge

    def check_operations(self) -> None:
        """Learn which routes are open to all. Raises LocalProtocolError for one that does not say
        what it does."""
        operations = operations_of(self.routes)
        self.stopping.operations = operations
        self.access.leave_open(
            path for path, operation in operations.items() if operation is Operation.OPEN
        )

    def guarded(self, principal: Principal, note: dict[str, Any] | None = None) -> GuardedPlatform:
        """Return the platform as a principal may use it; ``note`` is for the audit log."""
        return GuardedPlatform(self.platform, principal, self._caps, note, self._wants)

    def with_own_checks(self, health: Health) -> Health:
        """Return the platform's health together with the gateway's own."""
        own = {
            "tls": self.certificate,
            "configuration": self.configuration,
            "audit": self.trail,
        }
        for name, part in own.items():
            if part is None:
                continue
            failure = part.failure
            if failure is not None and health["status"] == "healthy":
                health["status"] = "degraded"
            word = "up" if failure is None else f"degraded: {failure}"
            health["checks"] = {**health["checks"], name: word}
        return health

    def stop(self) -> None:
        """Begin to end: tell the streams, and refuse what comes from now on but health checks."""
        self.stopping.close()
        self.streams.close()

    async def keep_access(self) -> None:
        """Learn of new and ended keys, and end the streams of ended ones; never returns."""
        while True:
            await self.clock.sleep(REFRESH_SECONDS)
            await self.access.refresh()
            self.streams.end_those_of(self._has_ended)
            self._wants.forget_those_of(self._has_ended)

    def _has_ended(self, principal: Principal) -> bool:
        return not self.access.is_good(principal)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document of all routes, complete with the shapes of answers."""
        if self.openapi_schema is None:
            self.openapi_schema = complete_calls(
                complete(super().openapi()), self.access.open_paths
            )
        return self.openapi_schema


def _request_id() -> str:
    """Return a name for a request. It is no secret, so it need not come from the kernel, where an
    order would wait for it."""
    return f"{getrandbits(_ID_BITS):032x}"


def create_app(
    platform: Platform,
    *,
    clock: Clock | None = None,
    limits: GatewayLimits | None = None,
    api_key: SecretStr | None = None,
    access: Access | None = None,
    rates: RateLimits | None = None,
    volumes: VolumeStore | None = None,
    new_request_id: Callable[[], str] = _request_id,
    callbacks: CallbackRules | None = None,
    certificate: ListenerCertificate | None = None,
    configuration: Configuration | None = None,
    trail: AuditTrail | None = None,
) -> Gateway:
    """Return the gateway to a platform, which the caller opens and closes.

    With ``api_key``, every call but the health checks must show it; ``access`` knows further ways.
    ``volumes`` keeps what keys with a daily cap have ordered, ``trail`` who did what.
    """
    clock = clock or SystemClock()
    return Gateway(
        platform,
        clock=clock,
        limits=limits or GatewayLimits(),
        access=access or Access(api_key, clock=clock),
        rates=rates or RateLimits(ProcessCounters(clock.now)),
        caps=VolumeCaps(volumes, clock=clock),
        new_request_id=new_request_id,
        callbacks=callbacks or CallbackRules(),
        certificate=certificate,
        configuration=configuration,
        trail=trail,
    )
