"""What trading calls and reads answer: of its shape to the key, and executed or refused."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import msgspec

from fxpool.mapping.formats import TradeResult


def conform(value: Any, shape: Any) -> None:
    """Assert that a value has exactly the keys and types of a shape, at every depth."""
    converted = msgspec.convert(value, shape)
    assert converted == value, f"keys beyond {shape}: {value}"


async def executed(call: Awaitable[TradeResult]) -> TradeResult:
    """Return the answer of a trading call that was executed."""
    result = await call
    conform(result, TradeResult)
    assert (result["success"], result["outcome"]) == (True, "executed"), result
    return result


async def refused(call: Awaitable[TradeResult]) -> TradeResult:
    """Return the answer of a trading call that was refused, with its text in both places."""
    result = await call
    conform(result, TradeResult)
    assert (result["success"], result["outcome"]) == (False, "not_executed"), result
    assert result["error"] == result["detail"]
    assert result["code"] == result["code"].upper()
    return result
