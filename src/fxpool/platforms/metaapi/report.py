"""The report of one polled account, made of the deals that MetaApi tells.

Equity is polled and not recorded, so a report has the balance's curve and no other; the notes say
so. The computing is done in a thread, so that nothing waits for a long history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fxpool.domain.past import Span
from fxpool.domain.trades import CashFlow
from fxpool.history.report import report_of
from fxpool.mapping.instants import iso
from fxpool.mapping.report_formats import AccountReport, CashRow, ReportAccount
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.differences import Reading
from fxpool.platforms.metaapi.ledger import Ledger, lots
from fxpool.platforms.metaapi.model import Deal
from fxpool.platforms.metaapi.past_rows import part_row
from fxpool.platforms.report_answer import Known, answer_of


@dataclass(frozen=True, slots=True)
class _Symbol:
    """A symbol by its name; every volume of the record is in MetaTrader's lots."""

    name: str

    def lots(self, volume_cents: int) -> Decimal:
        return lots(volume_cents)


async def report_of_deals(
    account: MetaApiAccount,
    ledger: Ledger,
    reading: Reading,
    span: Span,
    *,
    shown_id: str,
    limit: int,
    now: datetime,
) -> AccountReport:
    """Return what an account did in a period, with the newest ``limit`` closings."""
    record, money = ledger.record, reading.information
    opening = record.balance_before(span.begin)
    if opening is None:
        opening = money.balance - ledger.open_commission
    results = record.results_in(span.begin, span.end)
    report = await asyncio.to_thread(report_of, span, results, (), opening)
    names = {number: name for name, number in ledger.symbols.items()}
    symbols = {number: _Symbol(names[number]) for number in report.by_symbol}
    known = Known(
        now=now,
        equity=float(money.equity),
        symbols=symbols,
        digits=_digits(account, symbols),
        closings=[part_row(part, ledger) for part in report.parts[: -limit - 1 : -1]],
        cash_row=lambda flow: _cash_row(flow, ledger.deals[flow.history_id]),
        proven=ledger.is_whole,
        notes=_notes(ledger, money.currency) if span.end == now else (),
    )
    return answer_of(_about(account, reading, shown_id), report, known)


def _digits(account: MetaApiAccount, symbols: Mapping[int, _Symbol]) -> dict[str, int]:
    """Return the digits that are known without asking; prices of others are shown as they came."""
    known = {symbol.name: account.digits_of(symbol.name) for symbol in symbols.values()}
    return {name: digits for name, digits in known.items() if digits is not None}


def _notes(ledger: Ledger, currency: str) -> list[str]:
    if not ledger.open_commission:
        return []
    taken = f"{-ledger.open_commission} {currency} of commission was taken for open positions"
    return [f"{taken}: it is in the account's balance already, and counts here with the close."]


def _cash_row(flow: CashFlow, deal: Deal) -> CashRow:
    return CashRow(
        id=str(deal.id),
        time=iso(flow.at),
        amount=float(flow.delta),
        balance=float(flow.balance),
        operation=deal.type,
        isTransfer=flow.is_transfer,
    )


def _about(account: MetaApiAccount, reading: Reading, shown_id: str) -> ReportAccount:
    row = account.row(reading, shown_id)
    return ReportAccount(
        account_id=shown_id,
        name=account.config.display_name,
        platform=row["platform"],
        broker=row["broker"],
        login=row["login"],
        currency=row["currency"],
        moneyDigits=row["currencyDigits"],
        environment=row["environment"],
        simulated=False,
        readOnly=account.config.read_only,
    )
