"""The MetaApi platform: MetaTrader accounts behind one way, in the shapes that callers read.

Accounts are polled: answers are true at their ``asOf``, which is at most two polling intervals old,
and prices say how often they are asked for. Finds the account that a caller means, asks it, and
puts errors into callers' words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import structlog

from fxpool.account import Phase, Tickets
from fxpool.alerts import Alerts
from fxpool.clock import Clock
from fxpool.errors import FxPoolError, SymbolNotFound
from fxpool.mapping import formats
from fxpool.mapping.instants import iso
from fxpool.mapping.symbol_formats import SymbolSpecification
from fxpool.platforms import closing, ctrader_health
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    PlatformError,
    ProtectionRequest,
    TradeRequest,
)
from fxpool.platforms.ctrader_alerts import CTraderAlerts
from fxpool.platforms.directory import find_account
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import EventFilter, EventSubscription
from fxpool.platforms.halt_desk import HaltDesk
from fxpool.platforms.halts import Halts
from fxpool.platforms.metaapi import shapes
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.changes import MetaApiChanges
from fxpool.platforms.metaapi.feed import MetaApiFeed
from fxpool.platforms.metaapi.model import Price
from fxpool.platforms.metaapi.new_orders import MetaApiOrders
from fxpool.platforms.metaapi.orders import not_supported
from fxpool.platforms.metaapi.past import MetaApiPast, MetaApiPastCalls
from fxpool.platforms.metaapi.records import MetaApiRecords, RecordWay
from fxpool.platforms.metaapi.resolver import MetaApiResolver
from fxpool.platforms.metaapi.sending import Sender
from fxpool.platforms.metaapi.way import Way
from fxpool.platforms.routing import OtherAccountConfig
from fxpool.platforms.ticket_desk import TicketDesk, TicketEvents
from fxpool.platforms.words import Call, explain, refusal
from fxpool.store import Journal
from fxpool.store.event_log import LoggedPast
from fxpool.version import VERSION

SERVICE: Final = "MetaApi Connection Pool"

STALE_AFTER: Final = 30.0
"""Seconds after which a quote is shown as stale, beside what polling costs."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Polling:
    """How often accounts and prices are asked for, in seconds, and how long an order whose answer
    was lost may still come to light."""

    poll_seconds: float = 5.0
    price_seconds: float = 5.0
    settle_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class _Served:
    """The parts of one account."""

    account: MetaApiAccount
    orders: MetaApiOrders
    changes: MetaApiChanges
    sender: Sender
    past: MetaApiPast

    @property
    def key(self) -> str:
        return self.account.key


class MetaApiPlatform(MetaApiPastCalls, MetaApiRecords):
    """MetaTrader accounts; implements ``platforms.base.Platform``."""

    name = "metaapi"

    def __init__(
        self,
        accounts: Sequence[OtherAccountConfig],
        way: Way,
        *,
        journal: Journal,
        halts: Halts,
        clock: Clock,
        new_id: Callable[[], str],
        pace: Polling,
        alerts: Alerts | None = None,
    ) -> None:
        """``new_id`` makes ids of tickets. The platform opens and closes ``journal`` and
        ``alerts`` and closes ``way``. Without ``alerts`` they are only logged."""
        self._way = way
        self._journal = journal
        self._halts = halts
        self._clock = clock
        self._pace = pace
        self._alerts = alerts or Alerts(None, clock=clock)
        self._told = CTraderAlerts(self._alerts)
        self._halt_desk = HaltDesk(halts, clock=clock)
        self._hub = EventHub()
        self._hub.restore(LoggedPast(new_id()))  # each life of the process is an epoch
        self._desk = TicketDesk(journal, clock=clock)
        self._opened_at = clock.now()
        self._tasks: set[asyncio.Task[None]] = set()
        self._accounts = {config.key: self._make(config, new_id) for config in accounts}

    def _make(self, config: OtherAccountConfig, new_id: Callable[[], str]) -> _Served:
        pace, clock = self._pace, self._clock
        feed = MetaApiFeed(config.key, self._hub, every=pace.poll_seconds, clock=clock)
        account = MetaApiAccount(
            config,
            self._way,
            feed,
            self._halts,
            poll_seconds=pace.poll_seconds,
            price_seconds=pace.price_seconds,
            clock=clock,
        )
        events = TicketEvents(feed, self._desk, self._told)
        tickets = Tickets(config.key, self._journal, events, clock=clock, new_id=new_id)
        sender = Sender(account, tickets)
        orders = MetaApiOrders(sender, tickets, self._journal)
        resolver = MetaApiResolver(
            account, orders, tickets, self._journal, clock=clock, settle_seconds=pace.settle_seconds
        )
        self._desk.add(config.key, resolver)
        return _Served(
            account, orders, MetaApiChanges(sender), sender, MetaApiPast(account, clock=clock)
        )

    # Life

    async def open(self) -> None:
        """Start; accounts become live in the background."""
        await self._alerts.open()
        await self._journal.__aenter__()
        self._opened_at = self._clock.now()
        self._start(self._desk.see_through(), "metaapi-tickets")
        for served in self._accounts.values():
            account = served.account
            if not account.config.enabled:
                account.disable("disabled by configuration")
                continue
            self._start(account.keep(), f"metaapi-{served.key}")
            self._start(account.keep_prices(), f"metaapi-prices-{served.key}")

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        self._tasks.add(asyncio.create_task(work, name=name))

    async def close(self) -> None:
        """End all work of ours."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._journal.__aexit__(None, None, None)
        await self._way.close()
        await self._alerts.close()

    # Accounts

    async def accounts(self) -> dict[str, formats.AccountListing]:
        return {
            key: formats.AccountListing(
                id=key,
                name=served.account.config.display_name,
                platform=served.account.config.platform,
                environment=served.account.environment,
                type=served.account.config.type,
                enabled=served.account.config.enabled,
                readOnly=served.account.config.read_only,
            )
            for key, served in self._accounts.items()
        }

    async def accounts_summary(self) -> dict[str, formats.AccountSummary]:
        return {served.key: self._summary(served.account) for served in self._enabled()}

    def _summary(self, account: MetaApiAccount) -> formats.AccountSummary:
        state, reading = account.state, account.reading
        is_live = state.phase is Phase.LIVE
        summary = formats.AccountSummary(
            name=account.config.display_name,
            platform=account.config.platform,
            environment=account.environment,
            simulated=False,
            status="synchronized" if is_live else state.phase.value,
            connected=is_live,
        )
        if not is_live or reading is None:
            summary["error"] = state.reason or f"the account is {state.phase.value}"
            return summary
        information = reading.information
        return summary | formats.AccountSummary(
            balance=float(information.balance),
            equity=float(information.equity),
            margin=float(information.margin),
            currency=information.currency,
            openPositions=len(reading.positions),
            lastActivity=iso(reading.as_of),
        )

    async def account_information(
        self, account: str, *, environment: str | None = None
    ) -> formats.AccountInformation:
        async with self._read(account) as served:
            return served.account.row(await served.account.current(), account)

    async def positions(self, account: str) -> formats.PositionList:
        async with self._read(account) as served:
            reading = await served.account.current()
            platform = reading.information.platform
            rows = [
                shapes.position_info(position, account=account, platform=platform)
                for position in reading.positions.values()
            ]
            return formats.PositionList(
                account_id=account,
                positions=rows,
                count=len(rows),
                synchronized=True,
                asOf=iso(reading.as_of),
            )

    async def orders(self, account: str) -> formats.OrderList:
        async with self._read(account) as served:
            if not self._way.offers.orders:
                raise PlatformError(
                    501,
                    "NOT_SUPPORTED",
                    f"not supported: the {self._way.offers.name} way to "
                    "MetaTrader accounts does not tell pending orders",
                )
            reading = await served.account.current()
            platform = reading.information.platform
            rows = [
                shapes.order_info(order, account=account, platform=platform)
                for order in (reading.orders or {}).values()
            ]
            return formats.OrderList(
                account_id=account,
                orders=rows,
                count=len(rows),
                synchronized=True,
                asOf=iso(reading.as_of),
            )

    # Trading

    async def execute(self, account: str, request: TradeRequest) -> formats.TradeResult:
        return await self._trade(self._find(account).orders.execute(request), Call.NEW_ORDER)

    async def modify_position(
        self, account: str, request: ProtectionRequest
    ) -> formats.TradeResult:
        return await self._trade(self._find(account).changes.modify_position(request), Call.CHANGE)

    async def close_position(self, account: str, request: CloseRequest) -> formats.TradeResult:
        return await self._trade(self._find(account).changes.close_position(request), Call.CHANGE)

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> formats.CloseResults:
        """Close all positions of an account, or of a symbol, at the same time."""
        served = self._find(account)
        try:
            position_ids = await served.changes.open_positions(symbol)
        except FxPoolError as exc:
            return closing.refused(explain(exc, Call.CHANGE))
        requests = [
            CloseRequest(position_id, environment=environment) for position_id in position_ids
        ]
        async with asyncio.TaskGroup() as closes:
            tasks = [closes.create_task(self.close_position(account, each)) for each in requests]
        return closing.summed_up(position_ids, [task.result() for task in tasks])

    async def halt(self, account: str | None = None, *, reason: str = "") -> formats.HaltState:
        key = None if account is None else self._find(account).key
        return self._halt_desk.halt(key, account, reason)

    async def resume(self, account: str | None = None) -> formats.HaltState:
        key = None if account is None else self._find(account).key
        return self._halt_desk.resume(key, account)

    async def modify_order(self, account: str, change: OrderChange) -> formats.TradeResult:
        return await self._trade(self._find(account).changes.modify_order(change), Call.CHANGE)

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> formats.TradeResult:
        """Cancel a pending order; the account is read first, so ``allow_unsynchronized`` changes
        nothing here."""
        changes = self._find(account).changes
        return await self._trade(changes.cancel_order(order_id, environment), Call.CHANGE)

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
        accounts = self._accounts.keys() if account is None else {self._find(account).key}
        return await self._desk.tickets(accounts, state)

    async def ticket(self, ticket_id: str) -> formats.TicketInfo:
        return await self._desk.ticket(ticket_id)

    async def wait_ticket(self, ticket_id: str, timeout: float) -> formats.TicketInfo:
        return await self._desk.ticket(ticket_id, timeout)

    # Prices and symbols

    async def price(self, symbol: str, account: str | None = None) -> formats.PriceInfo:
        """Return the newest quote of a watched symbol; with an account, ask for any other now."""
        if account is not None:
            async with self._read(account) as served:
                known = served.account.watched.get(symbol)
                known = known or await served.account.price(symbol)
                return await self._price(served.account, known, account)
        having = [
            (price, served)
            for served in self._enabled()
            if (price := served.account.watched.get(symbol)) is not None
        ]
        if not having:
            raise PlatformError(
                404, "PRICE_NOT_FOUND", f"No price of {symbol} is known yet: subscribe to it first"
            )
        price, served = max(having, key=lambda found: found[0].time)
        return await self._price(served.account, price, served.key)

    async def prices(self) -> dict[str, formats.PriceInfo]:
        """Return the newest quote of every symbol that is watched."""
        newest: dict[str, tuple[Price, _Served]] = {}
        for served in self._enabled():
            for symbol, price in served.account.watched.items():
                if price is not None and (
                    symbol not in newest or price.time > newest[symbol][0].time
                ):
                    newest[symbol] = (price, served)
        return {
            symbol: await self._price(served.account, price, served.key)
            for symbol, (price, served) in sorted(newest.items())
        }

    async def _price(
        self, account: MetaApiAccount, price: Price, shown_id: str
    ) -> formats.PriceInfo:
        try:
            digits = await self._digits(account, price)
        except FxPoolError as exc:
            raise explain(exc) from exc
        return shapes.price_info(
            price,
            digits=digits,
            account=shown_id,
            at=self._clock.at(),
            stale_after=STALE_AFTER + self._pace.price_seconds,
            every=self._pace.price_seconds,
        )

    async def _digits(self, account: MetaApiAccount, price: Price) -> int:
        """Return a price's digits, by what was told of the symbol, else by the price itself."""
        if self._way.offers.specifications:
            return (await account.specification(price.symbol)).digits
        exponents = (price.bid.as_tuple().exponent, price.ask.as_tuple().exponent)
        return max(-exponent for exponent in exponents if isinstance(exponent, int))

    async def subscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        """Have a symbol's price asked for again and again, on an account or on all that have it;
        ``*`` means the symbols of open positions."""

        async def watch(target: MetaApiAccount, name: str) -> None:
            if target.watched.get(name) is None:
                if self._way.offers.specifications:
                    await target.specification(name)  # raises SymbolNotFound
                target.watched[name] = None
                await target.price(name)

        return await self._on_symbols(symbol, account, watch)

    async def unsubscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        async def unwatch(target: MetaApiAccount, name: str) -> None:
            if name not in target.watched and self._way.offers.specifications:
                await target.specification(name)  # raises SymbolNotFound
            target.watched.pop(name, None)

        return await self._on_symbols(symbol, account, unwatch)

    async def _on_symbols(
        self,
        symbol: str,
        account: str | None,
        act: Callable[[MetaApiAccount, str], Awaitable[None]],
    ) -> formats.SubscriptionResult:
        """Do something on one account, whose errors raise, or on all, whose errors are told."""
        done: list[str] = []
        failed: dict[str, str] = {}

        async def on(served: _Served) -> None:
            try:
                reading = await served.account.current()
                names = {symbol}
                if symbol == "*":
                    names = {position.symbol for position in reading.positions.values()}
                for name in sorted(names):
                    await act(served.account, name)
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
        async with self._read(account) as served:
            reading = await served.account.current()
            return formats.StreamingState(
                success=True,
                account_id=account,
                synchronized=True,
                positions=len(reading.positions),
            )

    async def symbols(self, account: str) -> formats.SymbolList:
        """Return the broker's symbols; on MetaTrader callers' names are the broker's own."""
        async with self._read(account) as served:
            names = await served.account.symbols()
            return formats.SymbolList(
                symbols=list(names),
                details={
                    name: formats.SymbolDetail(cTraderName=name, enabled=True) for name in names
                },
            )

    async def symbol_specification(self, account: str, symbol: str) -> SymbolSpecification:
        """Return a symbol's specification as the service told it."""
        async with self._read(account) as served:
            return await self._way.whole_specification(served.key, symbol)

    async def symbol_mapping(
        self, symbol: str, account: str | None = None
    ) -> formats.SymbolMapping:
        targets = [account] if account is not None else [served.key for served in self._enabled()]
        missing: PlatformError = explain(SymbolNotFound(symbol))
        for target in targets:
            try:
                async with self._read(target) as served:
                    return await self._mapping(served.account, symbol, target)
            except PlatformError as exc:
                missing = exc
        raise missing

    async def _mapping(
        self, account: MetaApiAccount, symbol: str, shown_id: str
    ) -> formats.SymbolMapping:
        found = await account.specification(symbol)
        pip = found.pip_size or found.tick_size
        return formats.SymbolMapping(
            mt5Symbol=symbol,
            cTraderSymbol=found.symbol,
            cTraderName=found.symbol,
            cTraderId=None,
            digits=found.digits,
            pipPosition=max(0, -int(pip.normalize().adjusted())),
            lotSize=float(found.contract_size),
            minVolume=float(found.min_volume),
            maxVolume=float(found.max_volume),
            volumeStep=float(found.volume_step),
            multiplier=1.0,
            account_id=shown_id,
            source="broker",
            matchedBy="equal",
        )

    # The pool

    async def pool_stats(self) -> formats.PoolStats:
        phases = [served.account.state.phase for served in self._enabled()]
        counters = self._counters()
        return formats.PoolStats(
            connectionsCreated=counters["connectionsCreated"],
            connectionsReused=counters["connectionsReused"],
            tradesExecuted=counters["tradesExecuted"],
            errors=counters["errors"],
            activeConnections=counters["activeConnections"],
            reuse_ratio=1.0 if self._way.requests else 0.0,
            accounts={"total": len(phases), "synchronized": phases.count(Phase.LIVE)},
            links=[],
            requestsInFlight=0,
            subscriptions=sum(len(served.account.watched) for served in self._enabled()),
            uptimeSeconds=round(self._clock.now() - self._opened_at, 3),
            feedsResubscribed=0,
            feedsRevived=0,
            ticketsUnknown=self._desk.unknown,
            ticketsLost=self._desk.lost,
            guardsTripped=0,
            guardsUnknown=0,
            profitChecks=0,
            profitChecksFailed=0,
            profitDifferences=0,
            exitsUnjournaled=self._desk.exits_unjournaled,
            alerts={
                "sent": self._alerts.sent,
                "failed": self._alerts.failed,
                "dropped": self._alerts.dropped,
            },
        )

    def _counters(self) -> dict[str, int]:
        return {
            "connectionsCreated": 0,
            "connectionsReused": self._way.requests,
            "tradesExecuted": sum(served.sender.executed for served in self._accounts.values()),
            "errors": self._way.errors,
            "activeConnections": 0,
        }

    async def health(self) -> formats.Health:
        enabled = self._enabled()
        states = {served.key: served.account.state for served in enabled}
        is_up = any(state.phase is Phase.LIVE for state in states.values())
        return formats.Health(
            status=ctrader_health.status_word(
                states.values(),
                ever_live=all(served.account.reading is not None for served in enabled),
                uptime_seconds=self._clock.now() - self._opened_at,
            ),
            service=SERVICE,
            version=VERSION,
            timestamp=iso(self._clock.at()),
            simulated=False,
            stats=self._counters(),
            checks={f"metaapi.{self._way.offers.name}": "up" if is_up or not states else "down"},
            accounts=ctrader_health.account_words(states),
            details=ctrader_health.account_details(
                states,
                {s.key: halt.reason for s in enabled if (halt := s.account.halt) is not None},
                {},
            ),
        )

    async def reset_connections(self) -> int:
        """Read every account anew; there are no links to reopen. Return how many were read."""
        for served in self._enabled():
            served.account.wake.set()
        return len(self._enabled())

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
        snapshots = [
            served.account.feed.snapshot(reading)
            for served in told
            if served.account.state.phase is Phase.LIVE
            and (reading := served.account.reading) is not None
        ]
        stream = self._hub.subscribe(wanted, snapshots)
        if resume is not None:
            stream.lead(served.account.feed.gap(resume) for served in told)
        return stream

    # Limits

    async def guards(self, account: str) -> formats.GuardList:
        """Return no limits: polled accounts have none, and the configuration says so."""
        self._find(account)
        return formats.GuardList(account_id=account, timeZone="UTC", state="none", guards=[])

    async def reset_guards(self, account: str, *, by: str = "") -> formats.GuardList:
        """Raise PlatformError: there is nothing to reset."""
        self._find(account)
        raise PlatformError(404, "NO_GUARDS", f"account {account} has no limits configured")

    # Small parts

    def key_of(self, account: str) -> str:
        """Return the key of the account that a name means. Raises PlatformError."""
        return self._find(account).key

    def _find(self, name: str) -> _Served:
        served = self._accounts.get(name)
        if served is None:
            known = (served.account.known_names for served in self._accounts.values())
            served = self._accounts[find_account(name, known)]
        return served

    @asynccontextmanager
    async def _read(self, account: str) -> AsyncIterator[_Served]:
        """Give the account to a read; its errors become callers' words."""
        served = self._find(account)
        try:
            if not served.account.config.enabled:
                raise not_supported(f"account {served.key} is disabled by configuration")
            yield served
        except FxPoolError as exc:
            raise explain(exc) from exc

    @asynccontextmanager
    async def _past(self, account: str) -> AsyncIterator[MetaApiPast]:
        async with self._read(account) as served:
            yield served.past

    @asynccontextmanager
    async def _record_way(self, account: str) -> AsyncIterator[tuple[RecordWay, str]]:
        async with self._read(account) as served:
            yield self._way, served.key

    def _enabled(self) -> list[_Served]:
        return [served for served in self._accounts.values() if served.account.config.enabled]
