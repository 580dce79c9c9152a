"""``POST /trade``: one request with an ``actionType``, one answer with a code.

What was understood is answered with 200 and a code, refusals and unclear outcomes too; an HTTP
error is a request that makes no sense, or one that the caller may not make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fxpool.domain.permissions import Operation, decide
from fxpool.gateway.access import performs
from fxpool.gateway.access.gatekeeper import admit, caller_of, guarded
from fxpool.gateway.access.refusals import require
from fxpool.gateway.exact_json import (
    KEY_HEADER,
    MAX_KEY_LENGTH,
    ExactRoute,
    answer,
)
from fxpool.gateway.metaapi import codes
from fxpool.gateway.metaapi.common import ACCOUNT, metaapi_router
from fxpool.gateway.metaapi.errors import BadParameters
from fxpool.gateway.metaapi.trades import (
    OPERATIONS,
    Cancel,
    CloseSymbol,
    Refused,
    call_of,
    operation_of,
)
from fxpool.gateway.openapi import metaapi_answers
from fxpool.gateway.repeats import has_key, told_as_repeat
from fxpool.mapping.formats import PositionInfo, TradeResult
from fxpool.mapping.metaapi_formats import MetaApiTradeAnswer
from fxpool.mapping.metaapi_rows import METATRADER
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    Platform,
    PlatformError,
    ProtectionRequest,
    TradeRequest,
)
from fxpool.platforms.words import refusal

TRANSACTION_HEADER: Final = "transaction-id"
"""MetaApi's name for a key that makes a POST safe to repeat."""

_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERRORS: Final = 500


class TradeRoute(ExactRoute):
    """A route that declares the least of what it does. Its endpoint admits callers once the body
    has said what it is: a key that may only close may send closes here."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        require(decide(caller_of(scope).principal, self.operation), self.operation)
        await APIRoute.handle(self, scope, receive, send)


router = metaapi_router(TradeRoute)

_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["actionType"],
                    "properties": {"actionType": {"type": "string", "enum": [*OPERATIONS]}},
                }
            }
        },
    }
}


@router.post(f"{ACCOUNT}/trade", responses=metaapi_answers(MetaApiTradeAnswer), openapi_extra=_BODY)
@performs(Operation.CLOSE)
async def trade(account_id: str, request: Request) -> Response:
    """Do what ``actionType`` says; ``numericCode`` tells what became of it."""
    try:
        body = await request.json()
        operation = operation_of(body)
    except (HTTPException, BadParameters):
        await admit(request.scope, Operation.PLACE)  # who may not order hears nothing else
        raise
    try:
        await admit(request.scope, operation)
    except PlatformError as refused:
        is_order = refused.status == _TOO_MANY_REQUESTS and operation is Operation.PLACE
        if is_order and has_key(body, _key(request)):
            raise told_as_repeat(refused) from refused
        raise
    platform, key = guarded(request.scope), _key(request)
    platform.key_of(account_id)
    try:
        call = call_of(body)
        await _require_possible(platform, account_id, call, body)
        return answer(await _done(platform, account_id, call, key))
    except Refused as refused:
        return answer(codes.refused(refused.code, str(refused)))
    except PlatformError as error:
        if error.status < _SERVER_ERRORS and error.status != _TOO_MANY_REQUESTS:
            raise
        unclear = refusal(error)
        if error.outcome is None:
            unclear["outcome"] = "unknown"
        return answer(codes.answer_of(unclear))


async def _done(
    platform: Platform, account: str, call: object, key: str | None
) -> MetaApiTradeAnswer:
    match call:
        case TradeRequest():
            result = await platform.execute(account, replace(call, idempotency_key=key))
        case ProtectionRequest():
            result = await platform.modify_position(account, call)
        case CloseRequest(volume=volume):
            result = await platform.close_position(account, call)
            if volume is not None:
                return await _part_closed(platform, account, call, result)
        case OrderChange():
            result = await platform.modify_order(account, call)
        case Cancel(order_id):
            result = await platform.cancel_order(account, order_id)
        case CloseSymbol(symbol):
            return codes.answer_of_closes(await platform.close_positions(account, symbol=symbol))
        case _:
            raise TypeError(f"no trade: {call!r}")
    return codes.answer_of(result)


async def _part_closed(
    platform: Platform, account: str, call: CloseRequest, result: TradeResult
) -> MetaApiTradeAnswer:
    """Return the answer to a partial close; that something stays open is what was asked for."""
    if result.get("code") == "TRADING_BAD_VOLUME" and call.volume is not None:
        held = await _held(platform, account, call.position_id)
        if held is not None and call.volume > Decimal(repr(held["volume"])):
            return codes.refused(codes.INVALID_CLOSE_VOLUME, result["error"])
    return codes.answer_of(result | TradeResult(partial=False))


async def _held(platform: Platform, account: str, position_id: str) -> PositionInfo | None:
    """Return a position; None where it cannot be told: the close was refused all the same."""
    try:
        rows = (await platform.positions(account))["positions"]
    except PlatformError:
        return None
    return next((row for row in rows if row["id"] == position_id), None)


async def _require_possible(
    platform: Platform, account: str, call: object, body: Mapping[str, Any]
) -> None:
    """Refuse to take from an order of cTrader its end: the broker cannot."""
    if not isinstance(call, OrderChange):
        return
    try:
        orders = (await platform.orders(account))["orders"]
    except PlatformError as error:
        error.outcome = error.outcome or "not_executed"  # it is a question: nothing was sent
        raise
    order = next((order for order in orders if order["id"] == call.order_id), None)
    if order is None or order["platform"] in METATRADER:
        return  # the platform refuses an unknown one itself
    if body.get("expiration") is not None and call.expiration is None and order["expirationTime"]:
        text = f"order {call.order_id} ends at {order['expirationTime']}: place it anew without"
        raise Refused(codes.INVALID_EXPIRATION, text)


def _key(request: Request) -> str | None:
    """Return the key of a request, under its name here or in MetaApi. Raises BadParameters."""
    for name in (KEY_HEADER, TRANSACTION_HEADER):
        key = request.headers.get(name)
        if key is not None and len(key) > MAX_KEY_LENGTH:
            raise BadParameters({name: f"send at most {MAX_KEY_LENGTH} characters"})
        if key:
            return key
    return None
