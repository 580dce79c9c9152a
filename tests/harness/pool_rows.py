"""Rows as the pool sends them, for the tests of what the command line shows."""

from __future__ import annotations

from typing import Any

TIME = "2026-03-02T09:15:27.481Z"


def account(**changes: Any) -> dict[str, Any]:
    return {
        "id": "12345",
        "broker": "fxpool simulator",
        "login": "12345",
        "environment": "demo",
        "simulated": True,
        "halted": False,
        "accountType": "HEDGED",
        "currency": "USD",
        "balance": 10000.0,
        "equity": 10012.5,
        "margin": 37.5,
        "freeMargin": 9975.0,
        "marginLevel": 26700.0,
        "unrealizedProfit": 12.5,
        "openPositions": 1,
        "leverage": 30.0,
        **changes,
    }


def position(**changes: Any) -> dict[str, Any]:
    return {
        "id": "287314502",
        "symbol": "EURUSD",
        "type": "POSITION_TYPE_BUY",
        "volume": 0.1,
        "openPrice": 1.12569,
        "currentPrice": 1.1257,
        "stopLoss": 1.12,
        "takeProfit": None,
        "profit": 0.1,
        "netProfit": -0.4,
        "swap": 0.0,
        "commission": -0.5,
        "usedMargin": 375.23,
        **changes,
    }


def order(**changes: Any) -> dict[str, Any]:
    return {
        "id": "91550213",
        "symbol": "EURUSD",
        "type": "ORDER_TYPE_SELL_LIMIT",
        "volume": 0.4,
        "currentVolume": 0.4,
        "openPrice": 1.0921,
        "currentPrice": 1.0874,
        "stopLoss": None,
        "takeProfit": None,
        "comment": "fade the open",
        "time": TIME,
        **changes,
    }


def price(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "EURUSD",
        "bid": 1.08741,
        "ask": 1.08748,
        "spread": 0.00007,
        "digits": 5,
        "time": TIME,
        "brokerTime": TIME,
        "stale": False,
        "account_id": "12345",
        **changes,
    }


def event(kind: str, **body: Any) -> dict[str, Any]:
    return {"type": kind, "accountId": "12345", "timestamp": TIME, **body}


def snapshot(**changes: Any) -> dict[str, Any]:
    return event(
        "snapshot",
        **{"account": account(), "positions": [], "orders": [], "prices": [], **changes},
    )
