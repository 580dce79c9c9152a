"""Trading calls: answered with 200 and ``success`` for all that was understood. Contract 4.3, 3.3.

The callers' HTTP clients lose the text of any other status, so a refusal, a broken link and an
unclear outcome are answers too. Only a request that makes no sense is an HTTP error.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from starlette.responses import Response

from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import answers
from fxpool.gateway.routes.common import OnPlatform, new_router
from fxpool.gateway.schemas import (
    LimitOrderBody,
    OrderBody,
    OrderCancelBody,
    OrderModifyBody,
    PositionCloseBody,
    PositionModifyBody,
    StopOrderBody,
)
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.base import PlatformError

router = new_router("trading")

_TRADE_RESULT: Final = answers(TradeResult)
_TOO_MANY_REQUESTS: Final = 429


@router.post("/trade/execute", responses=_TRADE_RESULT)
async def execute_trade(body: OrderBody, platform: OnPlatform) -> Response:
    """A new order; answered once its fill, its placement or its refusal is known."""
    return await _outcome(platform.execute(body.account_id, body.request()))


@router.post("/trade/limit", responses=_TRADE_RESULT)
@router.post("/order/limit", include_in_schema=False)
async def place_limit_order(body: LimitOrderBody, platform: OnPlatform) -> Response:
    """A limit order at ``openPrice``."""
    return await _outcome(platform.execute(body.account_id, body.request()))


@router.post("/trade/stop", responses=_TRADE_RESULT)
@router.post("/order/stop", include_in_schema=False)
async def place_stop_order(body: StopOrderBody, platform: OnPlatform) -> Response:
    """A stop order at ``openPrice``."""
    return await _outcome(platform.execute(body.account_id, body.request()))


@router.post("/position/modify", responses=_TRADE_RESULT)
async def modify_position(body: PositionModifyBody, platform: OnPlatform) -> Response:
    """New protection; an absent side stays, 0 removes it."""
    return await _outcome(platform.modify_position(body.account_id, body.request()))


@router.post("/position/close", responses=_TRADE_RESULT)
async def close_position(body: PositionCloseBody, platform: OnPlatform) -> Response:
    """Close a position, or ``volume`` lots of it, with the realised result."""
    return await _outcome(platform.close_position(body.account_id, body.request()))


@router.post("/order/modify", responses=_TRADE_RESULT)
async def modify_order(body: OrderModifyBody, platform: OnPlatform) -> Response:
    """New values for a pending order."""
    return await _outcome(platform.modify_order(body.account_id, body.request()))


@router.post("/order/cancel", responses=_TRADE_RESULT)
async def cancel_order(body: OrderCancelBody, platform: OnPlatform) -> Response:
    """Cancel a pending order."""
    return await _outcome(
        platform.cancel_order(body.account_id, body.order_id, environment=body.environment)
    )


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
