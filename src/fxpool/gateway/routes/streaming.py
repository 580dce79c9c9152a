"""Subscriptions and the server-sent event feed."""

from __future__ import annotations

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.access.gatekeeper import guarded
from fxpool.gateway.callbacks import Callbacks, CallbackState
from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import (
    CallbackForgotten,
    CallbackRegistration,
    answers,
    text_answers,
)
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
@performs(Operation.READ)
async def initialize_streaming(body: AccountBody, platform: OnPlatform) -> Response:
    """Succeeds once the account is authorised and its positions are loaded."""
    return answer(await platform.initialize_streaming(body.account_id))


@router.post("/streaming/subscribe", responses=answers(SubscriptionResult))
@performs(Operation.READ)
async def subscribe_symbol(body: SymbolBody, platform: OnPlatform) -> Response:
    """Quote a symbol, on one account or on all that have it."""
    return answer(await platform.subscribe_symbol(body.symbol, body.account_id))


@router.post("/streaming/unsubscribe", responses=answers(SubscriptionResult))
@performs(Operation.READ)
async def unsubscribe_symbol(body: SymbolBody, platform: OnPlatform) -> Response:
    """Stop quoting a symbol that nothing else needs."""
    return answer(await platform.unsubscribe_symbol(body.symbol, body.account_id))


@router.post("/streaming/register-reconnection-callback", responses=answers(CallbackRegistration))
@performs(Operation.READ)
async def register_reconnection_callback(body: CallbackBody, request: Request) -> Response:
    """Where to hear of reconnects: on the event stream, or by a signed POST to ``callback_url``.

    The event has ``accountId`` and ``disconnectDuration`` in seconds.
    """
    name = body.callback_id or "anonymous"
    registration = CallbackRegistration(
        success=True,
        callback_id=name,
        delivery="event-stream",
        events="/events?types=reconnected",
    )
    if body.callback_url:
        registration["delivery"] = "webhook"
        registration["callback"] = _callbacks(request).register(name, body.callback_url)
    return answer(registration)


@router.get("/streaming/reconnection-callbacks", responses=answers(list[CallbackState]))
@performs(Operation.OPERATE)
async def list_reconnection_callbacks(request: Request) -> Response:
    """How the deliveries to registered addresses stand."""
    return answer(_callbacks(request).states())


@router.delete(
    "/streaming/reconnection-callbacks/{callback_id}", responses=answers(CallbackForgotten)
)
@performs(Operation.OPERATE)
async def forget_reconnection_callback(callback_id: str, request: Request) -> Response:
    """End a registration."""
    await _callbacks(request).forget(callback_id)
    return answer(CallbackForgotten(success=True, callback_id=callback_id))


def _callbacks(request: Request) -> Callbacks:
    """Return the callbacks, for who may run all accounts: they hear of all. Raises
    PlatformError."""
    guarded(request.scope).require(Operation.OPERATE, None)
    callbacks: Callbacks = request.app.callbacks
    return callbacks


@router.get(
    "/events",
    responses=text_answers("Events, until either side ends", "text/event-stream"),
    openapi_extra=_STREAM_PARAMETERS,
)
@performs(Operation.STREAM)
async def stream_events(request: Request) -> Response:
    """Server-sent events: a snapshot per account, then changes with gap-free ``seq``."""
    streams: Streams = request.app.streams
    try:
        last_event_id = request.headers.get("last-event-id", "")
        options = read_options(request.query_params, last_event_id)
    except ValidationError as exc:
        raise RequestValidationError(exc.errors()) from exc
    return EventStreamResponse(streams, guarded(request.scope), options)
