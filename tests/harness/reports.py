"""A report of a past made on the simulator's engine, without any link."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from fxpool.domain.equity import EquityBucket
from fxpool.domain.past import Span
from fxpool.history.report import Report, report_of
from fxpool.history.trades import Result
from fxpool.mapping.instants import instant_from_ms
from fxpool.mapping.report_formats import AccountReport, ReportAccount
from fxpool.platforms.history_rows import trade_row
from fxpool.platforms.past_symbols import PastSymbol
from fxpool.platforms.report_answer import Known, answer_of
from fxpool.platforms.report_rows import cash_row
from harness.past import EURUSD, cash_flow_of, deals_of, record_of, trade_at_random
from harness.trader import ACCOUNT, START_MS, Trader

WEEK_MS = 7 * 86_400_000
SPAN = Span(instant_from_ms(START_MS), instant_from_ms(START_MS + WEEK_MS))


def results(steps: int) -> list[Result]:
    """What changed the balance in a week of random trading."""
    trader = Trader()
    trade_at_random(
        trader.engine,
        ACCOUNT,
        begin_ms=START_MS + 10,
        end_ms=START_MS + WEEK_MS,
        steps=steps,
        chance=Random(3),
    )
    return record_of([*deals_of(trader.book), *cash_flow_of(trader.book)]).results


def made(found: Sequence[Result], buckets: Sequence[EquityBucket] = ()) -> Report:
    """The report of that week, with equity as given."""
    opening = Decimal(0)
    return report_of(SPAN, found, buckets, opening)


def shown(report: Report, *, name: str = "Alpha", comment: str = "") -> AccountReport:
    """A report as callers read it."""
    symbols = {EURUSD: PastSymbol("EURUSD", None, Decimal(1))}
    account = ReportAccount(
        account_id="alpha",
        name=name,
        platform="ctrader",
        broker="fxpool-simulator",
        login="12345",
        currency="USD",
        moneyDigits=2,
        environment="demo",
        simulated=True,
        readOnly=False,
    )
    rows = [trade_row(part, symbols[EURUSD], None, None) for part in report.parts[::-1]]
    for row in rows:
        row["comment"] = comment
    known = Known(
        now=datetime.now(UTC),
        equity=None,
        symbols=symbols,
        digits={"EURUSD": 5},
        closings=rows,
        cash_row=cash_row,
        proven=True,
    )
    return answer_of(account, report, known)
