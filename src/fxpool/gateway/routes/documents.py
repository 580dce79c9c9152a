"""The document of the event streams; that of the calls is FastAPI's own ``/openapi.json``."""

from __future__ import annotations

from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.event_document import event_document
from fxpool.gateway.exact_json import answer
from fxpool.gateway.routes.common import new_router

router = new_router("documents")


@router.get("/asyncapi.json", include_in_schema=False)
@performs(Operation.READ)
async def read_event_document() -> Response:
    """The event streams as an AsyncAPI document."""
    return answer(event_document())
