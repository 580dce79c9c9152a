"""Trading calls: answered with 200 and ``success`` for all that was understood.

The callers' HTTP clients lose the text of any other status, so a refusal, a broken link and an
unclear outcome are answers too. Only a request that makes no sense is an HTTP error.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import Annotated, Final

from fastapi import Header
from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import KEY_HEADER, MAX_KEY_LENGTH, OrderRoute, answer
from fxpool.gateway.openapi import answers
from fxpool.gateway.routes.common import OnPlatform, new_router
from fxpool.gateway.schemas import (
    AccountBody,
    LimitOrderBody,
    OrderBody,
    OrderCancelBody,
    OrderModifyBody,
    PositionCloseBody,
    PositionModifyBody,
    StopOrderBody,
    SymbolCloseBody,
)
from fxpool.mapping.formats import CloseResults, TradeResult
from fxpool.platforms.base import PlatformError, TradeRequest

router = new_router("trading", OrderRoute)

GivenKey = Annotated[str | None, Header(alias=KEY_HEADER, max_length=MAX_KEY_LENGTH)]

_TRADE_RESULT: Final = answers(TradeResult)
_TOO_MANY_REQUESTS: Final = 429
_KEY_OF_A_PART: Final = (
    "idempotency_key: no key is kept for the close of a part, so a second call would close more: "
    "leave the key out, and look at the position before you repeat the call; a close without "
    "volume may be repeated"
)


@router.post("/trade/execute", responses=_TRADE_RESULT)
@performs(Operation.PLACE)
async def execute_trade(body: OrderBody, platform: OnPlatform, key: GivenKey = None) -> Response:
    """A new order; answered once its fill, its placement or its refusal is known."""
    return await _outcome(platform.execute(body.account_id, _keyed(body.request(), key)))


@router.post("/trade/limit", responses=_TRADE_RESULT)
@router.post("/order/limit", responses=_TRADE_RESULT)
@performs(Operation.PLACE)
async def place_limit_order(
    body: LimitOrderBody, platform: OnPlatform, key: GivenKey = None
) -> Response:
    """A limit order at ``openPrice``."""
    return await _outcome(platform.execute(body.account_id, _keyed(body.request(), key)))


@router.post("/trade/stop", responses=_TRADE_RESULT)
@router.post("/order/stop", responses=_TRADE_RESULT)
@performs(Operation.PLACE)
async def place_stop_order(
    body: StopOrderBody, platform: OnPlatform, key: GivenKey = None
) -> Response:
    """A stop order at ``openPrice``."""
    return await _outcome(platform.execute(body.account_id, _keyed(body.request(), key)))


@router.post("/position/modify", responses=_TRADE_RESULT)
@performs(Operation.AMEND)
async def modify_position(body: PositionModifyBody, platform: OnPlatform) -> Response:
    """New protection; an absent side stays, 0 removes it."""
    return await _outcome(platform.modify_position(body.account_id, body.request()))


@router.post("/position/close", responses=_TRADE_RESULT)
@performs(Operation.CLOSE)
async def close_position(
    body: PositionCloseBody, platform: OnPlatform, key: GivenKey = None
) -> Response:
    """Close a position, or ``volume`` lots of it, with the realised result."""
    if body.volume is not None and (key or body.idempotency_key):
        raise PlatformError(422, "INVALID_REQUEST", _KEY_OF_A_PART, outcome="not_executed")
    return await _outcome(platform.close_position(body.account_id, body.request()))


@router.post("/positions/close-all", responses=answers(CloseResults))
@performs(Operation.CLOSE)
async def close_all_positions(body: AccountBody, platform: OnPlatform) -> Response:
    """Close every position of an account, each with its own result."""
    closing = platform.close_positions(body.account_id, environment=body.environment)
    return answer(await closing)


@router.post("/positions/close-symbol", responses=answers(CloseResults))
@performs(Operation.CLOSE)
async def close_symbol_positions(body: SymbolCloseBody, platform: OnPlatform) -> Response:
    """Close every position of a symbol, each with its own result."""
    closing = platform.close_positions(
        body.account_id, symbol=body.symbol, environment=body.environment
    )
    return answer(await closing)


@router.post("/order/modify", responses=_TRADE_RESULT)
@performs(Operation.AMEND)
async def modify_order(body: OrderModifyBody, platform: OnPlatform) -> Response:
    """New values for a pending order."""
    return await _outcome(platform.modify_order(body.account_id, body.request()))


@router.post("/order/cancel", responses=_TRADE_RESULT)
@performs(Operation.CLOSE)
async def cancel_order(body: OrderCancelBody, platform: OnPlatform) -> Response:
    """Cancel a pending order."""
    return await _outcome(
        platform.cancel_order(
            body.account_id,
            body.order_id,
            environment=body.environment,
            allow_unsynchronized=body.allow_unsynchronized,
        )
    )


def _keyed(request: TradeRequest, given: str | None) -> TradeRequest:
    """Return the request with the key of its header. Raises PlatformError if the body has another
    one: which of them the caller will repeat is not known."""
    if not given or request.idempotency_key == given:
        return request
    if request.idempotency_key is not None:
        text = "idempotency_key: header and body contradict each other; send one of them"
        raise PlatformError(422, "INVALID_REQUEST", text, outcome="not_executed")
    return replace(request, idempotency_key=given)


async def _outcome(call: Awaitable[TradeResult]) -> Response:
    """Answer a trading call.

    Raises PlatformError for a request that makes no sense, such as an unknown account; the rest
    becomes an answer. One that does not say whether it took effect is unknown, not refused.
    """
    try:
        return answer(await call)
    except PlatformError as error:
        if error.status < 500 and error.status != _TOO_MANY_REQUESTS:
            raise
        return answer(
            TradeResult(
                success=False,
                outcome=error.outcome or "unknown",
                error=error.detail,
                detail=error.detail,
                code=error.code,
                retryable=error.retryable,
            )
        )
