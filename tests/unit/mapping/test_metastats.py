"""MetaStats' trades out of closed parts: one per position, with the balance before it."""

from __future__ import annotations

from typing import Any

from fxpool.mapping import metastats
from fxpool.mapping.history_formats import TradeInfo


def part(row_id: str, position_id: str, net: float, closed: str, **more: Any) -> TradeInfo:
    known: dict[str, Any] = {
        "id": row_id,
        "positionId": position_id,
        "type": "DEAL_TYPE_SELL",
        "symbol": "EURUSD",
        "profit": net,
        "swap": 0.0,
        "commission": 0.0,
        "netProfit": net,
        "time": closed,
        "closeTime": closed,
        "openTime": "2026-03-02T06:00:00.000Z",
        "volume": 0.1,
        "openPrice": 1.1,
        "closePrice": 1.2,
        "pips": 10.0,
        "state": "CLOSED",
        "comment": "",
        "clientId": "",
    }
    return TradeInfo(**known | more)


def deposit(amount: float) -> TradeInfo:
    time = "2026-03-01T00:00:00.000Z"
    return TradeInfo(
        id="8000000000000001",
        type="DEAL_TYPE_BALANCE",
        profit=amount,
        swap=0.0,
        commission=0.0,
        netProfit=amount,
        time=time,
        closeTime=time,
        state="CLOSED",
        comment="DEPOSIT",
        clientId="",
    )


ROWS = [
    deposit(1000.0),
    part("1", "7", -10.1, "2026-03-02T07:30:00.000Z", volume=0.3, closePrice=1.5, pips=-1.0),
    part("2", "8", 100.2, "2026-03-02T08:00:00.000Z"),
    part("3", "7", 30.3, "2026-03-02T09:00:00.000Z"),
]


def test_a_trade_is_a_position_and_ends_with_its_last_part() -> None:
    cash, eight, seven = metastats.trades("alpha", ROWS, 1120.4)
    assert cash == {
        "_id": "alpha+8000000000000001",
        "accountId": "alpha",
        "type": "DEAL_TYPE_BALANCE",
        "volume": 0.0,
        "openTime": "2026-03-01 00:00:00.000",
        "closeTime": "2026-03-01 00:00:00.000",
        "profit": 1000.0,
        "gain": 0.0,
        "success": "won",
        "durationInMinutes": 0,
        "comment": "DEPOSIT",
    }
    assert (eight["positionId"], eight["gain"]) == ("8", float(10020 / 989.9))
    assert seven == {
        "_id": "alpha+7",
        "accountId": "alpha",
        "positionId": "7",
        "type": "DEAL_TYPE_SELL",
        "symbol": "EURUSD",
        "volume": 0.4,
        "openTime": "2026-03-02 06:00:00.000",
        "closeTime": "2026-03-02 09:00:00.000",
        "openPrice": 1.1,
        "closePrice": 1.425,
        "profit": 20.2,
        "gain": 2.02,
        "success": "won",
        "durationInMinutes": 180,
        "pips": 1.75,
    }


def test_without_a_proven_balance_no_gain_is_told() -> None:
    assert not [
        t
        for t in metastats.trades("alpha", ROWS, None)
        if t["type"] != ROWS[0]["type"] and "gain" in t
    ]


def test_a_part_without_its_volume_leaves_the_prices_of_the_trade_unknown() -> None:
    rows = [*ROWS[:-1], part("3", "7", 30.3, "2026-03-02T09:00:00.000Z", volume=None)]
    *_, seven = metastats.trades("alpha", rows, 1120.4)
    assert not {"closePrice", "pips"} & seven.keys()
    assert seven["profit"] == 20.2
