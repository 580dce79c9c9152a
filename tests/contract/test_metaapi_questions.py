"""MetaApi's trade path where a question beside the trade has no answer: the code stays true."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fxpool.gateway import create_app
from fxpool.mapping.formats import OrderList, PositionList, TradeResult
from fxpool.platforms.base import CloseRequest, OrderChange, PlatformError
from harness.hub_platform import HubPlatform

MODIFY = {"actionType": "ORDER_MODIFY", "orderId": "7", "openPrice": 1.1}
PART = {"actionType": "POSITION_PARTIAL", "positionId": "7", "volume": 5}


class _BeingRead(HubPlatform):
    """An account whose positions and orders cannot be told just now."""

    sent = 0

    def key_of(self, account: str) -> str:
        return account

    async def orders(self, account: str) -> OrderList:
        raise PlatformError(503, "NOT_READY", "network: being read", retryable=True)

    async def positions(self, account: str) -> PositionList:
        raise PlatformError(503, "NOT_READY", "network: being read", retryable=True)

    async def modify_order(self, account: str, change: OrderChange) -> TradeResult:
        self.sent += 1
        return TradeResult(success=True, outcome="executed")

    async def close_position(self, account: str, request: CloseRequest) -> TradeResult:
        text = "invalid volume: too much"
        return TradeResult(
            success=False,
            outcome="not_executed",
            error=text,
            detail=text,
            code="TRADING_BAD_VOLUME",
            retryable=False,
        )


@pytest.mark.parametrize(("body", "code"), [(MODIFY, -10), (PART, 10014)])
async def test_a_question_without_an_answer_leaves_no_trade_open(
    body: dict[str, Any], code: int
) -> None:
    platform = _BeingRead()
    transport = httpx.ASGITransport(create_app(platform))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as caller:
        response = await caller.post("/users/current/accounts/alpha/trade", json=body)
    assert response.json()["numericCode"] == code, response.text
    assert platform.sent == 0
