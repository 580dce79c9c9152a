"""A report as CSV: one row per closing and per cash flow, the newest first. Pure.

Texts come from brokers and from whoever wrote an order's comment. One that a spreadsheet would take
for a formula gets an apostrophe before it; numbers are written as numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

from fxpool.mapping.history_formats import TradeInfo
from fxpool.mapping.report_formats import AccountReport, CashRow

COLUMNS: Final = (
    "record",
    "time",
    "id",
    "positionId",
    "orderId",
    "symbol",
    "side",
    "lots",
    "openTime",
    "openPrice",
    "closePrice",
    "pips",
    "profit",
    "swap",
    "commission",
    "netProfit",
    "reason",
    "comment",
    "clientId",
)

_FORMULA_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def csv_of(report: AccountReport) -> str:
    """Return the rows of a report; times are UTC, money is the account's currency."""
    digits = report["account"]["moneyDigits"]
    rows = [*_closings(report, digits), *_cash(report["cashFlows"], digits)]
    rows.sort(key=lambda row: row["time"], reverse=True)
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def plain(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_BEGINS) else text


def _closings(report: AccountReport, digits: int) -> Iterator[dict[str, Any]]:
    for row in report["closings"]:
        price_digits = report["symbolDigits"].get(row.get("symbol", ""))
        yield {
            "record": "closing",
            "time": row["closeTime"],
            "id": row["id"],
            "positionId": row.get("positionId", ""),
            "orderId": row.get("orderId", ""),
            "symbol": plain(row.get("symbol", "")),
            "side": side_of(row),
            "lots": row.get("volume"),
            "openTime": row.get("openTime"),
            "openPrice": fixed(row.get("openPrice"), price_digits),
            "closePrice": fixed(row.get("closePrice"), price_digits),
            "pips": row.get("pips"),
            "profit": fixed(row["profit"], digits),
            "swap": fixed(row["swap"], digits),
            "commission": fixed(row["commission"], digits),
            "netProfit": fixed(row["netProfit"], digits),
            "reason": row.get("reason"),
            "comment": plain(row["comment"]),
            "clientId": plain(row["clientId"]),
        }


def _cash(flows: list[CashRow], digits: int) -> Iterator[dict[str, Any]]:
    for flow in flows:
        yield {
            "record": "transfer" if flow["isTransfer"] else "charge",
            "time": flow["time"],
            "id": flow["id"],
            "netProfit": fixed(flow["amount"], digits),
            "reason": flow["operation"],
        }


def side_of(row: TradeInfo) -> str:
    """Return the side of the position that was closed."""
    return "buy" if row["type"] == "DEAL_TYPE_BUY" else "sell"


def fixed(value: float | None, digits: int | None) -> str:
    """Return a number with its digits, as it is where they are not known, nothing for none."""
    if value is None:
        return ""
    return repr(value) if digits is None else f"{value:.{digits}f}"
