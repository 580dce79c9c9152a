"""One account's past, fed deal by deal: its parts, its trades and its balance curve. Pure.

Entries are taken in the order of ``order_of``. Each is taken once, by id. An entry that belongs
before one that was taken already cannot be put in: the record says so, and its owner makes a new
one from all entries. Sums over trades that have ended are kept up to date, so a question costs the
trades it is about and not the whole past.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from fxpool.domain.cash import CashOperation
from fxpool.domain.trades import CashFlow, Deal
from fxpool.history.curve import BalanceCurve
from fxpool.history.series import ResultSeries
from fxpool.history.statistics import Ratios, Tally, ratios_of
from fxpool.history.trades import ClosedPart, OpenLots, Result, Trade, result_at, trade_after

Entry = Deal | CashFlow
EntryOrder = tuple[datetime, int, int, int]
Identity = tuple[bool, int]


def identity_of(entry: Entry) -> Identity:
    """Return what tells entries apart: a deal and a cash flow may have the same number."""
    if isinstance(entry, CashFlow):
        return True, entry.history_id
    return False, entry.deal_id


def order_of(entry: Entry) -> EntryOrder:
    """Return what entries are sorted by: their time; at one time openings first, and then by the
    version of the balance that they led to, or by id where the broker tells no version."""
    if isinstance(entry, CashFlow):
        return entry.at, 1, entry.balance_version or 0, entry.history_id
    if entry.close is None:
        return entry.executed_at, 0, 0, entry.deal_id
    return entry.executed_at, 1, entry.close.balance_version or 0, entry.deal_id


class AccountRecord:
    """What happened on an account.

    Attributes:
        curve: the balance over time.
        parts: what closing deals closed, oldest first.
        flows: all cash flow, oldest first.
        results: both, in the order in which they changed the balance.
        deals: how many deals were taken.
    """

    def __init__(self) -> None:
        self.curve = BalanceCurve()
        self.parts: list[ClosedPart] = []
        self.flows: list[CashFlow] = []
        self.results: list[Result] = []
        self.deals = 0
        self._lots = OpenLots()
        self._ended: list[Trade] = []
        self._tally = Tally()
        self._series = ResultSeries()
        self._running: dict[int, Trade] = {}
        self._seen: set[Identity] = set()
        self._last: EntryOrder | None = None
        self._ratios: Ratios | None = None

    def has(self, entry: Entry) -> bool:
        """Whether an entry was taken already."""
        return identity_of(entry) in self._seen

    def fits(self, entry: Entry) -> bool:
        """Whether an entry comes after all that were taken."""
        return self._last is None or order_of(entry) > self._last

    def take(self, entry: Entry) -> None:
        """Take a new entry that fits. Raises ValueError for one that does not."""
        if self.has(entry) or not self.fits(entry):
            raise ValueError(f"entry {identity_of(entry)} is not next")
        self._seen.add(identity_of(entry))
        self._last = order_of(entry)
        if isinstance(entry, CashFlow):
            self._take_flow(entry)
        elif entry.status.executed:
            self._take_deal(entry)

    def _take_flow(self, flow: CashFlow) -> None:
        self.flows.append(flow)
        self.results.append(flow)
        book = self.curve.transfer if flow.is_transfer else self.curve.charge
        book(flow.at, flow.delta, flow.balance)
        if flow.operation is CashOperation.UNKNOWN:
            self.curve.lose_growth()

    def _take_deal(self, deal: Deal) -> None:
        self.deals += 1
        part = self._lots.take(deal)
        if part is None:
            return
        self._ratios = None
        self.parts.append(part)
        self.results.append(part)
        day = self.curve.result(part.closed_at, part.net_profit, part.balance)
        day.volumes[part.symbol_id] += part.volume_cents
        trade = trade_after(self._running.pop(part.position_id, None), part)
        if self._lots.is_open(part.position_id):
            self._running[part.position_id] = trade
        else:
            self._ended.append(trade)
            self._tally.add(trade)
            self._series.add(trade)
            day.trades += 1

    # Questions

    @property
    def trades(self) -> list[Trade]:
        """All trades by the time of their last close; those that go on come after the others."""
        return [*self._ended, *self._running.values()]

    def tally(self) -> Tally:
        """Return the sums over all trades, closed parts of open positions included."""
        return self._tally.with_more(self._running.values())

    def tally_of(self, symbol_id: int, since: datetime) -> Tally:
        """Return the sums over the trades of one symbol that closed at or after an instant."""
        first = bisect_left(self._ended, since, key=lambda trade: trade.closed_at)
        recent = [*self._ended[first:], *self._running.values()]
        return Tally().with_more(
            trade for trade in recent if trade.symbol_id == symbol_id and trade.closed_at >= since
        )

    def ratios(self) -> Ratios:
        """Return the ratios over all trades; computed anew after a change only."""
        if self._ratios is None:
            self._ratios = ratios_of(self._series.with_more(self._running.values()))
        return self._ratios

    def parts_since(self, since: datetime) -> list[ClosedPart]:
        """Return what was closed at or after an instant, oldest first."""
        return self.parts[bisect_left(self.parts, since, key=lambda part: part.closed_at) :]

    def flows_since(self, since: datetime) -> list[CashFlow]:
        """Return the cash flow at or after an instant, oldest first."""
        return self.flows[bisect_left(self.flows, since, key=lambda flow: flow.at) :]

    def results_in(self, begin: datetime, end: datetime) -> list[Result]:
        """Return what changed the balance from ``begin`` up to, not including, ``end``."""
        first, last = (bisect_left(self.results, at, key=result_at) for at in (begin, end))
        return self.results[first:last]

    def balance_before(self, at: datetime) -> Decimal | None:
        """Return the balance just before an instant, None if it never changed."""
        place = bisect_left(self.results, at, key=result_at)
        if place:
            return self.results[place - 1].balance
        return self.curve.initial if self.results else None

    def leads_to(self, balance: Decimal) -> bool:
        """Whether the entries lead without a break to this balance."""
        return self.curve.breaks == 0 and self.curve.balance in {None, balance}

    def profit(self) -> Decimal:
        """Return the net result of all trades and charges."""
        return self.tally().profit + self.curve.charges

    def loss_today(self, equity: Decimal, today: date) -> float | None:
        """Return by how much of its capital the account is below the start of the UTC day, as a
        fraction, 0 if it is not; None without capital.

        The start is the balance then and the day's deposits less withdrawals.
        """
        day = self.curve.day(today)
        if day is not None:
            capital = day.opening + day.deposits - day.withdrawals
        else:
            capital = self.curve.balance if self.curve.balance is not None else equity
        if capital <= 0:
            return None
        return max(0.0, float((capital - equity) / capital))


def start_of_days(at: datetime, days: int) -> datetime:
    """Return the start of the UTC day so many days before; 1 means today."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=days - 1)
