"""The account driver: keeps one account's book true while sessions come and go.

It hears the pool (AccountListener), decides when the book is to be read again, and tells its
observer what changed. Pushes go straight to the book; ``reader`` knows what to read. It decides no
trade and builds no caller's format.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog
from google.protobuf.message import Message

from fxpool.account.book import AccountBook
from fxpool.account.depth import DepthReader
from fxpool.account.events import BalanceChanged, BookEvent, MarginCalled
from fxpool.account.feed_healer import FeedHealer
from fxpool.account.feed_watch import SILENT_SECONDS
from fxpool.account.phase import Phase, Trigger, next_phase
from fxpool.account.profit_check import ProfitCheck
from fxpool.account.reader import BookReader, is_unproved
from fxpool.account.reads import AccountReads
from fxpool.account.symbol_directory import SymbolDirectory
from fxpool.account.telling import Telling
from fxpool.account.waits import Waits
from fxpool.clock import Clock
from fxpool.domain.cash import CashOperation
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbols import Symbol
from fxpool.domain.trades import Execution, ExecutionType
from fxpool.errors import FxPoolError, MappingError, NoQuote, NotReady, RequestRefused
from fxpool.mapping import from_wire
from fxpool.mapping.depth import depth_from
from fxpool.openapi import Reaction, reaction_to
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.pool import AccountChannel, Pool, Priority, Seat

TRADER_EVERY: Final = 60.0
"""Seconds between readings of the trader record: updates are not reliably pushed (SW-50)."""

FIRST_QUOTE_SECONDS: Final = 5.0
"""How long a first quote is waited for; the broker sends one right after a subscription."""

READ_SECONDS: Final = 1.0
"""How long a read waits for the first quote of what was opened just now."""

RETRY_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses after failed readings; history may lag behind a fill by seconds (SW-21)."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account's phase, why, and since when."""

    phase: Phase
    reason: str
    since: datetime


class AccountObserver(Protocol):
    """What an account tells its owner. Called in the socket's turn of the loop: never blocks."""

    def quoted(self, symbol_id: int) -> None:
        """A quote was taken into the book."""
        ...

    def changed(self, events: Sequence[BookEvent]) -> None:
        """The book changed; the parameters of all symbols in it are known.

        Vanished positions and orders are not told: their end is proved first.
        """
        ...

    def moved(self, trigger: Trigger, state: AccountState) -> None:
        """The account entered a phase, or stays in it for a new reason."""
        ...

    def restored(self, gap_seconds: float) -> None:
        """The account is live again, ``gap_seconds`` after it was lost; differences were told."""
        ...


class Account:
    """One trading account; to the pool it is an AccountListener.

    Attributes:
        key: the name by which callers know it.
        book: its state; read it only while ``require_live`` passes.
        waits: who waits for the state to become so; a lost session ends all waits.
        unreadable_events: pushes that made no sense; each led to a fresh reading.
        feed: what keeps its quotes flowing.
        depth: what reads the depth of its symbols.
        profit: what compares its results with the broker's own.
        directory: its groups of symbols and its archived ones.
        heard: called with each execution before the book takes it; its owner may replace it.
    """

    def __init__(
        self,
        key: str,
        pool: Pool,
        observer: AccountObserver,
        *,
        clock: Clock,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        """``silent_seconds`` is how long the quotes of an open market may be silent."""
        self.key = key
        self.book = AccountBook()
        self.waits = Waits()
        self.unreadable_events = 0
        self.heard: Callable[[Execution], None] = lambda _: None
        self._pool = pool
        self._observer = observer
        self._clock = clock
        self._now = clock.now
        self._state = AccountState(Phase.CONFIGURED, "not started", clock.at())
        self._channel: AccountChannel | None = None
        self._session = 0
        self._lost_at: float | None = None
        self._session_at = 0.0
        self._doubted = True
        self._trader_due = False
        self._deals_again = False
        self._work = asyncio.Event()
        self._telling = Telling(self.book, observer.changed)
        self._reader = BookReader(key, self.book, self._telling)
        self.depth = DepthReader(self.reads)
        self.feed = FeedHealer(
            key,
            self.book,
            self._reader,
            clock=clock,
            reads=lambda: self._reads if self._state.phase is Phase.LIVE else None,
            give_up=self._authorise_again,
            silent_seconds=silent_seconds,
        )
        self.profit = ProfitCheck(
            key,
            self.book,
            clock=clock,
            reads=lambda: self._reads if self._state.phase is Phase.LIVE else None,
        )
        self.directory = SymbolDirectory(self.book, self.reads)

    # For the owner

    @property
    def state(self) -> AccountState:
        return self._state

    @property
    def channel(self) -> AccountChannel:
        """The way to the broker. Raises NotReady before the account is attached."""
        if self._channel is None:
            raise self._not_ready()
        return self._channel

    @property
    def account_id(self) -> int | None:
        """The ``ctidTraderAccountId``; None until the account is attached."""
        return None if self._channel is None else self._channel.account_id

    @property
    def subscribed(self) -> frozenset[int]:
        """The symbols that are quoted on the present session."""
        return frozenset(self._reader.subscribed)

    @property
    def is_live(self) -> bool:
        """Whether the book is known to be the broker's."""
        return self._state.phase is Phase.LIVE

    def require_live(self) -> None:
        """Raise NotReady unless the book is known to be the broker's."""
        if not self.is_live:
            raise self._not_ready()

    def require_way(self, *, allow_unsynchronized: bool = False, reduces: bool = False) -> None:
        """Raise NotReady unless orders may be sent: the account is live, or, where the caller
        allows it by name, a session serves it though its book may not be the broker's.

        What only ``reduces`` (a close, a cancel) may be sent as soon as positions and orders are
        those of the session: what else cannot be read keeps nobody from getting out.
        """
        is_served = self._channel is not None and self._channel.is_authorised
        is_allowed = allow_unsynchronized or (reduces and self._reader.is_reconciled)
        if not (is_allowed and is_served):
            self.require_live()

    def require_readable(self) -> None:
        """Raise NotReady where the broker shows a pending order that cannot be read: how much is at
        risk is not known, so nothing is to be added to it."""
        if self.book.unreadable_orders:
            told = ", ".join(f"{i} ({o.why})" for i, o in self.book.unreadable_orders.items())
            text = (
                f"account {self.key} has an order that cannot be read: {told}. Cancel it, here or "
                "at the broker, or update fxpool; closes and cancels go meanwhile"
            )
            raise NotReady(text, phase=self._state.phase.value)

    @property
    def unreadable_positions(self) -> AbstractSet[int]:
        """The ids of positions that the broker shows in a form that cannot be read; the account is
        not live while there are any."""
        return self._reader.unreadable_positions.keys()

    def require_readable_position(self, position_id: int) -> None:
        """Raise NotReady for one of ``unreadable_positions``."""
        if position_id in self.unreadable_positions:
            raise self._not_ready()

    def reads(self) -> AccountReads:
        """Return the read requests of a live account. Raises NotReady for another one."""
        self.require_live()
        return self._reads

    async def whole(self) -> None:
        """Wait until the parameters of all symbols in use are known, and a moment for quotes.

        Most often nothing is missing. Raises NotReady, and what reading raises.
        """
        self.require_live()
        if self._reader.details_wanted():
            await self._reader.meet_needs(self._reads)
        if not self._all_quoted():
            await self.waits.until(self._all_quoted, READ_SECONDS)
        self.require_live()

    async def serve(self, seat: Seat) -> None:
        """Attach to the pool and keep the book true until cancelled."""
        self._move(Trigger.ATTACHED, "waiting for a session")
        self._channel = self._pool.attach(seat, self)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_true(), name=f"account-{self.key}")
                tasks.create_task(self._remember_trader(), name=f"account-{self.key}-trader")
                tasks.create_task(self.feed.run(), name=f"account-{self.key}-feed")
                tasks.create_task(self.profit.run(), name=f"account-{self.key}-profit")
        finally:
            await self._pool.detach(seat.account_id)

    def refuse(self, reason: str) -> None:
        """Say that the account cannot be served until a person has changed something."""
        self._move(Trigger.REFUSED, reason)

    def waits_for(self, reason: str) -> None:
        """Say what is being waited for; the phase stays."""
        self._state = AccountState(self._state.phase, reason, self._state.since)

    def doubt(self, reason: str) -> None:
        """Have the state read again, because something was missed or unclear."""
        self._reader.is_reconciled = False
        self._read_again(reason)

    def _read_again(self, reason: str) -> None:
        if self._state.phase in {Phase.SYNCHRONISING, Phase.LIVE, Phase.STALE}:
            self._doubted = True
            self._move(Trigger.DOUBTED, reason)
            self._work.set()

    async def watch(self, symbol_ids: Collection[int], priority: Priority = Priority.READ) -> None:
        """Have symbols quoted from now on, reconnects included.

        Returns once they are subscribed. Raises NotReady, RequestRefused for one that the broker
        does not quote, and what reading raises.
        """
        self.require_live()
        self._reader.watched.update(symbol_ids)
        for symbol_id in symbol_ids:
            self._reader.unquoted.pop(symbol_id, None)  # asked by name, so asked again
        await self._reader.meet_needs(AccountReads(self.channel, priority))
        for symbol_id in symbol_ids:
            if (refused := self._reader.unquoted.get(symbol_id)) is not None:
                self._reader.watched.discard(symbol_id)
                raise refused

    async def unwatch(self, symbol_ids: Collection[int]) -> None:
        """End ``watch``; what open positions and orders need stays quoted."""
        self.require_live()
        self._reader.watched.difference_update(symbol_ids)
        await self._reader.unsubscribe(self._reads, symbol_ids)

    async def symbol(self, symbol_id: int, priority: Priority = Priority.READ) -> Symbol:
        """Return a symbol's trading parameters, read now if need be: with ``Priority.TRADE`` where
        an order waits for them."""
        if symbol_id not in self.book.symbols:
            self.require_way(reduces=True)
            await self._reader.read_symbol(AccountReads(self.channel, priority), symbol_id)
        return self.book.symbols[symbol_id]

    async def quote(self, symbol_id: int, priority: Priority = Priority.READ) -> LiveQuote:
        """Return the live quote of a symbol, subscribing if need be; ``priority`` as of ``symbol``.

        Raises NoQuote if none arrives, NotReady, and what reading raises.
        """
        if symbol_id not in self._reader.subscribed:
            await self.watch([symbol_id], priority)
        if not await self.waits.until(lambda: self.is_quoted(symbol_id), FIRST_QUOTE_SECONDS):
            name = self.book.light_symbols[symbol_id].name
            raise NoQuote(f"no price of {name} arrived within {FIRST_QUOTE_SECONDS:g} s")
        return self.book.quotes[symbol_id]

    def is_quoted(self, symbol_id: int) -> bool:
        """Whether both sides of a symbol are known from the present session."""
        quote = self.book.quotes.get(symbol_id)
        return quote is not None and quote.is_complete and quote.received_at >= self._session_at

    # AccountListener

    def authorised(self) -> None:
        """A session serves the account; everything is read and subscribed again."""
        self._session += 1
        self._session_at = self._now()
        self._reader.begin_session()
        self.book.forget_quotes()
        self._doubted = True
        self._move(Trigger.AUTHORISED, "authorised")
        self._work.set()

    def spot(self, event: wire.ProtoOASpotEvent) -> None:
        """Take a quote. The hot path: ``HasField`` is asked only where a value is 0."""
        symbol_id = event.symbolId
        self.book.apply_quote(
            symbol_id,
            event.bid or (0 if event.HasField("bid") else None),
            event.ask or (0 if event.HasField("ask") else None),
            event.timestamp or None,
            self._now(),
        )
        self._observer.quoted(symbol_id)
        if self.waits.pending:
            self.waits.check()

    def push(self, message: Message) -> None:
        """Take any other event. One that makes no sense leads to a fresh reading."""
        try:
            self._tell(self._apply(message))
        except MappingError as exc:
            self.unreadable_events += 1
            log.exception("unreadable event", account=self.key, event_type=type(message).__name__)
            self.doubt(f"an event could not be read: {exc}")
        self.waits.check()
        self._work.set()

    def lost(self, error: FxPoolError) -> None:
        """No session serves the account now."""
        self._leave(Trigger.LOST, error)

    def refused(self, error: FxPoolError) -> None:
        """The account cannot be authorised until a person or a new token mends it."""
        token = isinstance(error, RequestRefused) and (
            reaction_to(error.code, error.text) is Reaction.TOKEN
        )
        self._leave(Trigger.TOKEN_DEAD if token else Trigger.REFUSED, error)

    # What pushes mean

    def _apply(self, message: Message) -> list[BookEvent]:
        book = self.book
        match message:
            case wire.ProtoOAExecutionEvent():
                execution = from_wire.execution_from(message)
                self.heard(execution)
                if execution.type is ExecutionType.BONUS_DEPOSIT_WITHDRAW:
                    self._trader_due = True  # only the trader record tells all bonuses together
                return book.apply_execution(execution)
            case wire.ProtoOATrailingSLChangedEvent():
                return book.apply_trailing_stop(*from_wire.trailing_stop_from(message))
            case wire.ProtoOAMarginChangedEvent():
                return book.apply_margin(*from_wire.margin_from(message))
            case wire.ProtoOAMarginCallTriggerEvent():
                return [MarginCalled(from_wire.margin_call_from(message))]
            case wire.ProtoOATraderUpdatedEvent():
                return book.load_trader(from_wire.trader_from(message.trader))
            case wire.ProtoOADepthEvent():
                self.depth.hear(depth_from(message))
            case wire.ProtoOASymbolChangedEvent():
                self._reader.renewed.update(message.symbolId)
        return []

    def _tell(self, events: Sequence[BookEvent]) -> None:
        for event in events:
            if is_unproved(event):
                self.doubt("an object is gone and its end is not proved yet")
            elif isinstance(event, BalanceChanged) and event.cash_flow is not None:
                self._trader_due = True
                if event.cash_flow.operation is CashOperation.UNKNOWN:
                    log.warning("unknown cash operation", account=self.key, flow=event.cash_flow)
        self._telling.tell(event for event in events if not is_unproved(event))

    # Phases

    def _move(self, trigger: Trigger, reason: str) -> None:
        phase = next_phase(self._state.phase, trigger)
        is_new = phase is not self._state.phase
        since = self._clock.at() if is_new else self._state.since
        self._state = AccountState(phase, reason, since)
        if is_new:
            log.info("account", account=self.key, phase=phase.value, reason=reason)
        self._observer.moved(trigger, self._state)
        self.waits.check()

    def _leave(self, trigger: Trigger, error: FxPoolError) -> None:
        if self._lost_at is None and self._state.phase in {Phase.LIVE, Phase.STALE}:
            self._lost_at = self._now()
        self._reader.begin_session()
        self._move(trigger, str(error))
        self.waits.release()

    def _not_ready(self) -> NotReady:
        phase = self._state.phase
        text = f"account {self.key} is {phase.value}: {self._state.reason}"
        return NotReady(text, phase=phase.value)

    # The worker

    async def _keep_true(self) -> None:
        failures = 0
        while True:
            await self._work.wait()
            self._work.clear()
            if not self.channel.is_authorised:
                failures = 0
                continue
            session = self._session
            try:
                await self._catch_up()
                failures = 0
            except FxPoolError as exc:
                if session != self._session or not self.channel.is_authorised:
                    continue
                pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                await self._reading_failed(exc, pause)

    async def _reading_failed(self, error: FxPoolError, pause: float) -> None:
        """Wait before the next try, but not longer than this session lasts."""
        log.warning("reading failed", account=self.key, error=str(error), again_in=pause)
        if self._state.phase is not Phase.LIVE or self._reader.unreadable_positions:
            meanwhile = "; closes and cancels go meanwhile" if self._reader.is_reconciled else ""
            self._read_again(
                f"{self._state.reason} failed, again in {pause:g} s: {error}{meanwhile}"
            )
        self._work.set()
        session = self._session
        await self.waits.until(lambda: session != self._session, pause)

    @property
    def _reads(self) -> AccountReads:
        return AccountReads(self.channel)

    async def _catch_up(self) -> None:
        """Read whatever is missing; the account is live afterwards."""
        session, reads, reader = self._session, self._reads, self._reader
        if self._doubted:
            self._doubted = False
            await self._synchronise(reads)
        elif self._trader_due:
            self._trader_due = False
            await self._look_again(reads)
        if reader.renewed:
            await reader.read_lists(reads)
        if self._state.phase is not Phase.LIVE:
            self.waits_for("reading the symbols in use and subscribing to their quotes")
        await reader.meet_needs(reads)
        if self.book.margins_doubted:
            await reader.read_snapshot(reads)
        if self._state.phase is not Phase.LIVE:
            self.waits_for("waiting for first quotes")
            await self.waits.until(self._all_quoted, FIRST_QUOTE_SECONDS)
            if session == self._session:
                self._go_live()
        await reader.read_past_deals(reads)

    async def _synchronise(self, reads: AccountReads) -> None:
        """Read trader, lists and a snapshot, and prove the end of what is gone."""
        self.waits_for("reading the trader record")
        self._trader_due = False
        await self._reader.read_trader(reads)
        self.waits_for("reading assets and symbols")
        await self._reader.read_lists(reads)
        self.waits_for("reading positions and orders")
        await self._reader.read_snapshot(reads)
        if self._reader.deals_due:
            self.waits_for("reading the deals of the meantime")
            await self._reader.read_deals(reads, self._clock.at())
            self._deals_again = True  # what was executed just now may not be in the history yet
        await self._reader.prove(reads, self.waits_for, self._now())

    async def _look_again(self, reads: AccountReads) -> None:
        """Read the trader record, and deals where the balance moved without an event."""
        await self._reader.read_trader(reads)
        if self._deals_again or self._reader.deals_due:
            found = await self._reader.read_deals(reads, self._clock.at())
            self._deals_again = False
            if found:
                self.doubt("deals were found that no event had told")

    async def _authorise_again(self, reason: str) -> None:
        """Have the account authorised again, because its quotes stopped."""
        self.doubt(reason)
        await self.channel.reauthorise()

    def _go_live(self) -> None:
        if self._doubted or not self.channel.is_authorised:
            return  # what ended or unsettled the session has set more work
        gap, self._lost_at = self._lost_at, None
        self._reader.begin_deals(self._clock.at())
        self._move(Trigger.SYNCHRONISED, "the book is the broker's")
        if gap is not None:
            self._observer.restored(self._now() - gap)

    async def _remember_trader(self) -> None:
        while True:
            await self._clock.sleep(TRADER_EVERY)
            self._trader_due = True
            self._work.set()

    def _all_quoted(self) -> bool:
        wanted = self.book.quotes_wanted() - self._reader.unquoted.keys()
        return all(self.is_quoted(symbol_id) for symbol_id in wanted)
