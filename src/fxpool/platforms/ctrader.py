"""The cTrader platform: many accounts over one pool, in the shapes that callers read.

Finds the account that a caller means, asks it, and puts errors into callers' words; it computes
nothing itself. A malformed call and a name that means no account raise; every refused or unclear
trade is an answer.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from random import Random, SystemRandom
from typing import Final, Self

import structlog

from fxpool.account import Account, AccountState, MarginCheck, Phase, Resolver, Tickets, Trading
from fxpool.account.resolver import SETTLE_SECONDS
from fxpool.alerts import Alerts, alerts_from
from fxpool.clock import Clock, SystemClock
from fxpool.domain.guards import GuardState
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbol_names import SymbolRule
from fxpool.errors import FxPoolError, NotReady, SymbolNotFound
from fxpool.history import (
    EquityKeeper,
    EquityStore,
    HistoryKeeper,
    HistoryStore,
    MemoryEquity,
    MemoryHistory,
)
from fxpool.mapping import formats
from fxpool.mapping.instants import iso
from fxpool.mapping.symbol_formats import SymbolSpecification
from fxpool.platforms import closing, ctrader_health
from fxpool.platforms.account_changes import changes
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    PlatformError,
    ProtectionRequest,
    TradeRequest,
)
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_alerts import CTraderAlerts
from fxpool.platforms.ctrader_consent import CTraderConsent
from fxpool.platforms.ctrader_feed import CTraderFeed
from fxpool.platforms.ctrader_guards import CTraderGuards, GuardCalls, still_guarded
from fxpool.platforms.ctrader_history import CTraderHistory
from fxpool.platforms.ctrader_past import PastCalls
from fxpool.platforms.ctrader_records import CTraderRecords, RecordCalls
from fxpool.platforms.ctrader_setup import (
    accounts_from,
    credentials_from,
    endpoints_from,
    symbol_rules_from,
)
from fxpool.platforms.ctrader_symbols import CTraderSymbols, mapping_of_all
from fxpool.platforms.ctrader_tickets import TicketedOrders
from fxpool.platforms.ctrader_tokens import CTraderTokens, TokenSources
from fxpool.platforms.ctrader_trades import CTraderTrades
from fxpool.platforms.directory import find_account
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import EventFilter, EventSubscription
from fxpool.platforms.guard_store import GUARDS_FILE, GuardStore
from fxpool.platforms.guards import looking
from fxpool.platforms.halt_desk import HaltDesk
from fxpool.platforms.halts import HALTS_FILE, Halts
from fxpool.platforms.past_feed import PastFeed
from fxpool.platforms.routing import AccountConfig
from fxpool.platforms.ticket_desk import TicketDesk, TicketEvents
from fxpool.platforms.words import Call, explain, refusal
from fxpool.pool import ApplicationCredentials, Endpoint, Environment, Pool
from fxpool.settings import Settings
from fxpool.store import Journal
from fxpool.store.equity import SqlEquity
from fxpool.store.history import SqlHistory
from fxpool.store.shared import SharedState
from fxpool.version import VERSION

SERVICE: Final = "cTrader Connection Pool"

LIVE_SECONDS: Final = 15.0
"""How long ``initialize_streaming`` waits for an account that is on its way."""

HISTORY_AT_ONCE: Final = 2
"""Requests for accounts' pasts at one time, over all accounts: the rest of the broker's slow
history limit is for what a live account needs."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Served:
    """The parts of one account."""

    account: CTraderAccount
    feed: CTraderFeed
    trades: CTraderTrades
    orders: TicketedOrders
    past: CTraderHistory
    records: CTraderRecords
    symbols: CTraderSymbols

    @property
    def key(self) -> str:
        return self.account.key

    @property
    def live(self) -> Account:
        return self.account.live


class CTraderPlatform(PastCalls, RecordCalls, GuardCalls):
    """cTrader accounts of this process; implements ``platforms.base.Platform``."""

    name = "ctrader"

    def __init__(
        self,
        accounts: Sequence[AccountConfig],
        rules: Sequence[SymbolRule],
        *,
        endpoints: Mapping[Environment, Endpoint],
        credentials: ApplicationCredentials,
        tokens: TokenSources,
        clock: Clock,
        random: Random,
        new_id: Callable[[], str],
        journal: Journal,
        halts: Halts | None = None,
        history: HistoryStore | None = None,
        equity: EquityStore | None = None,
        shared: SharedState | None = None,
        alerts: Alerts | None = None,
        guards: GuardStore | None = None,
        margin_check: MarginCheck = MarginCheck.REFUSE,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        """``new_id`` makes ids of tickets and orders. The platform opens and closes the
        ``journal`` and the ``alerts`` and closes the ``history``. Without ``alerts`` they are
        logged only. Without ``halts`` a halt is forgotten at the end of
        the process, without ``history`` the accounts' past is read anew by the next one, without
        ``equity`` what was seen of it is forgotten, without ``guards`` which limits were reached,
        without ``shared`` this process knows of no other.
        ``settle_seconds`` is how long after a lost answer an order may still come to light."""
        self._clock = clock
        self._alerts = alerts or Alerts(None, clock=clock)
        self._told = CTraderAlerts(self._alerts)
        self._halts = halts or Halts()
        self._halt_desk = HaltDesk(self._halts, clock=clock)
        self._journal = journal
        journal.told = partial(self._told.part_changed, "journal")
        self._desk = TicketDesk(journal, clock=clock)
        self._history = history or MemoryHistory()
        self._history_gate = asyncio.Semaphore(HISTORY_AT_ONCE)
        self._equity = EquityKeeper(equity or MemoryEquity(), clock=clock, gate=self._history_gate)
        self._guards = CTraderGuards(
            guards or GuardStore(),
            self.close_positions,
            self.cancel_order,
            self._told.guard_changed,
            clock=clock,
        )
        self._settle_seconds = settle_seconds
        self._margin_check = margin_check
        self._shared = shared or SharedState.alone(clock)
        self._hub = EventHub(self._shared.events)
        self._pool = Pool(endpoints, credentials, clock=clock, random=random)
        self._tokens = CTraderTokens(
            accounts,
            tokens,
            pool=self._pool,
            credentials=credentials,
            clock=clock,
            random=random,
            shared=self._shared,
        )
        self._tokens.told = partial(self._told.part_changed, "tokens")
        self._opened_at = clock.now()
        self._tasks: set[asyncio.Task[None]] = set()
        self._serving: dict[str, list[asyncio.Task[None]]] = {}
        self._rules, self._new_id = rules, new_id
        self._accounts = {config.key: self._make(config) for config in accounts}

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        accounts: Sequence[AccountConfig] | None = None,
        clock: Clock | None = None,
        journal: Journal | None = None,
        halts: Halts | None = None,
    ) -> Self:
        """Return the platform that the settings describe, not opened yet.

        ``accounts`` takes the place of the configured files, ``journal`` that of the configured
        database; ``halts`` may be shared with other platforms. Raises SettingsError.
        """
        clock = clock or SystemClock()
        shared = SharedState.from_settings(settings, clock)
        return cls(
            accounts_from(settings) if accounts is None else accounts,
            symbol_rules_from(settings),
            endpoints=endpoints_from(settings),
            credentials=credentials_from(settings),
            tokens=TokenSources.from_settings(settings),
            clock=clock,
            random=SystemRandom(),
            new_id=lambda: uuid.uuid4().hex,
            journal=journal or Journal(settings.journal_url, clock=clock),
            halts=halts or Halts(settings.data_dir / HALTS_FILE),
            history=SqlHistory(settings.history_url),
            equity=SqlEquity(settings.equity_url),
            margin_check=MarginCheck(settings.margin_check),
            shared=shared,
            alerts=alerts_from(settings, clock=clock, cooldowns=shared.alerts),
            guards=GuardStore(settings.data_dir / GUARDS_FILE),
            settle_seconds=settings.order_settle_seconds,
        )

    def _make(self, config: AccountConfig) -> _Served:
        new_id = self._new_id
        account = CTraderAccount(config, self._rules, self._halts, clock=self._clock)
        feed = CTraderFeed(account, self._hub, self._told, clock=self._clock)
        observer = PastFeed(feed)
        account.live = Account(config.key, self._pool, observer, clock=self._clock)
        observer.keeper = HistoryKeeper(
            account.live, self._history, clock=self._clock, gate=self._history_gate
        )
        zone = UTC if config.guards is None else config.guards.zone
        observer.equity = recorded = self._equity.record(account.live, zone)
        observer.look = looking(self._guards.add(account, feed, recorded))
        events = TicketEvents(feed, self._desk, self._told)
        tickets = Tickets(config.key, self._journal, events, clock=self._clock, new_id=new_id)
        account.live.heard = tickets.heard
        trading = Trading(
            account.live,
            clock=self._clock,
            new_id=new_id,
            tickets=tickets,
            margin_check=self._margin_check,
        )
        trades = CTraderTrades(account, trading, self._told)
        orders = TicketedOrders(account, trades, trading, tickets, self._journal)
        resolver = Resolver(
            account.live,
            tickets,
            self._journal,
            orders.tell,
            clock=self._clock,
            settle_seconds=self._settle_seconds,
        )
        self._desk.add(config.key, resolver)
        past = CTraderHistory(account, observer.keeper, recorded, clock=self._clock)
        symbols = CTraderSymbols(account, clock=self._clock)
        records = CTraderRecords(account, observer.keeper, clock=self._clock)
        return _Served(account, feed, trades, orders, past, records, symbols)

    # Life

    async def open(self) -> None:
        """Start; accounts become live in the background."""
        await self._alerts.open()
        await self._journal.__aenter__()
        await self._shared.open()
        self._hub.restore(await self._shared.events.open())
        await self._pool.__aenter__()
        self._start(self._desk.see_through(), "tickets")
        if self._shared.presence is not None:
            self._start(self._shared.presence.run(self._presence), "presence")
        self._start(self._equity.run(), "equity")
        self._start(self._guards.run(), "guards")
        self._opened_at = self._clock.now()
        self._tokens.open(self._parked, self._reauthorise)
        for served in self._accounts.values():
            self._begin(served)

    def _begin(self, served: _Served) -> None:
        """Begin to serve an account, if it is enabled."""
        if not served.account.config.enabled:
            served.live.waits_for("disabled by configuration")
            return
        self._serving[served.key] = [
            self._start(self._serve(served), f"serve-{served.key}"),
            self._start(served.past.keep(), f"history-{served.key}"),
            self._start(self._watch_configured(served), f"symbols-{served.key}"),
        ]

    async def _end(self, served: _Served) -> None:
        """Serve an account no more. The broker's answer to an order that is under way is not
        waited for: its ticket tells what became of it."""
        tasks = self._serving.pop(served.key, [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.difference_update(tasks)
        served.feed.close()
        self._equity.forget(served.live)

    async def reload(
        self, accounts: Sequence[AccountConfig], rules: Sequence[SymbolRule]
    ) -> list[str]:
        """Serve these accounts from now on, without touching the others; return what needs a
        restart, in sentences."""
        plan = changes({s.key: s.account.config for s in self._accounts.values()}, accounts)
        self._rules = rules
        for served in self._accounts.values():
            served.account.take(served.account.config, rules)
        for config in plan.taken:
            served = self._accounts[config.key]
            served.account.take(config, rules)
            if served.key in self._serving:
                self._serving[served.key].append(
                    self._start(self._watch_configured(served), f"symbols-{served.key}")
                )
        for key in plan.ended:
            await self._end(self._accounts.pop(key))
        for config in plan.begun:
            before = self._accounts.get(config.key)
            self._tokens.add(config)
            self._accounts[config.key] = served = self._make(config)
            if before is not None:
                await self._end(before)
            self._begin(served)
        return list(plan.refused)

    def names(self) -> dict[str, str | None]:
        """Return the configured accounts' keys, each with its other name."""
        return {key: served.account.config.login for key, served in self._accounts.items()}

    def _start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        return task

    async def close(self) -> None:
        """End all work of ours. First renewals of tokens, which need a link to finish, then the
        links, so that no account waits to be logged out."""
        await self._tokens.finish()
        await self._guards.close()
        await self._pool.__aexit__(None, None, None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._journal.__aexit__(None, None, None)
        await self._history.close()
        await self._equity.close()
        for served in self._accounts.values():
            served.feed.close()
        await self._tokens.close()
        await self._shared.events.close(self._hub.numbering().sequences)
        await self._shared.close()
        await self._alerts.close()

    @property
    def alerts(self) -> Alerts:
        """Where operators are told of what happens, for those that guard these accounts too."""
        return self._alerts

    @property
    def consent(self) -> CTraderConsent:
        """How accounts are linked, by key."""
        return self._tokens.consent

    def key_of(self, account: str) -> str:
        """Return the key of the account that a name means. Raises PlatformError."""
        return self._find(account).key

    def _parked(self) -> list[str]:
        """The accounts that want another token before they can be served."""
        wanting = {Phase.NEEDS_CONSENT, Phase.REFUSED}
        return [served.key for served in self._enabled() if served.live.state.phase in wanting]

    def _reauthorise(self, key: str) -> None:
        live = self._accounts[key].live
        if live.account_id is not None:  # else its seat is still being looked for
            self._start(live.channel.reauthorise(), f"reauthorise-{key}")

    async def _serve(self, served: _Served) -> None:
        """Keep one account served until cancelled: the outermost frame of its task."""
        try:
            await served.live.serve(await self._tokens.seat(served.account))
        except FxPoolError as exc:
            served.live.refuse(str(exc))
        except Exception as exc:
            log.exception("account ended", account=served.key)
            served.live.refuse(f"an internal error ended it: {type(exc).__name__}")

    async def _watch_configured(self, served: _Served) -> None:
        """Have the configured symbols quoted as soon as the account is live."""
        live = served.live
        if not served.account.config.symbols:
            return
        while not await live.until(lambda: live.state.phase is Phase.LIVE, LIVE_SECONDS):
            pass  # lost or not there yet; ``until`` waits again
        wanted: set[int] = set()
        for name in served.account.config.symbols:
            try:
                wanted |= served.account.symbol_ids(name)
            except SymbolNotFound as exc:
                log.warning("configured symbol", account=served.key, error=str(exc))
        try:
            await live.watch(wanted)
        except FxPoolError as exc:  # they are watched all the same, and the account tries again
            log.warning("configured symbols", account=served.key, error=str(exc))

    # Accounts

    async def accounts(self) -> dict[str, formats.AccountListing]:
        return {key: served.account.listing() for key, served in self._accounts.items()}

    async def accounts_summary(self) -> dict[str, formats.AccountSummary]:
        return {served.key: served.account.summary() for served in self._enabled()}

    async def account_information(
        self, account: str, *, environment: str | None = None
    ) -> formats.AccountInformation:
        """Return an account's row; it tells the true environment, whatever the caller believes."""
        async with self._read(account) as served:
            return served.account.information(account)

    async def positions(self, account: str) -> formats.PositionList:
        async with self._read(account) as served:
            return served.account.positions(account)

    async def orders(self, account: str) -> formats.OrderList:
        async with self._read(account) as served:
            return served.account.orders(account)

    # Trading

    async def execute(self, account: str, request: TradeRequest) -> formats.TradeResult:
        return await self._trade(self._find(account).orders.execute(request), Call.NEW_ORDER)

    async def modify_position(
        self, account: str, request: ProtectionRequest
    ) -> formats.TradeResult:
        return await self._trade(self._find(account).trades.modify_position(request), Call.CHANGE)

    async def close_position(self, account: str, request: CloseRequest) -> formats.TradeResult:
        return await self._trade(self._find(account).trades.close_position(request), Call.CHANGE)

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> formats.CloseResults:
        """Close all positions of an account, or of a symbol, at the same time."""
        served = self._find(account)
        try:
            position_ids = served.trades.open_positions(symbol)
        except FxPoolError as exc:
            return closing.refused(explain(exc, Call.CHANGE))

        def close(position_id: str) -> Awaitable[formats.TradeResult]:
            request = CloseRequest(position_id, environment=environment)
            return self.close_position(account, request)

        return await closing.close_each(position_ids, close)

    async def halt(self, account: str | None = None, *, reason: str = "") -> formats.HaltState:
        key = None if account is None else self._find(account).key
        return self._halt_desk.halt(key, account, reason)

    async def resume(self, account: str | None = None) -> formats.HaltState:
        key = None if account is None else self._find(account).key
        state = self._halt_desk.resume(key, account)
        return state if key is None else still_guarded(state, self._accounts[key].account)

    def _guarded(self, account: str) -> CTraderAccount:
        return self._find(account).account

    async def modify_order(self, account: str, change: OrderChange) -> formats.TradeResult:
        return await self._trade(self._find(account).trades.modify_order(change), Call.CHANGE)

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> formats.TradeResult:
        cancelling = self._find(account).trades.cancel_order(
            order_id, environment, allow_unsynchronized=allow_unsynchronized
        )
        return await self._trade(cancelling, Call.CHANGE)

    async def _trade(self, work: Awaitable[formats.TradeResult], call: Call) -> formats.TradeResult:
        try:
            return await work
        except FxPoolError as exc:
            told = explain(exc, call)
            log.warning("trade", code=told.code, outcome=told.outcome, detail=told.detail)
            return refusal(told)

    # Tickets

    async def tickets(
        self, account: str | None = None, state: str | None = None
    ) -> formats.TicketList:
        """Return the order tickets of an account, or of all, newest first."""
        accounts = self._accounts.keys() if account is None else {self._find(account).key}
        return await self._desk.tickets(accounts, state)

    async def ticket(self, ticket_id: str) -> formats.TicketInfo:
        return await self._desk.ticket(ticket_id)

    async def wait_ticket(self, ticket_id: str, timeout: float) -> formats.TicketInfo:
        """Return a ticket once it is known what became of it, or after ``timeout`` seconds."""
        return await self._desk.ticket(ticket_id, timeout)

    # Prices and symbols

    async def price(self, symbol: str, account: str | None = None) -> formats.PriceInfo:
        """Return the freshest quote of a symbol, of one account or of all."""
        candidates = [self._find(account)] if account is not None else self._enabled()
        quotes = [(quote, s) for s in candidates if (quote := s.account.quote_of(symbol))]
        if quotes:
            quote, served = max(quotes, key=lambda found: found[0].received_at)
            return served.account.price(quote, account)
        known = [served for served in candidates if served.account.is_known]
        if candidates and not known:
            raise explain(self._not_ready(candidates))
        if not any(_has_symbol(served.account, symbol) for served in known):
            raise explain(SymbolNotFound(symbol))
        raise PlatformError(
            404, "PRICE_NOT_FOUND", f"No price of {symbol} is known yet: subscribe to it first"
        )

    async def prices(self) -> dict[str, formats.PriceInfo]:
        """Return the freshest quote of every symbol that is quoted."""
        freshest: dict[str, tuple[LiveQuote, _Served]] = {}
        for served in self._enabled():
            if not served.account.is_known:
                continue
            for name, quote in served.account.quotes().items():
                known = freshest.get(name)
                if known is None or quote.received_at > known[0].received_at:
                    freshest[name] = (quote, served)
        return {
            name: served.account.price(quote) for name, (quote, served) in sorted(freshest.items())
        }

    async def subscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        """Have a symbol quoted on an account, or on all that have it; ``*`` means all symbols that
        are mapped by configuration or in use."""
        return await self._on_symbols(symbol, account, Account.watch)

    async def unsubscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        """End ``subscribe_symbol``; what positions and orders need stays quoted."""
        return await self._on_symbols(symbol, account, Account.unwatch)

    async def _on_symbols(
        self,
        symbol: str,
        account: str | None,
        act: Callable[[Account, set[int]], Awaitable[None]],
    ) -> formats.SubscriptionResult:
        """Do something on one account, whose errors raise, or on all, whose errors are told."""
        done: list[str] = []
        failed: dict[str, str] = {}

        async def on(served: _Served) -> None:
            try:
                served.live.require_live()
                await act(served.live, served.account.symbol_ids(symbol))
                done.append(served.key)
            except FxPoolError as exc:
                if account is not None:
                    raise explain(exc) from exc
                failed[served.key] = explain(exc).detail

        if account is not None:
            await on(self._find(account))
        else:
            await asyncio.gather(*map(on, self._enabled()))
        return formats.SubscriptionResult(
            success=bool(done), symbol=symbol, accounts=sorted(done), failed=failed
        )

    async def initialize_streaming(self, account: str) -> formats.StreamingState:
        """Wait until an account is live, for a while. Raises PlatformError if it is not then."""
        live = self._find(account).live
        await live.until(lambda: live.state.phase is Phase.LIVE, LIVE_SECONDS)
        async with self._read(account) as served:
            return formats.StreamingState(
                success=True,
                account_id=account,
                synchronized=True,
                positions=len(served.live.book.positions),
            )

    async def symbols(self, account: str) -> formats.SymbolList:
        async with self._read(account) as served:
            return await served.symbols.listing()

    async def symbol_mapping(
        self, symbol: str, account: str | None = None
    ) -> formats.SymbolMapping:
        """Return what a symbol is called at the broker of an account; without one, at the first
        that has it, with what it means on each of the others."""
        if account is not None:
            async with self._read(account) as served:
                return await served.symbols.mapping(symbol)
        known = [served for served in self._enabled() if served.symbols.is_known]
        if not known:
            raise explain(self._not_ready(self._enabled()))
        known.sort(key=lambda served: served.live.state.phase is not Phase.LIVE)
        having = [served for served in known if _has_symbol(served.account, symbol)]
        async with self._read((having or known)[0].key):
            return await mapping_of_all(symbol, [served.symbols for served in having or known])

    async def symbol_specification(self, account: str, symbol: str) -> SymbolSpecification:
        async with self._read(account) as served:
            return await served.symbols.specification(symbol, account)

    # The pool

    async def pool_stats(self) -> formats.PoolStats:
        states = self._states()
        stats = ctrader_health.pool_stats(
            self._pool.stats(),
            trades_executed=self._trades_executed(),
            accounts=len(states),
            synchronized=sum(state.phase is Phase.LIVE for state in states.values()),
            subscriptions=sum(len(served.live.subscribed) for served in self._enabled()),
            uptime_seconds=self._clock.now() - self._opened_at,
            feeds_resubscribed=sum(s.live.feed.resubscribed for s in self._enabled()),
            feeds_revived=sum(s.live.feed.died for s in self._enabled()),
            tickets_unknown=self._desk.unknown,
            tickets_lost=self._desk.lost,
            guards_tripped=self._guards.count(GuardState.TRIPPED),
            guards_unknown=self._guards.count(GuardState.UNKNOWN),
            profits=[served.live.profit for served in self._enabled()],
            exits_unjournaled=self._desk.exits_unjournaled,
            alerts={
                "sent": self._alerts.sent,
                "failed": self._alerts.failed,
                "dropped": self._alerts.dropped,
            },
        )
        if self._shared.redis is not None:
            events = self._shared.events
            stats["redis"] = formats.RedisStats(
                up=self._shared.redis.is_up, eventsWaiting=events.waiting, eventsLost=events.lost
            )
        return stats

    async def health(self) -> formats.Health:
        states, stats = self._states(), self._pool.stats()
        enabled, failures = self._enabled(), self._failures()
        return formats.Health(
            status=ctrader_health.status_word(
                states.values(),
                ever_live=all(served.account.is_known for served in enabled),
                uptime_seconds=self._clock.now() - self._opened_at,
                is_impaired=any(failures.values()),
            ),
            service=SERVICE,
            version=VERSION,
            timestamp=iso(self._clock.at()),
            simulated=any(served.account.is_simulated for served in enabled),
            stats=ctrader_health.counters(stats, self._trades_executed()),
            checks=ctrader_health.link_checks(
                stats, dict.fromkeys(served.account.config.environment for served in enabled)
            )
            | ctrader_health.part_checks(failures | self._alert_failures())
            | ctrader_health.part_checks(self._shared.failures),
            accounts=ctrader_health.account_words(states),
            details=ctrader_health.account_details(
                states,
                {s.key: halt.reason for s in enabled if (halt := s.account.halt) is not None},
                {s.key: s.live.profit.differs.values() for s in enabled},
                {s.key: told for s in enabled if (told := s.past.reading) is not None},
            ),
        )

    async def reset_connections(self) -> int:
        """Close and reopen all broker links; return how many."""
        count = len(self._pool.stats().links)
        await self._pool.reset()
        return count

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> EventSubscription:
        """Return a stream of the events that pass the filter, snapshots of live accounts first.

        Events name accounts by their keys; the filter takes any name. Raises PlatformError.
        """
        wanted = wanted or EventFilter()
        if wanted.accounts is not None:
            keys = frozenset(self._find(name).key for name in wanted.accounts)
            wanted = replace(wanted, accounts=keys)
        resumed = None if resume is None else self._hub.resume(wanted, resume)
        if resumed is not None:
            return resumed
        told = [s for s in self._enabled() if wanted.accounts is None or s.key in wanted.accounts]
        live = [served for served in told if served.live.state.phase is Phase.LIVE]
        stream = self._hub.subscribe(wanted, [served.feed.snapshot() for served in live])
        if resume is not None:
            stream.lead(served.feed.gap(resume) for served in told)
        return stream

    # Small parts

    def _presence(self) -> dict[str, dict[str, str]]:
        """What other processes are told of each account that this one serves."""
        return {
            key: {"state": state.phase.value, "reason": state.reason, "since": iso(state.since)}
            for key, state in self._states().items()
        }

    def _find(self, name: str) -> _Served:
        served = self._accounts.get(name)
        if served is None:
            known = (served.account.known_names for served in self._accounts.values())
            served = self._accounts[find_account(name, known)]
        return served

    @asynccontextmanager
    async def _read(self, account: str) -> AsyncIterator[_Served]:
        """Give the account to a read that needs it live; its errors become callers' words."""
        served = self._find(account)
        try:
            await served.live.whole()
            yield served
        except FxPoolError as exc:
            raise explain(exc) from exc

    @asynccontextmanager
    async def _past(self, account: str) -> AsyncIterator[CTraderHistory]:
        async with self._read(account) as served:
            yield served.past

    @asynccontextmanager
    async def _records(self, account: str) -> AsyncIterator[CTraderRecords]:
        async with self._read(account) as served:
            yield served.records

    def _enabled(self) -> list[_Served]:
        return [served for served in self._accounts.values() if served.account.config.enabled]

    def _states(self) -> dict[str, AccountState]:
        return {served.key: served.live.state for served in self._enabled()}

    def _failures(self) -> dict[str, str | None]:
        """What does not work and why, of the parts that all accounts need; None where it does."""
        return {"journal": self._journal.failure, "tokens": self._tokens.failure}

    def _alert_failures(self) -> dict[str, str | None]:
        """The same of alerts, without which accounts trade on."""
        return {"alerts": self._alerts.failure} if self._alerts.is_sent else {}

    def _trades_executed(self) -> int:
        return sum(served.trades.executed for served in self._accounts.values())

    def _not_ready(self, candidates: Sequence[_Served]) -> NotReady:
        waiting = ", ".join(f"{s.key} is {s.live.state.phase.value}" for s in candidates)
        return NotReady(f"no account is ready: {waiting or 'none is enabled'}", phase="starting")


def _has_symbol(account: CTraderAccount, name: str) -> bool:
    try:
        account.names.resolve(name)
    except SymbolNotFound:
        return False
    return True
