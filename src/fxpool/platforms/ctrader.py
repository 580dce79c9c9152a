"""The cTrader platform: many accounts over one pool, in the shapes that callers read.

Puts the parts together, opens and closes them; each group of calls is a file of its own, and
computes nothing itself. A malformed call and a name that means no account raise; every refused or
unclear trade is an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from random import Random, SystemRandom
from typing import Final, Self

from fxpool.account import MarginCheck
from fxpool.account.resolver import SETTLE_SECONDS
from fxpool.alerts import Alerts, alerts_from
from fxpool.background import Background
from fxpool.clock import Clock, SystemClock
from fxpool.domain.symbol_names import SymbolRule
from fxpool.history import (
    EquityKeeper,
    EquityStore,
    HistoryStore,
    MemoryEquity,
    MemoryHistory,
)
from fxpool.history.bar_cache import BarCache
from fxpool.history.tick_cache import TickCache
from fxpool.ids import random_id
from fxpool.mapping import formats, pool_formats
from fxpool.mapping.instants import iso
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_assembly import AccountAssembly
from fxpool.platforms.ctrader_consent import CTraderConsent
from fxpool.platforms.ctrader_guards import CTraderGuards, GuardCalls, still_guarded
from fxpool.platforms.ctrader_history import CTraderHistory
from fxpool.platforms.ctrader_prices import PriceCalls
from fxpool.platforms.ctrader_reads import AccountReads
from fxpool.platforms.ctrader_records import CTraderRecords, RecordCalls
from fxpool.platforms.ctrader_served import Served, ServedAccounts
from fxpool.platforms.ctrader_serving import CTraderServing
from fxpool.platforms.ctrader_setup import (
    accounts_from,
    credentials_from,
    endpoints_from,
    symbol_rules_from,
)
from fxpool.platforms.ctrader_status import CTraderStatus
from fxpool.platforms.ctrader_tokens import CTraderTokens, TokenSources
from fxpool.platforms.desk_calls import DeskCalls
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import EventFilter, EventSubscription
from fxpool.platforms.guard_store import GUARDS_FILE, GuardStore
from fxpool.platforms.halt_desk import HaltDesk
from fxpool.platforms.halts import HALTS_FILE, Halts
from fxpool.platforms.operator_alerts import OperatorAlerts
from fxpool.platforms.past_calls import PastCalls
from fxpool.platforms.routing import AccountConfig
from fxpool.platforms.ticket_desk import TicketDesk
from fxpool.platforms.trading_calls import TradingCalls
from fxpool.pool import ApplicationCredentials, Endpoint, Environment, Pool
from fxpool.settings import Settings
from fxpool.store import Journal
from fxpool.store.equity import SqlEquity
from fxpool.store.history import SqlHistory
from fxpool.store.shared import SharedState

HISTORY_AT_ONCE: Final = 2
"""Requests for accounts' pasts at one time, over all accounts: the rest of the broker's slow
history limit is for what a live account needs."""


class CTraderPlatform(
    AccountReads,
    PriceCalls,
    TradingCalls[Served],
    DeskCalls[Served],
    PastCalls,
    RecordCalls,
    GuardCalls,
):
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
        super().__init__(ServedAccounts())
        self._clock = clock
        self._alerts = alerts or Alerts(None, clock=clock)
        self._told = OperatorAlerts(self._alerts)
        halts = halts or Halts()
        self._halt_desk = HaltDesk(halts, clock=clock)
        self._journal = journal
        journal.told = partial(self._told.part_changed, "journal")
        self._desk = TicketDesk(journal, clock=clock)
        self._history = history or MemoryHistory()
        history_gate = asyncio.Semaphore(HISTORY_AT_ONCE)
        self._equity = EquityKeeper(equity or MemoryEquity(), clock=clock, gate=history_gate)
        self._guards = CTraderGuards(
            guards or GuardStore(),
            self.close_positions,
            self.cancel_order,
            self._told.guard_changed,
            clock=clock,
        )
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
        self._tokens.keeper.keeps_failing = self._told.renewal_fails
        assembly = AccountAssembly(
            pool=self._pool,
            hub=self._hub,
            told=self._told,
            halts=halts,
            journal=journal,
            desk=self._desk,
            history=self._history,
            history_gate=history_gate,
            bar_cache=BarCache(),
            tick_cache=TickCache(),
            equity=self._equity,
            guards=self._guards,
            clock=clock,
            new_id=new_id,
            margin_check=margin_check,
            settle_seconds=settle_seconds,
        )
        self._accounts.update({config.key: assembly.make(config, rules) for config in accounts})
        self._background = Background(clock)
        self._serving = CTraderServing(
            self._accounts, assembly, self._tokens, self._equity, self._background
        )
        self._status = CTraderStatus(
            self._accounts,
            pool=self._pool,
            tokens=self._tokens,
            journal=journal,
            desk=self._desk,
            guards=self._guards,
            alerts=self._alerts,
            shared=self._shared,
            background=self._background,
            clock=clock,
        )

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
            new_id=random_id,
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

    # Life

    async def open(self) -> None:
        """Start; accounts become live in the background."""
        await self._alerts.open()
        await self._journal.__aenter__()
        await self._shared.open()
        self._hub.restore(await self._shared.events.open())
        await self._pool.__aenter__()
        self._background.keep(self._desk.see_through, "tickets")
        if self._shared.presence is not None:
            self._background.keep(partial(self._shared.presence.run, self._presence), "presence")
        self._background.keep(self._equity.run, "equity")
        self._background.keep(self._guards.run, "guards")
        self._status.opened_at = self._clock.now()
        self._tokens.open(self._serving.parked, self._serving.reauthorise)
        for served in self._accounts.values():
            self._serving.begin(served)

    async def reload(
        self, accounts: Sequence[AccountConfig], rules: Sequence[SymbolRule]
    ) -> list[str]:
        """Serve these accounts from now on, without touching the others; return what needs a
        restart, in sentences."""
        return await self._serving.reload(accounts, rules)

    def names(self) -> dict[str, str | None]:
        """Return the configured accounts' keys, each with its other name."""
        return {key: served.account.config.login for key, served in self._accounts.items()}

    async def close(self) -> None:
        """End all work of ours. First renewals of tokens, which need a link to finish, then the
        links, so that no account waits to be logged out."""
        await self._tokens.finish()
        await self._guards.close()
        await self._pool.__aexit__(None, None, None)
        await self._background.close()
        await self._journal.__aexit__(None, None, None)
        await self._history.close()
        await self._equity.close()
        for served in self._accounts.values():
            served.feed.close()
        await self._tokens.close()
        await self._shared.events.close(self._hub.numbering().sequences, self._hub.left)
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

    async def resume(self, account: str | None = None) -> formats.HaltState:
        """End a halt; a latched limit goes on to stop its account. Raises PlatformError."""
        state = await super().resume(account)
        if account is None:
            return state
        return still_guarded(state, self._accounts.find(account).account)

    # The pool

    async def pool_stats(self) -> pool_formats.PoolStats:
        return self._status.pool_stats()

    async def health(self) -> pool_formats.Health:
        return self._status.health()

    async def reset_connections(self) -> int:
        """Close and reopen all broker links; return how many."""
        count = len(self._pool.stats().links)
        await self._pool.reset()
        return count

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> EventSubscription:
        """Return a stream of events; as ``AccountsByName.stream``."""
        return self._accounts.stream(self._hub, wanted, resume)

    # Small parts

    def _presence(self) -> dict[str, dict[str, str]]:
        """What other processes are told of each account that this one serves."""
        return {
            key: {"state": state.phase.value, "reason": state.reason, "since": iso(state.since)}
            for key, state in self._accounts.states().items()
        }

    @asynccontextmanager
    async def _past(self, account: str) -> AsyncIterator[CTraderHistory]:
        async with self._accounts.reading(account) as served:
            yield served.past

    @asynccontextmanager
    async def _records(self, account: str) -> AsyncIterator[CTraderRecords]:
        async with self._accounts.reading(account) as served:
            yield served.records

    def _guarded(self, account: str) -> CTraderAccount:
        return self._accounts.find(account).account
