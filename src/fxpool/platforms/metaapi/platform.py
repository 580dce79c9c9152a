"""The MetaApi platform: MetaTrader accounts behind one way, in the shapes that callers read.

Accounts are polled: answers are true at their ``asOf``, which is at most two polling intervals old,
and prices say how often they are asked for. Puts the parts together, opens and closes them; each
group of calls is a file of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fxpool.account import Phase, Tickets
from fxpool.alerts import Alerts
from fxpool.background import Background
from fxpool.clock import Clock
from fxpool.mapping import formats, pool_formats
from fxpool.mapping.instants import iso
from fxpool.platforms import health_words
from fxpool.platforms.base import PlatformError
from fxpool.platforms.desk_calls import DeskCalls
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import EventFilter, EventSubscription
from fxpool.platforms.halt_desk import HaltDesk
from fxpool.platforms.halts import Halts
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.changes import MetaApiChanges
from fxpool.platforms.metaapi.feed import MetaApiFeed
from fxpool.platforms.metaapi.new_orders import MetaApiOrders
from fxpool.platforms.metaapi.past import MetaApiPast
from fxpool.platforms.metaapi.prices import PriceCalls
from fxpool.platforms.metaapi.reads import AccountReads
from fxpool.platforms.metaapi.records import MetaApiRecords, RecordWay
from fxpool.platforms.metaapi.resolver import MetaApiResolver
from fxpool.platforms.metaapi.sending import Sender
from fxpool.platforms.metaapi.served import Polling, Served
from fxpool.platforms.metaapi.way import Way
from fxpool.platforms.operator_alerts import OperatorAlerts
from fxpool.platforms.past_calls import PastCalls
from fxpool.platforms.routing import OtherAccountConfig
from fxpool.platforms.ticket_desk import TicketDesk, TicketEvents
from fxpool.platforms.trading_calls import TradingCalls
from fxpool.store import Journal
from fxpool.store.event_log import LoggedPast
from fxpool.version import VERSION

SERVICE: Final = "MetaApi Connection Pool"


class MetaApiPlatform(
    AccountReads, PriceCalls, TradingCalls[Served], DeskCalls[Served], PastCalls, MetaApiRecords
):
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
        super().__init__(way, pace=pace, clock=clock)
        self._journal = journal
        self._halts = halts
        self._alerts = alerts or Alerts(None, clock=clock)
        self._told = OperatorAlerts(self._alerts)
        self._halt_desk = HaltDesk(halts, clock=clock)
        self._hub = EventHub()
        self._hub.restore(LoggedPast(new_id()))  # each life of the process is an epoch
        self._desk = TicketDesk(journal, clock=clock)
        self._opened_at = clock.now()
        self._background = Background(clock)
        self._accounts.update({config.key: self._make(config, new_id) for config in accounts})

    def _make(self, config: OtherAccountConfig, new_id: Callable[[], str]) -> Served:
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
        resolver = MetaApiResolver(account, orders, tickets, self._journal, clock=clock, pace=pace)
        self._desk.add(config.key, resolver)
        return Served(
            account, orders, MetaApiChanges(sender), sender, MetaApiPast(account, clock=clock)
        )

    # Life

    async def open(self) -> None:
        """Start; accounts become live in the background."""
        await self._alerts.open()
        await self._journal.__aenter__()
        self._opened_at = self._clock.now()
        self._background.keep(self._desk.see_through, "metaapi-tickets")
        for served in self._accounts.values():
            account = served.account
            if not account.config.enabled:
                account.disable("disabled by configuration")
                continue
            self._background.keep(account.keep, f"metaapi-{served.key}")
            self._background.keep(account.keep_prices, f"metaapi-prices-{served.key}")

    async def close(self) -> None:
        """End all work of ours."""
        await self._background.close()
        await self._journal.__aexit__(None, None, None)
        await self._way.close()
        await self._alerts.close()

    # The pool

    async def pool_stats(self) -> pool_formats.PoolStats:
        phases = [served.account.state.phase for served in self._accounts.enabled()]
        counters = self._counters()
        return pool_formats.PoolStats(
            connectionsCreated=counters["connectionsCreated"],
            connectionsReused=counters["connectionsReused"],
            tradesExecuted=counters["tradesExecuted"],
            errors=counters["errors"],
            activeConnections=counters["activeConnections"],
            reuse_ratio=1.0 if self._way.requests else 0.0,
            accounts={"total": len(phases), "synchronized": phases.count(Phase.LIVE)},
            links=[],
            requestsInFlight=0,
            subscriptions=sum(len(served.account.watched) for served in self._accounts.enabled()),
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
            ordersUnreadable=0,
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

    async def health(self) -> pool_formats.Health:
        enabled = self._accounts.enabled()
        states = {served.key: served.account.state for served in enabled}
        is_up = any(state.phase is Phase.LIVE for state in states.values())
        return pool_formats.Health(
            status=health_words.status_word(
                states.values(),
                ever_live=all(served.account.reading is not None for served in enabled),
                uptime_seconds=self._clock.now() - self._opened_at,
                is_impaired=any(self._failures().values()),
            ),
            service=SERVICE,
            version=VERSION,
            timestamp=iso(self._clock.at()),
            simulated=False,
            stats=self._counters(),
            checks={f"metaapi.{self._way.offers.name}": "up" if is_up or not states else "down"}
            | health_words.part_checks(self._failures()),
            accounts=health_words.account_words(states),
            details=health_words.account_details(
                states,
                {s.key: halt.reason for s in enabled if (halt := s.account.halt) is not None},
                {},
            ),
        )

    def _failures(self) -> dict[str, str | None]:
        """What does not work and why, of the parts that all accounts need; None where it does."""
        return {
            "journal": self._journal.failure or self._journal.left_behind,
            "tickets": self._desk.failure,
            "work": self._background.failure or self._journal.work_failure,
        }

    async def reset_connections(self) -> int:
        """Read every account anew; there are no links to reopen. Return how many were read."""
        for served in self._accounts.enabled():
            served.account.wake.set()
        return len(self._accounts.enabled())

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> EventSubscription:
        """Return a stream of events; as ``AccountsByName.stream``."""
        return self._accounts.stream(self._hub, wanted, resume)

    # Limits

    async def guards(self, account: str) -> formats.GuardList:
        """Return no limits: polled accounts have none, and the configuration says so."""
        self._accounts.find(account)
        return formats.GuardList(account_id=account, timeZone="UTC", state="none", guards=[])

    async def reset_guards(self, account: str, *, by: str = "") -> formats.GuardList:
        """Raise PlatformError: there is nothing to reset."""
        self._accounts.find(account)
        raise PlatformError(404, "NO_GUARDS", f"account {account} has no limits configured")

    # Small parts

    @asynccontextmanager
    async def _past(self, account: str) -> AsyncIterator[MetaApiPast]:
        async with self._accounts.reading(account) as served:
            yield served.past

    @asynccontextmanager
    async def _record_way(self, account: str) -> AsyncIterator[tuple[RecordWay, str]]:
        async with self._accounts.reading(account) as served:
            yield self._way, served.key
