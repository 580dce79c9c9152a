"""Subscriptions and the server-sent event feed."""

from __future__ import annotations

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import CallbackRegistration, answers
from fxpool.gateway.routes.common import OnPlatform, new_router, query_parameters
from fxpool.gateway.schemas import AccountBody, CallbackBody, SymbolBody
from fxpool.gateway.sse import EventStreamResponse, read_options
from fxpool.gateway.stream_options import StreamOptions
from fxpool.gateway.streams import Streams
from fxpool.mapping.formats import StreamingState, SubscriptionResult
from fxpool.mapping.spellings import spellings

router = new_router("streaming")

_STREAM_PARAMETERS = query_parameters(
    **{
        spellings(name)[0]: field.description or ""
        for name, field in StreamOptions.model_fields.items()
    }
)


@router.post("/streaming/initialize", responses=answers(StreamingState))
async def initialize_streaming(body: AccountBody, platform: OnPlatform) -> Response:
    """Succeeds once the account is authorised and its positions are loaded."""
    return answer(await platform.initialize_streaming(body.account_id))


@router.post("/streaming/subscribe", responses=answers(SubscriptionResult))
async def subscribe_symbol(body: SymbolBody, platform: OnPlatform) -> Response:
    """Quote a symbol, on one account or on all that have it."""
    return answer(await platform.subscribe_symbol(body.symbol, body.account_id))


@router.post("/streaming/unsubscribe", responses=answers(SubscriptionResult))
async def unsubscribe_symbol(body: SymbolBody, platform: OnPlatform) -> Response:
    """Stop quoting a symbol that nothing else needs."""
    return answer(await platform.unsubscribe_symbol(body.symbol, body.account_id))


@router.post("/streaming/register-reconnection-callback", responses=answers(CallbackRegistration))
async def register_reconnection_callback(body: CallbackBody) -> Response:
    """Where to hear of reconnects: a callback lives in the caller, so the event feed serves it."""
    return answer(
        CallbackRegistration(
            success=True,
            callback_id=body.callback_id or "anonymous",
            delivery="event-stream",
            events="/events?types=reconnected",
        )
    )


@router.get(
    "/events",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    openapi_extra=_STREAM_PARAMETERS,
)
async def stream_events(request: Request) -> Response:
    """Server-sent events: a snapshot per account, then changes with gap-free ``seq``."""
    streams: Streams = request.app.streams
    try:
        last_event_id = request.headers.get("last-event-id", "")
        options = read_options(request.query_params, last_event_id)
    except ValidationError as exc:
        raise RequestValidationError(exc.errors()) from exc
    return EventStreamResponse(streams, options)
