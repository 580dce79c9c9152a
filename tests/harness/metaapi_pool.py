"""A pool in front of MetaApi as its callers know it, over the same small terminal.

Written from what its callers send and read: no orders, no cancel, order type and price dropped,
trades answered with a nested ``result``, health at ``/``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.http_server import serving
from harness.metatrader import Refused, Row, Terminal


@dataclass
class MetaApiPool:
    """The pool's state: its terminals by account, and the bodies that it was sent."""

    terminals: dict[str, Terminal]
    url: str = ""
    bodies: list[Row] = field(default_factory=list)
    quoted: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._health),
                Route("/account/{account}", self._account),
                Route("/positions/{account}", self._positions),
                Route("/accounts/{account}/trades", self._trades),
                Route("/accounts/summary", self._summary),
                Route("/accounts/{account}/{what:path}", self._statistics),
                Route("/pool/stats", self._stats),
                Route("/prices", self._prices),
                Route("/prices/{symbol}", self._price),
                Route("/streaming/subscribe", self._subscribe, methods=["POST"]),
                Route("/streaming/initialize", self._initialize, methods=["POST"]),
                Route("/trade/execute", self._execute, methods=["POST"]),
                Route("/position/modify", self._modify, methods=["POST"]),
                Route("/position/close", self._close, methods=["POST"]),
            ]
        )

    async def _summary(self, _: Request) -> Response:
        return _json({name: {"name": name, "status": "connected"} for name in self.terminals})

    async def _statistics(self, request: Request) -> Response:
        """What MetaStats tells, shortened."""
        if self._terminal(request) is None:
            return _json({"detail": "Account not found"}, 404)
        word = request.path_params["what"].split("/")[0]
        answers = {
            "metrics": {"trades": 3, "winRate": 66.67, "balance": 10_000.0},
            "daily-growth": {"growth": [{"date": "2026-03-01", "balance": 10_000.0}]},
            "symbol-stats": {"symbol": "EURUSD", "trades": 0},
            "risk-status": {"risk_status": "OK"},
            "open-trades": {"open_trades": [], "count": 0},
        }
        return _json(answers[word]) if word in answers else _json({"detail": "Not Found"}, 404)

    async def _stats(self, _: Request) -> Response:
        names = ("connectionsCreated", "connectionsReused", "errors", "activeConnections")
        return _json({"tradesExecuted": self.asked["trade"], **dict.fromkeys(names, 1)})

    async def _prices(self, _: Request) -> Response:
        terminal = next(iter(self.terminals.values()))
        return _json({symbol: terminal.price(symbol) for symbol in sorted(self.quoted)})

    async def _initialize(self, request: Request) -> Response:
        body = await _body(request)
        self.bodies.append(body)
        return _json({"success": body["account_id"] in self.terminals})

    async def _health(self, _: Request) -> Response:
        return _json({"status": "healthy", "service": "MetaAPI Connection Pool"})

    async def _account(self, request: Request) -> Response:
        terminal = self._terminal(request)
        if terminal is None:
            return _json({"detail": "Account not found"}, 404)
        return _json({"id": request.path_params["account"], **terminal.information()})

    async def _positions(self, request: Request) -> Response:
        terminal = self._terminal(request)
        if terminal is None:
            return _json({"detail": "Account not found"}, 404)
        return _json({"positions": terminal.open_positions()})

    async def _trades(self, request: Request) -> Response:
        terminal = self._terminal(request)
        if terminal is None:
            return _json({"detail": "Account not found"}, 404)
        rows = [
            {
                "id": deal["id"],
                "positionId": deal["positionId"],
                "symbol": deal["symbol"],
                "type": "DEAL_TYPE_BUY" if deal["type"].endswith("SELL") else "DEAL_TYPE_SELL",
                "volume": deal["volume"],
                "closeTime": deal["time"],
                "closePrice": deal["price"],
                "profit": deal["profit"],
                "swap": deal["swap"],
                "commission": deal["commission"],
            }
            for deal in terminal.deals
            if deal.get("entryType") == "DEAL_ENTRY_OUT"
        ]
        return _json({"trades": rows, "count": len(rows), "period_days": 7})

    async def _price(self, request: Request) -> Response:
        symbol = request.path_params["symbol"]
        terminal = next(iter(self.terminals.values()))
        price = terminal.price(symbol) if symbol in self.quoted else None
        return _json({"detail": f"No price for {symbol}"}, 404) if price is None else _json(price)

    async def _subscribe(self, request: Request) -> Response:
        body = await _body(request)
        self.quoted.add(body["symbol"])
        return _json({"success": True})

    async def _execute(self, request: Request) -> Response:
        body = await _body(request)
        self.bodies.append(body)
        # Whatever else was asked for: this is what that pool makes of an order.
        trade = {
            "actionType": f"ORDER_TYPE_{body['action']}",
            "symbol": body["symbol"],
            "volume": body["volume"],
            "comment": body.get("comment"),
            "stopLoss": body.get("stop_loss"),
            "takeProfit": body.get("take_profit"),
        }
        return self._done(body, {k: v for k, v in trade.items() if v is not None})

    async def _modify(self, request: Request) -> Response:
        body = await _body(request)
        return self._done(
            body,
            {
                "actionType": "POSITION_MODIFY",
                "positionId": body["position_id"],
                "stopLoss": body.get("stop_loss"),
                "takeProfit": body.get("take_profit"),
            },
        )

    async def _close(self, request: Request) -> Response:
        body = await _body(request)
        trade = {"actionType": "POSITION_CLOSE_ID", "positionId": body["position_id"]}
        return self._done(body, trade)

    def _done(self, body: Row, trade: Row) -> Response:
        self.asked["trade"] += 1
        try:
            answer = self.terminals[body["account_id"]].trade(trade)
        except Refused as refused:
            return _json({"success": False, "error": str(refused)})
        return _json({"success": True, "result": answer})

    def _terminal(self, request: Request) -> Terminal | None:
        return self.terminals.get(request.path_params["account"])


@asynccontextmanager
async def running_pool(*accounts: str) -> AsyncIterator[MetaApiPool]:
    """Serve accounts, each with a terminal of its own, until the block ends."""
    pool = MetaApiPool({name: Terminal(login=str(12345 + i)) for i, name in enumerate(accounts)})
    async with serving(pool.app()) as url:
        pool.url = url
        yield pool


async def _body(request: Request) -> Row:
    body: Row = json.loads(await request.body(), parse_float=Decimal)
    return body


def _json(value: Any, status: int = 200) -> Response:
    text = json.dumps(value, default=float)
    return Response(text, status, media_type="application/json")
