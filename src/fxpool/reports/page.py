"""A report as one HTML page that needs nothing else: no script, no font, no request. Pure.

Texts come from brokers and from whoever wrote an order's comment, so the template escapes all of
them, and the page forbids itself everything but its own style.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from fxpool.mapping.report_formats import (
    AccountReport,
    DayResult,
    MonthResult,
    ReportSummary,
    SplitResult,
)
from fxpool.reports.charts import (
    Chart,
    Curve,
    Frame,
    filled,
    joined,
    scale,
    stepped,
    time_axis,
    value_axis,
)
from fxpool.reports.sheet import fixed, side_of

MOST_ROWS: Final = 500
"""Closings on the page; all of them are in the CSV."""

MOST_MONTHS: Final = 12
"""Months that are drawn day by day; older ones are in the table of months."""

MINUS: Final = "\u2212"
NONE: Final = "\u2013"


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure: its name, its value and what more there is to say; ``tone`` is up, down or
    nothing."""

    name: str
    value: str
    more: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of a drawn month; ``day`` is 0 before its first one. ``strength`` is 0 to 100."""

    day: int
    text: str = ""
    hint: str = ""
    tone: str = ""
    strength: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a split; ``share`` is its length in percent of the longest."""

    row: SplitResult
    tone: str
    share: float


class Words:
    """Numbers as people read them, by the account's digits."""

    def __init__(self, digits: int) -> None:
        self._digits = digits

    def money(self, value: float | None) -> str:
        """Return an amount, a dash for none."""
        return NONE if value is None else f"{value:,.{self._digits}f}".replace("-", MINUS)

    def change(self, value: float | None) -> str:
        """Return an amount with its sign."""
        if value is None:
            return NONE
        text = f"{value:+,.{self._digits}f}" if value else f"{0:.{self._digits}f}"
        return text.replace("-", MINUS)

    def short(self, value: float) -> str:
        """Return an amount that fits into a small cell."""
        for limit, unit in ((1_000_000, "M"), (10_000, "k")):
            if abs(value) >= limit:
                scaled = value / (1_000_000 if unit == "M" else 1_000)
                return f"{scaled:+.1f}{unit}".replace("-", MINUS)
        return f"{value:+.{1 if abs(value) < 10 else 0}f}".replace("-", MINUS)


def html_of(report: AccountReport) -> str:
    """Return the page of a report."""
    words = Words(report["account"]["moneyDigits"])
    begin, end = _instant(report["periodBegin"]), _instant(report["periodEnd"])
    first = max(begin, _instant(report["balanceCurve"][0]["time"]))
    return _template().render(
        report=report,
        account=report["account"],
        summary=report["summary"],
        words=words,
        period=_period(begin, end),
        generated=f"{_instant(report['generatedAt']):%d %b %Y %H:%M} UTC",
        figures=figures(report["summary"], words),
        details=details(report["summary"], words),
        money_chart=money_chart(report, first, end, words),
        drawdown_chart=drawdown_chart(report, first, end),
        years=years(report["months"]),
        month_names=[calendar.month_abbr[number] for number in month_columns(report["months"])],
        drawn_months=drawn_months(report["days"], words),
        left_out_months=max(0, len({day["date"][:7] for day in report["days"]}) - MOST_MONTHS),
        by_symbol=bars(report["bySymbol"]),
        by_weekday=bars(report["byWeekday"]),
        by_hour=bars(report["byHour"]),
        closings=[_closing(row, report, words) for row in report["closings"][:MOST_ROWS]],
        tone=tone,
        when=_when,
        percent=percent,
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("fxpool.reports", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


# Key figures


def figures(summary: ReportSummary, words: Words) -> list[Figure]:
    """Return what is read first."""
    net = summary["profit"] + summary["charges"]
    won = f"{summary['wonTrades']} won, {summary['lostTrades']} lost"
    source = "of the balance only"
    if summary["drawdownSource"] == "balance_and_equity":
        source = "recorded equity included"
    return [
        Figure("Net result", words.change(net), "after all costs", tone(net)),
        Figure(
            "Gain", percent(summary["gain"], signed=True), "time-weighted", tone(summary["gain"])
        ),
        Figure("Max drawdown", percent(summary["maxDrawdownPercent"]), source),
        Figure("Trades", f"{summary['trades']:,}", counted(summary["closings"], "closing")),
        Figure("Win rate", percent(summary["winRate"]), won),
        Figure("Profit factor", _ratio(summary["profitFactor"]), "gross profit / gross loss"),
    ]


def details(summary: ReportSummary, words: Words) -> list[Figure]:
    """Return the other figures."""
    length = summary["averageTradeLengthInMilliseconds"]
    return [
        Figure("Balance at the start", words.money(summary["openingBalance"])),
        Figure("Balance at the end", words.money(summary["closingBalance"])),
        Figure("Equity now", words.money(summary["equity"])),
        Figure("Deposits", words.money(summary["deposits"])),
        Figure("Withdrawals", words.money(summary["withdrawals"])),
        Figure("Gross profit", words.money(summary["grossProfit"])),
        Figure("Gross loss", words.money(summary["grossLoss"])),
        Figure("Commission", words.change(summary["commission"])),
        Figure("Swap", words.change(summary["swap"])),
        Figure("Other charges", words.change(summary["charges"])),
        Figure("Expectancy per trade", words.change(summary["expectancy"])),
        Figure("Average win", words.change(summary["averageWin"])),
        Figure("Average loss", words.change(summary["averageLoss"])),
        Figure("Best trade", words.change(summary["bestTrade"])),
        Figure("Worst trade", words.change(summary["worstTrade"])),
        Figure("Average duration", NONE if length is None else _duration(length)),
        Figure("Lots", NONE if summary["lots"] is None else f"{summary['lots']:,.2f}"),
        Figure("Max drawdown in money", words.money(summary["maxDrawdown"])),
        Figure("Recovery factor", _ratio(summary["recoveryFactor"])),
        Figure("Sharpe ratio, per trade", _ratio(summary["sharpeRatio"])),
        Figure("Sortino ratio, per trade", _ratio(summary["sortinoRatio"])),
    ]


# Charts


def money_chart(report: AccountReport, begin: datetime, end: datetime, words: Words) -> Chart:
    """Return balance and equity over the period; where no equity was recorded it is shaded."""
    balance = [(_seconds(point["time"]), point["value"]) for point in report["balanceCurve"]]
    equity = [(_seconds(point["time"]), point["value"]) for point in report["equityCurve"]]
    values = [value for _, value in [*balance, *equity]]
    low, high, step = scale(min(values), max(values))
    frame = Frame(begin.timestamp(), end.timestamp(), low, high)
    curves = [Curve("balance", stepped(frame, balance))]
    gaps = [(_seconds(gap["begin"]), _seconds(gap["end"])) for gap in _gaps(report)]
    if equity:
        curves.append(Curve("equity", joined(frame, equity, gaps)))
    shades = [(frame.x(a) / 10, (frame.x(b) - frame.x(a)) / 10) for a, b in gaps] if equity else []
    label = words.money if step < 1 else (lambda value: f"{value:,.0f}".replace("-", MINUS))
    return Chart(curves, time_axis(begin, end), value_axis(low, high, step, label), shades)


def drawdown_chart(report: AccountReport, begin: datetime, end: datetime) -> Chart | None:
    """Return how far the account was below its peak; None where it never was."""
    points = [(_seconds(each["time"]), -each["percent"]) for each in report["drawdownCurve"]]
    deepest = min((value for _, value in points), default=0.0)
    if deepest == 0.0:
        return None
    low, _, step = scale(deepest, 0.0)
    frame = Frame(begin.timestamp(), end.timestamp(), low, 0.0)
    axis = value_axis(low, 0.0, step, lambda value: f"{value:g} %".replace("-", MINUS))
    return Chart([Curve("fall", filled(frame, points))], time_axis(begin, end), axis, [])


def _gaps(report: AccountReport) -> Sequence[Any]:
    return report["equityRecording"]["gaps"]


# Calendar


def month_columns(months: Sequence[MonthResult]) -> list[int]:
    """Return the numbers of the months of which some year has a result."""
    return sorted({int(month["month"][5:]) for month in months})


def years(months: Sequence[MonthResult]) -> list[tuple[str, list[MonthResult | None], float]]:
    """Return years with a column for each month, None for one without a result, and their sum."""
    columns = month_columns(months)
    found = []
    for year, group in groupby(months, key=lambda month: month["month"][:4]):
        by_number = {int(month["month"][5:]): month for month in group}
        total = sum(month["profit"] for month in by_number.values())
        found.append((year, [by_number.get(number) for number in columns], total))
    return found


def drawn_months(days: Sequence[DayResult], words: Words) -> list[tuple[str, list[Cell]]]:
    """Return the newest months with a cell for each day, weeks from Monday."""
    largest = max((abs(day["profit"]) for day in days), default=0.0) or 1.0
    found = []
    for month, group in groupby(days, key=lambda day: day["date"][:7]):
        by_date = {day["date"]: day for day in group}
        first = date.fromisoformat(f"{month}-01")
        before, count = calendar.monthrange(first.year, first.month)
        cells = [Cell(0)] * before
        cells += [
            _cell(number, by_date.get(f"{month}-{number:02d}"), largest, words)
            for number in range(1, count + 1)
        ]
        found.append((f"{first:%B %Y}", cells))
    return found[-MOST_MONTHS:]


def _cell(number: int, day: DayResult | None, largest: float, words: Words) -> Cell:
    if day is None:
        return Cell(number)
    profit = day["profit"]
    hint = f"{day['date']}: {words.change(profit)}, {counted(day['closings'], 'closing')}"
    strength = round(15 + 65 * abs(profit) / largest)
    return Cell(number, words.short(profit) if profit else "0", hint, tone(profit), strength)


# Splits and rows


def bars(rows: Sequence[SplitResult]) -> list[Bar]:
    """Return rows as bars of their profit."""
    longest = max((abs(row["profit"]) for row in rows), default=0.0) or 1.0
    return [
        Bar(row, tone(row["profit"]), round(abs(row["profit"]) / longest * 100, 1)) for row in rows
    ]


def _closing(row: Any, report: AccountReport, words: Words) -> dict[str, str]:
    digits = report["symbolDigits"].get(row["symbol"])
    lots, pips = row["volume"], row["pips"]
    return {
        "closed": _when(row["closeTime"]),
        "symbol": row["symbol"],
        "side": side_of(row),
        "lots": NONE if lots is None else f"{lots:,.2f}",
        "open": fixed(row["openPrice"], digits),
        "close": fixed(row["closePrice"], digits) or NONE,
        "pips": NONE if pips is None else f"{pips:+,.1f}".replace("-", MINUS),
        "costs": words.change(row["swap"] + row["commission"]),
        "net": words.change(row["netProfit"]),
        "tone": tone(row["netProfit"]),
        "reason": (row["reason"] or NONE).replace("_", " ").lower(),
        "comment": row["comment"],
    }


# Words


def counted(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def tone(value: float | None) -> str:
    """Return whether a value is a gain, a loss or neither."""
    if not value:
        return ""
    return "up" if value > 0 else "down"


def percent(value: float | None, *, signed: bool = False) -> str:
    """Return a percentage, a dash for none."""
    if value is None:
        return NONE
    text = f"{value:+,.2f} %" if signed and value else f"{value:,.2f} %"
    return text.replace("-", MINUS)


def _ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:,.2f}".replace("-", MINUS)


def _duration(milliseconds: int) -> str:
    length = timedelta(milliseconds=milliseconds)
    hours, rest = divmod(length.seconds, 3600)
    if length.days:
        return f"{length.days} d {hours} h"
    if hours:
        return f"{hours} h {rest // 60} min"
    return f"{rest // 60} min {rest % 60} s"


def _period(begin: datetime, end: datetime) -> str:
    last = end - timedelta(milliseconds=1)
    days = [f"{begin:%d %b %Y}", f"{last:%d %b %Y}"]
    return days[0] if days[0] == days[1] else f" {NONE} ".join(days)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _seconds(text: str) -> float:
    return _instant(text).timestamp()


def _when(text: str) -> str:
    return f"{_instant(text):%Y-%m-%d %H:%M:%S}"
