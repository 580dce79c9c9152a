"""The history driver: reads an account's past once, and keeps it true while the account trades.

Starts when it is asked for. The first reading goes from the oldest window to the present, saves
each window as it comes, and continues where it stopped after a cut or a restart. From then on
deals and cash flow are taken from the live events at once, and the newest window is read again soon
after each of them: only a reading is saved, and it brings the orders that tell why a position
closed.

The newest minute is never marked as read, since a deal may enter the broker's history late (SW-21).
What is read about is in ``record``; how it is put on the wire in ``reads``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Final, TypeVar

import structlog

from fxpool.account import Account, Phase
from fxpool.account.events import BalanceChanged, BookEvent, DealAdded
from fxpool.account.positions import close_reason
from fxpool.clock import Clock
from fxpool.domain.cash import CashOperation
from fxpool.domain.past import Past, Span
from fxpool.domain.trades import CashFlow, CloseReason, Deal, Order
from fxpool.errors import FxPoolError, NotReady
from fxpool.history.kept import HistoryStore
from fxpool.history.naming import kept_name
from fxpool.history.reads import PAUSE, HistoryReads
from fxpool.history.record import AccountRecord, Entry, Identity, identity_of, order_of
from fxpool.history.trades import ClosedPart
from fxpool.history.windows import joined, missing, share_read, windows, without

BEGINNING: Final = datetime(2011, 1, 1, tzinfo=UTC)
"""Where the past of an account begins whose registration is not told: no cTrader account is
older."""

BEFORE_REGISTRATION: Final = timedelta(days=1)
AHEAD: Final = timedelta(days=1)
"""By how much the broker's clock may be ahead of ours."""

BEHIND: Final = timedelta(hours=12)
"""By how much it may be behind: so much is read again after an outage, when nothing was heard."""

SETTLED: Final = timedelta(minutes=1)
"""How old a deal is when it is in the broker's history for certain."""

PAUSE_AFTER_EVENT: Final = 1.0
"""Seconds between a live event and the reading that confirms it; one reading serves many."""

CONFIRM_EVERY: Final = 15.0
"""Seconds between readings while a live event is not in the broker's history."""

RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
AT_ONCE: Final = 50
"""Entries that are taken in one turn of the loop: about half a millisecond."""

SORTED_AT_ONCE: Final = 500
"""Entries that are named or sorted in one turn of the loop: about half a millisecond."""

_Value = TypeVar("_Value")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of the past was read, 0 to 1, and the last problem with it, if any."""

    share: float
    problem: str

    def __str__(self) -> str:
        told = f"{self.share:.0%} of the account's history is read"
        return f"{told}; {self.problem}" if self.problem else told


class HistoryKeeper:
    """One account's past.

    Attributes:
        record: what happened; whole and up to date once ``ready`` has returned it.
    """

    def __init__(
        self,
        account: Account,
        store: HistoryStore,
        *,
        clock: Clock,
        gate: asyncio.Semaphore,
    ) -> None:
        """``gate`` bounds the requests of all accounts together."""
        self.record = AccountRecord()
        self._account = account
        self._store = store
        self._clock = clock
        self._gate = gate
        self._covered: tuple[Span, ...] = ()
        self._orders: dict[int, Order] = {}
        self._heard: dict[Identity, Entry] = {}  # and not seen in the broker's history yet
        self._is_loaded = False
        self._is_filling = False
        self._problem = ""
        self._outages = 0
        self._wanted = asyncio.Event()
        self._due = asyncio.Event()
        self._current = asyncio.Event()

    # For the owner

    async def run(self) -> None:
        """Keep the past true until cancelled: the outermost frame of its task."""
        try:
            await self._run()
        except Exception as exc:  # nobody awaits the task; reads are refused with this reason
            log.exception("history ended", account=self._account.key)
            self._problem = f"an internal error ended it: {type(exc).__name__}"
            self._current.clear()

    async def _run(self) -> None:
        """Work off what is due; nothing is read before it is asked for."""
        await self._wanted.wait()
        failures = 0
        while True:
            await self._wait_for_work()
            if self._account.state.phase is not Phase.LIVE:
                continue  # ``synchronised`` wakes it
            covered = self._covered
            try:
                await self._catch_up()
                failures, self._problem = 0, ""
            except FxPoolError as exc:
                if self._covered != covered:
                    failures = 0  # it got on: a link that is cut often still reads on each time
                self._problem = str(exc)
                log.warning("history", account=self._account.key, error=str(exc))
                self._due.set()
                await self._clock.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    async def ready(self, seconds: float) -> AccountRecord:
        """Return the whole record, waiting for it a while. Raises NotReady with the progress."""
        self._account.require_live()
        if not self._current.is_set():
            if not self._wanted.is_set():
                self._wanted.set()
                self._due.set()
            with suppress(TimeoutError):  # told below, with how far it is
                async with asyncio.timeout(seconds):
                    await self._current.wait()
            self._account.require_live()
        if not self._current.is_set():
            raise NotReady(str(self.progress()), phase="reading history", retry_after=5.0)
        return self.record

    async def past(self, seconds: float) -> Past:
        """Return all deals, orders and cash flow, those that were heard just now too.

        Raises NotReady as ``ready`` does, and HistoryDown.
        """
        await self.ready(seconds)
        heard = dict(self._heard)  # what is confirmed meanwhile may not be in what is loaded
        kept, _ = await self._store.load(self._name())
        heard |= self._heard
        if not heard:
            return kept
        known = await _by_identity(kept.deals, kept.cash_flow, heard.values())
        deals = [entry async for entry in _in_turns(known.values()) if isinstance(entry, Deal)]
        flows = [entry async for entry in _in_turns(known.values()) if isinstance(entry, CashFlow)]
        return Past(deals, kept.orders, flows)

    def progress(self) -> Progress:
        """Return how far the first reading, or the one after an outage, is."""
        if self._current.is_set():
            return Progress(1.0, "")
        if not self._is_loaded:
            return Progress(0.0, self._problem)
        return Progress(share_read(self._covered, self._whole()), self._problem)

    @property
    def reading(self) -> str | None:
        """The progress in words, None before anybody asked and once all is read."""
        is_reading = self._wanted.is_set() and not self._current.is_set()
        return str(self.progress()) if is_reading else None

    def reason(self, part: ClosedPart) -> CloseReason | None:
        """Return why something closed; None while the closing order is not read."""
        order = self._orders.get(part.order_id)
        return None if order is None else close_reason(order, part.close_price)

    def opening_order(self, part: ClosedPart) -> Order | None:
        """Return the order that opened what a part closed, None where it is not known."""
        return None if part.opening_order_id is None else self._orders.get(part.opening_order_id)

    def reads(self) -> HistoryReads:
        """Return the history requests of the account. Raises NotReady before it is attached."""
        return HistoryReads(self._account.channel, self._gate)

    # What the account tells

    def hear(self, events: Iterable[BookEvent]) -> None:
        """Take what happened just now."""
        entries = [entry for event in events if (entry := _entry_of(event)) is not None]
        if not entries or not self._wanted.is_set():
            return
        self._heard |= {identity_of(entry): entry for entry in entries}
        if self._current.is_set():
            self._due.set()
            if not self._is_filling:  # a reading in progress takes it when it ends
                self._take_heard()

    def synchronised(self) -> None:
        """The account is live; what happened while it was not is read."""
        self._due.set()

    def lost(self) -> None:
        """The account is not served; what happens now is not heard."""
        self._outages += 1
        self._current.clear()
        self._doubt_after(self._clock.at() - BEHIND)

    # Reading

    def _name(self) -> str:
        return kept_name(self._account)

    def _whole(self) -> Span:
        registered = self._account.book.trader.registered_at
        begin = BEGINNING if registered is None else registered - BEFORE_REGISTRATION
        return Span(begin, self._clock.at() + AHEAD)

    async def _wait_for_work(self) -> None:
        """Wait for an event; what the broker's history does not show yet is looked for again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CONFIRM_EVERY if self._heard else None):
                await self._due.wait()
        self._due.clear()

    async def _catch_up(self) -> None:
        if self._current.is_set():
            await self._clock.sleep(PAUSE_AFTER_EVENT)
        outages = self._outages
        if not self._is_loaded:
            await self._load()
        if self._heard:  # what was read did not show it yet, or was read by a clock that is ahead
            self._doubt_after(min(order_of(entry)[0] for entry in self._heard.values()))
        for window in windows(missing(self._covered, self._whole())):
            await self._read(window)
        await self._take_all(list(self._heard.values()))
        if outages == self._outages:
            self._take_heard()
            self._current.set()

    async def _load(self) -> None:
        past, covered = await self._store.load(self._name())
        flows = [flow for flow in past.cash_flow if flow.operation is not CashOperation.UNKNOWN]
        # An earlier build did not know the others; this one may, so they are read again.
        unknown = [flow.at for flow in past.cash_flow if flow.operation is CashOperation.UNKNOWN]
        self._covered = without(covered, unknown)
        self._doubt_after(self._clock.at() - BEHIND)
        await self._remember(past.orders)
        await self._take_all([*past.deals, *flows])
        self._is_loaded = True

    def _doubt_after(self, at: datetime) -> None:
        """Have everything from an instant on read again."""
        self._covered = joined(Span(span.begin, min(span.end, at)) for span in self._covered)

    async def _read(self, window: Span) -> None:
        reads = self.reads()
        past = Past(
            deals=await reads.deals(window),
            orders=await reads.orders(window),
            cash_flow=await reads.cash_flow(window),
        )
        settled = Span(window.begin, min(window.end, self._clock.at() - SETTLED))
        await self._store.save(self._name(), past, settled)
        self._covered = joined([*self._covered, settled])
        await self._remember(past.orders)
        entries: list[Entry] = [*past.deals, *past.cash_flow]
        for entry in entries:
            self._heard.pop(identity_of(entry), None)
        await self._take_all(entries)

    async def _remember(self, orders: Iterable[Order]) -> None:
        """Keep the orders that did something: they tell who opened and why it closed."""
        async for order in _in_turns(orders):
            if order.executed_volume_cents > 0:
                self._orders[order.order_id] = order

    # Taking entries

    def _take_heard(self) -> None:
        """Take what was heard at once; what belongs before something known needs a reading."""
        for entry in sorted(self._heard.values(), key=order_of):
            if self.record.has(entry):
                continue
            if not self.record.fits(entry):
                self._current.clear()
                self._due.set()
                return
            self.record.take(entry)

    async def _take_all(self, entries: Sequence[Entry]) -> None:
        """Take entries, those that were taken before excepted; start over if one comes late."""
        self._is_filling = True
        try:
            fresh = await _in_order(
                [entry async for entry in _in_turns(entries) if not self.record.has(entry)]
            )
            if not fresh:
                return
            if self.record.fits(fresh[0]):
                await _fill(self.record, fresh)
            else:
                self.record = await self._made_anew(fresh)
        finally:
            self._is_filling = False

    async def _made_anew(self, fresh: Sequence[Entry]) -> AccountRecord:
        """Return a record of all that is known, with entries that belong into the middle."""
        past, _ = await self._store.load(self._name())
        heard = list(self._heard.values())
        known = await _by_identity(fresh, past.deals, past.cash_flow, heard)
        record = AccountRecord()
        await _fill(record, await _in_order(known.values()))
        return record


async def _in_turns(values: Iterable[_Value]) -> AsyncIterator[_Value]:
    """Yield values, and let the loop have its turn after each SORTED_AT_ONCE of them."""
    for number, value in enumerate(values, start=1):
        yield value
        if number % SORTED_AT_ONCE == 0:
            await asyncio.sleep(PAUSE)


async def _by_identity(*groups: Iterable[Entry]) -> dict[Identity, Entry]:
    """Return entries by what tells them apart; those of later groups take the place of earlier."""
    return {identity_of(e): e async for e in _in_turns(chain.from_iterable(groups))}


async def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries in their order, sorted day by day: one sort of all would hold the loop."""
    days: dict[date, list[Entry]] = {}
    async for entry in _in_turns(entries):
        days.setdefault(order_of(entry)[0].date(), []).append(entry)
    ordered: list[Entry] = []
    turn_ends = SORTED_AT_ONCE
    for day in sorted(days):
        ordered += sorted(days[day], key=order_of)
        if len(ordered) >= turn_ends:
            turn_ends = len(ordered) + SORTED_AT_ONCE
            await asyncio.sleep(PAUSE)
    return ordered


async def _fill(record: AccountRecord, entries: Sequence[Entry]) -> None:
    """Take entries in their order, in turns, so that quotes never wait for statistics."""
    for number, entry in enumerate(entries, start=1):
        if not record.has(entry):
            record.take(entry)
        if number % AT_ONCE == 0:
            await asyncio.sleep(PAUSE)


def _entry_of(event: BookEvent) -> Entry | None:
    match event:
        case DealAdded(deal):
            return deal
        case BalanceChanged(cash_flow=flow):
            return flow
        case _:
            return None
