"""A caller's day at a gateway: every call of the pool once, with what was answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx

from harness.stack import Stack

ACCOUNT: Final = "ct-demo-alpha"
ACCOUNTS: Final = {
    ACCOUNT: {
        "platform": "ctrader",
        "environment": "demo",
        "accountId": "12345",
        "nickname": "Alpha demo",
        "type": "destination",
        "broker": "ExampleMarkets",
        "guards": {"dailyLoss": {"percent": 5, "of": "balance", "action": "halt"}},
    },
    "ct-demo-beta": {"platform": "ctrader", "environment": "demo", "accountId": "12346"},
}
READS: Final = (
    "/",
    "/health",
    "/health/live",
    "/health/ready",
    "/pool/stats",
    "/accounts",
    "/accounts/summary",
    "/account/{account_id}",
    "/positions/all",
    "/positions/{account_id}",
    "/orders/{account_id}",
    "/prices",
    "/prices/{symbol}",
    "/symbols/mapping/{symbol}",
    "/accounts/{account_id}/symbols",
    "/accounts/{account_id}/symbols/{symbol}/specification",
    "/accounts/{account_id}/metrics",
    "/accounts/{account_id}/trades",
    "/accounts/{account_id}/daily-growth",
    "/accounts/{account_id}/symbol-stats/{symbol}",
    "/accounts/{account_id}/risk-status",
    "/accounts/{account_id}/open-trades",
    "/accounts/{account_id}/bars/{symbol}",
    "/accounts/{account_id}/ticks/{symbol}",
    "/accounts/{account_id}/guards",
    "/accounts/{account_id}/report",
    "/tickets",
    "/oauth/status",
    "/streaming/reconnection-callbacks",
)


@dataclass(slots=True)
class PoolWalk:
    """One walk. ``answers`` has what each call, such as ``GET /``, was answered with status 200."""

    stack: Stack
    http: httpx.AsyncClient
    answers: dict[str, Any] = field(default_factory=dict)

    async def get(self, call: str, **values: str) -> Any:
        """Keep and return the answer to a read, once the account's past is known."""
        path = call.format(**{"account_id": ACCOUNT, "symbol": "EURUSD", **values})
        async with asyncio.timeout(10):
            while (response := await self.http.get(path)).status_code == 503:  # noqa: ASYNC110 (it is asked over HTTP)
                await asyncio.sleep(0.01)
        return self._keep("GET", call, response)

    async def post(self, call: str, body: dict[str, Any] | None = None, **values: str) -> Any:
        """Keep and return the answer to a call with a body."""
        path = call.format(**{"account_id": ACCOUNT, **values})
        return self._keep("POST", call, await self.http.post(path, json=body or {}))

    async def whole_day(self) -> None:
        """Make every call once."""
        await self._begin()
        await self._trade()
        for call in READS:
            await self.get(call)
        (ticket, *_) = self.answers["GET /tickets"]["tickets"]
        await self.get("/tickets/{ticket_id}", ticket_id=ticket["id"])
        await self.get("/tickets/{ticket_id}/wait", ticket_id=ticket["id"])
        await self._end()

    async def _begin(self) -> None:
        quotes = {"EURUSD": ("1.10000", "1.10010"), "GOLD": ("2911.12", "2911.40")}
        for symbol, (bid, ask) in quotes.items():
            self.stack.simulator.quote(symbol, Decimal(bid), Decimal(ask))
        for symbol in ("EURUSD", "XAUUSD"):
            body = {"symbol": symbol, "account_id": None}
            subscribed = await self.post("/streaming/subscribe", body)
            assert subscribed["success"] is True
            async with asyncio.timeout(5):
                while (await self.http.get(f"/prices/{symbol}")).status_code != 200:  # noqa: ASYNC110 (as above)
                    await asyncio.sleep(0.005)
        self._keep("POST", "/oauth/link", await self.http.post(f"/oauth/link?account_id={ACCOUNT}"))
        await self.post("/streaming/initialize", {"account_id": ACCOUNT, "environment": "demo"})
        callback = {"callback_id": "checkForMissedTrades"}
        await self.post("/streaming/register-reconnection-callback", callback)

    async def _trade(self) -> None:
        named = {"account_id": ACCOUNT, "environment": "demo"}
        gold = {"symbol": "XAUUSD", "volume": 0.02, "stopLoss": 2891.0, "takeProfit": 2950.0}
        copy = {"action": "BUY", "actionType": "ORDER_TYPE_BUY", "comment": "Copy_40021877_L10"}
        opened = await self.post("/trade/execute", named | gold | copy)
        position = named | {"position_id": opened["positionId"]}
        await self.post("/position/modify", position | {"stop_loss": 2899.5, "take_profit": None})
        for _ in range(2):
            order = named | {"symbol": "EURUSD", "action": "BUY", "volume": 0.1}
            kept = await self.post("/trade/execute", order)
        await self.post("/position/close", named | {"position_id": kept["positionId"]})
        pending = named | {"symbol": "EURUSD", "volume": 0.4, "clientId": "ui-77"}
        await self.post("/trade/stop", pending | {"side": "BUY", "openPrice": 1.2})
        limit = pending | {"side": "SELL", "openPrice": 1.15, "comment": "fade the open"}
        placed = await self.post("/trade/limit", limit | {"stopLoss": 1.16, "takeProfit": 1.12})
        await self.post(
            "/order/modify", named | {"order_id": placed["orderId"], "open_price": 1.151}
        )

    async def _end(self) -> None:
        named = {"account_id": ACCOUNT}
        (order, *_) = self.answers["GET /orders/{account_id}"]["orders"]
        await self.post("/order/cancel", named | {"order_id": order["id"]})
        await self.post("/positions/close-symbol", named | {"symbol": "EURUSD"})
        await self.post("/positions/close-all", named)
        for call in ("/accounts/{account_id}/halt", "/halt"):
            await self.post(call, {"reason": "checking the copier"})
        for call in ("/accounts/{account_id}/resume", "/resume"):
            await self.post(call)
        await self.post("/accounts/{account_id}/guards/reset", {"by": "Ada"})
        await self.post("/streaming/unsubscribe", {"symbol": "EURUSD", "account_id": None})
        await self.post("/connections/reset")

    def _keep(self, method: str, call: str, response: httpx.Response) -> Any:
        assert response.status_code == 200, f"{call}: {response.text}"
        answer = response.json()
        self.answers.setdefault(f"{method} {call}", answer)
        return answer
