"""The pool itself: root, health, numbers, reset."""

from __future__ import annotations

from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.errors import error_response
from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import Readiness, ResetResult, Root, answers, text_answers
from fxpool.gateway.routes.common import OnPlatform, new_router
from fxpool.mapping.pool_formats import Health, PoolStats
from fxpool.platforms.base import PlatformError

router = new_router("pool")


@router.get("/", responses=answers(Root))
@performs(Operation.READ)
async def read_root(request: Request, platform: OnPlatform) -> Response:
    """What this service is; some callers use it as their health check."""
    health = await platform.health()
    return answer(
        Root(
            service=f"{health['service']} API",
            version=health["version"],
            status=health["status"],
            simulated=health["simulated"],
            endpoints=[*request.app.openapi()["paths"], "/ws"],
        )
    )


@router.get("/health", responses=answers(Health))
@performs(Operation.OPEN)
async def read_health(request: Request, platform: OnPlatform) -> Response:
    """The state of the pool, always with status 200; the word is in ``status``."""
    return answer(request.app.with_own_checks(await platform.health()))


@router.get("/health/live", responses=answers(Readiness))
@performs(Operation.OPEN)
async def read_liveness() -> Response:
    """200 as long as the process answers at all, whatever its accounts do."""
    return answer(Readiness(status="live"))


@router.get("/health/ready", responses=answers(Readiness))
@performs(Operation.OPEN)
async def read_readiness(request: Request, platform: OnPlatform) -> Response:
    """200 once the first synchronisation is over, else 503; 503 again while the gateway stops."""
    if request.app.stopping.is_closed:
        leaving = PlatformError(503, "STOPPING", "network: the gateway is stopping", retryable=True)
        return error_response(leaving, request.scope, extra={"status": "stopping"})
    health = await platform.health()
    if health["status"] != "starting":
        return answer(Readiness(status="ready"))
    text = "network: starting, the first synchronisation is not finished"
    error = PlatformError(503, "STARTING", text, retryable=True)
    return error_response(error, request.scope, extra={"status": "starting"})


@router.get("/pool/stats", responses=answers(PoolStats))
@router.get("/stats", responses=answers(PoolStats))
@performs(Operation.READ)
async def read_stats(platform: OnPlatform) -> Response:
    """True numbers since the start of the process."""
    return answer(await platform.pool_stats())


@router.post("/connections/reset", responses=answers(ResetResult))
@performs(Operation.OPERATE)
async def reset_connections(platform: OnPlatform) -> Response:
    """Close and reopen all broker links."""
    number = await platform.reset_connections()
    noun = "connection" if number == 1 else "connections"
    return answer(ResetResult(success=True, message=f"{number} {noun} reset", connections=number))


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=text_answers("Prometheus' text format"),
)
@performs(Operation.READ)
async def read_metrics(request: Request, platform: OnPlatform) -> Response:
    """Numbers in Prometheus' text format."""
    health = request.app.with_own_checks(await platform.health())
    text = request.app.metrics.text(await platform.pool_stats(), health["checks"])
    return Response(text, media_type=CONTENT_TYPE_LATEST)
