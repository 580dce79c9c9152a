"""The pool's statistics -> MetaApi's (MetaStats). Pure; formulas are those of docs/statistics.md.

A trade is a position with all that was closed of it. Its gain is in percent of the balance before
its first part closed, found backwards from the balance now; where the records do not lead to that
balance without a break (``proven``), no gain is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from fxpool.domain.money import decimal_from_double
from fxpool.errors import NotReady
from fxpool.mapping.formats import PositionInfo
from fxpool.mapping.history_formats import AccountMetrics, DailyGrowth, DayGrowth, TradeInfo
from fxpool.mapping.metaapi_rows import broker_time
from fxpool.mapping.metastats_formats import (
    MetaStatsDay,
    MetaStatsMetrics,
    MetaStatsOpenTrade,
    MetaStatsTrade,
)

LEAST_TRADES: Final = 30
"""So many trades MetaStats wants before it tells ratios of their spread."""

_SPREAD: Final = (
    "sharpeRatio",
    "sortinoRatio",
    "standardDeviationProfit",
    "kurtosisProfit",
    "averageHoldingPeriodReturn",
    "zScore",
    "probability",
)
_SAME: Final = (
    "balance",
    "equity",
    "margin",
    "freeMargin",
    "marginLevel",
    "deposits",
    "withdrawals",
    "trades",
    "wonTrades",
    "lostTrades",
    "wonTradesPercent",
    "lostTradesPercent",
    "longTrades",
    "shortTrades",
    "longWonTrades",
    "shortWonTrades",
    "longWonTradesPercent",
    "shortWonTradesPercent",
    "highestBalance",
    "absoluteGain",
    "gain",
    "dailyGain",
    "monthlyGain",
    "cagr",
    "mar",
    "bestTrade",
    "worstTrade",
    "averageWin",
    "averageLoss",
    "expectancy",
    "profitFactor",
    "averageTradeLengthInMilliseconds",
    "lots",
    "geometricHoldingPeriodReturn",
)
_DATES: Final = ("highestBalanceDate", "bestTradeDate", "worstTradeDate")
_DAY: Final = tuple(MetaStatsDay.__annotations__)


def metrics(row: AccountMetrics, growth: DailyGrowth) -> MetaStatsMetrics:
    """Return an account's metrics; ``growth`` are all its days."""
    known: Mapping[str, Any] = row
    balance = row["balance"]
    found: dict[str, Any] = {name: known[name] for name in _SAME}
    found |= {name: None if known[name] is None else broker_time(known[name]) for name in _DATES}
    found |= {
        "profit": float(decimal_from_double(row["profit"]) + decimal_from_double(row["charges"])),
        "equityPercent": row["equity"] / balance * 100 if balance > 0 else None,
        "maxDrawdown": row["maxDrawdownPercent"],
        "commissions": row["totalCommission"],
        "interest": row["totalSwap"],
        "dailyGrowth": [_day(day) for day in growth["growth"] if _happened(day)],
    }
    if row["trades"] >= LEAST_TRADES:
        found |= {name: known[name] for name in _SPREAD}
    return cast("MetaStatsMetrics", _known(found))


def trades(
    account: str, rows: Iterable[TradeInfo], balance: float | None
) -> Iterator[MetaStatsTrade]:
    """Yield trades and cash operations, by the time of their end.

    ``rows`` are all parts and cash operations since the first that is to be told, oldest first;
    ``balance`` is that after the last of them, None where it is not proven.
    """
    told: dict[str, tuple[list[TradeInfo], Decimal | None]] = {}
    for row, before in _with_balances(list(rows), balance):
        key = row.get("positionId") or f"cash-{row['id']}"
        told.setdefault(key, ([], before))[0].append(row)
    ended = sorted(told.values(), key=lambda each: each[0][-1]["closeTime"])
    for parts, before in ended:
        yield (
            _trade(account, parts, before) if "positionId" in parts[0] else _cash(account, parts[0])
        )


def open_trade(account: str, row: PositionInfo, balance: float, at: datetime) -> MetaStatsOpenTrade:
    """Return an open position; ``at`` is now. Raises NotReady while its result is not known."""
    profit = row["netProfit"]
    if profit is None:
        raise NotReady(f"the result of position {row['id']} is not known yet", phase="live")
    found = MetaStatsOpenTrade(
        _id=f"{account}+{row['id']}",
        accountId=account,
        positionId=row["id"],
        type=row["type"],
        symbol=row["symbol"],
        volume=row["volume"],
        openTime=broker_time(row["time"]),
        openPrice=row["openPrice"],
        profit=profit,
        success=_success(profit),
        durationInMinutes=_minutes(row["time"], at),
    )
    if balance > 0:
        found["gain"] = profit / balance * 100
    if row["comment"]:
        found["comment"] = row["comment"]
    return found


def _with_balances(
    rows: list[TradeInfo], balance: float | None
) -> list[tuple[TradeInfo, Decimal | None]]:
    """Return each row with the balance before it."""
    if balance is None:
        return [(row, None) for row in rows]
    after = decimal_from_double(balance)
    found: list[tuple[TradeInfo, Decimal | None]] = []
    for row in reversed(rows):
        after -= decimal_from_double(row["netProfit"])
        found.append((row, after))
    return found[::-1]


def _trade(account: str, parts: list[TradeInfo], before: Decimal | None) -> MetaStatsTrade:
    first, last = parts[0], parts[-1]
    profit = sum((decimal_from_double(part["netProfit"]) for part in parts), Decimal(0))
    volumes = [part.get("volume") for part in parts]
    position_id = first["positionId"]
    opened = first.get("openTime") or first["closeTime"]
    found = {
        "_id": f"{account}+{position_id}",
        "accountId": account,
        "positionId": position_id,
        "type": first["type"],
        "symbol": first.get("symbol"),
        "volume": float(
            sum((decimal_from_double(volume) for volume in volumes if volume), Decimal(0))
        ),
        "openTime": broker_time(opened),
        "closeTime": broker_time(last["closeTime"]),
        "openPrice": _mean(parts, "openPrice"),
        "closePrice": _mean(parts, "closePrice"),
        "profit": float(profit),
        "gain": float(profit / before * 100) if before is not None and before > 0 else None,
        "success": _success(float(profit)),
        "durationInMinutes": _minutes(opened, datetime.fromisoformat(last["closeTime"])),
        "pips": _mean(parts, "pips"),
        "comment": first["comment"] or None,
    }
    return cast("MetaStatsTrade", _known(found))


def _cash(account: str, row: TradeInfo) -> MetaStatsTrade:
    time = broker_time(row["closeTime"])
    found = MetaStatsTrade(
        _id=f"{account}+{row['id']}",
        accountId=account,
        type=row["type"],
        volume=0.0,
        openTime=time,
        closeTime=time,
        profit=row["profit"],
        gain=0.0,
        success=_success(row["profit"]),
        durationInMinutes=0,
    )
    if row["comment"]:
        found["comment"] = row["comment"]
    return found


def _mean(parts: list[TradeInfo], name: str) -> float | None:
    """Return a price of all parts, each with the weight of its volume; None if one is unknown."""
    if len(parts) == 1:
        return cast("float | None", parts[0].get(name))
    known: list[tuple[Decimal, Decimal]] = []
    for part in parts:
        value, volume = part.get(name), part.get("volume")
        if value is None or not volume:
            return None
        known.append((decimal_from_double(cast("float", value)), decimal_from_double(volume)))
    whole = sum((volume for _, volume in known), Decimal(0))
    return float(sum((value * volume for value, volume in known), Decimal(0)) / whole)


def _day(day: DayGrowth) -> MetaStatsDay:
    known: Mapping[str, Any] = day
    return cast("MetaStatsDay", _known({name: known[name] for name in _DAY}))


def _happened(day: DayGrowth) -> bool:
    return bool(day["trades"] or day["profit"] or day["deposits"] or day["withdrawals"])


def _success(profit: float) -> str:
    return "lost" if profit < 0 else "won"


def _minutes(begin: str, end: datetime) -> int:
    return max(timedelta(), end - datetime.fromisoformat(begin)) // timedelta(minutes=1)


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
