"""What every trading call answers with: a result, also where it was refused or is unclear."""

from __future__ import annotations

from collections.abc import Awaitable

import structlog

from fxpool.errors import FxPoolError
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.words import Call, explain, refusal

log = structlog.get_logger(__name__)


async def answered(work: Awaitable[TradeResult], call: Call) -> TradeResult:
    """Return the result of a trading call; an error becomes a refusal in callers' words."""
    try:
        return await work
    except FxPoolError as exc:
        told = explain(exc, call)
        log.warning("trade", code=told.code, outcome=told.outcome, detail=told.detail)
        return refusal(told)
