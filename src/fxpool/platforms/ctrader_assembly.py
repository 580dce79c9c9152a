"""The parts of one cTrader account, put together from what all accounts share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC

from fxpool.account import Account, MarginCheck, Resolver, Tickets, Trading
from fxpool.clock import Clock
from fxpool.domain.symbol_names import SymbolRule
from fxpool.history import EquityKeeper, HistoryKeeper, HistoryStore
from fxpool.history.bar_cache import BarCache
from fxpool.history.tick_cache import TickCache
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_feed import CTraderFeed
from fxpool.platforms.ctrader_guards import CTraderGuards
from fxpool.platforms.ctrader_history import CTraderHistory
from fxpool.platforms.ctrader_records import CTraderRecords
from fxpool.platforms.ctrader_served import Served
from fxpool.platforms.ctrader_symbols import CTraderSymbols
from fxpool.platforms.ctrader_tickets import TicketedOrders
from fxpool.platforms.ctrader_trades import CTraderTrades
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.guards import looking
from fxpool.platforms.halts import Halts
from fxpool.platforms.operator_alerts import OperatorAlerts
from fxpool.platforms.past_feed import PastFeed
from fxpool.platforms.routing import AccountConfig
from fxpool.platforms.ticket_desk import TicketDesk, TicketEvents
from fxpool.pool import Pool
from fxpool.store import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountAssembly:
    """What all accounts share.

    Attributes:
        told: who hears of what happens to an account.
        desk: where the tickets of all accounts are asked for.
        history_gate: bounds the requests for accounts' pasts at one time.
        bar_cache, tick_cache: keep what does not change any more, bounded over all accounts.
        new_id: makes ids of tickets and orders.
        settle_seconds: how long after a lost answer an order may still come to light.
    """

    pool: Pool
    hub: EventHub
    told: OperatorAlerts
    halts: Halts
    journal: Journal
    desk: TicketDesk
    history: HistoryStore
    history_gate: asyncio.Semaphore
    bar_cache: BarCache
    tick_cache: TickCache
    equity: EquityKeeper
    guards: CTraderGuards
    clock: Clock
    new_id: Callable[[], str]
    margin_check: MarginCheck
    settle_seconds: float

    def make(self, config: AccountConfig, rules: Sequence[SymbolRule]) -> Served:
        """Return the account of a configuration, ready to be served."""
        account = CTraderAccount(config, rules, self.halts, clock=self.clock)
        feed = CTraderFeed(account, self.hub, self.told, clock=self.clock)
        observer = PastFeed(feed)
        account.live = Account(config.key, self.pool, observer, clock=self.clock)
        observer.keeper = HistoryKeeper(
            account.live, self.history, clock=self.clock, gate=self.history_gate
        )
        zone = UTC if config.guards is None else config.guards.zone
        observer.equity = recorded = self.equity.record(account.live, zone)
        observer.look = looking(self.guards.add(account, feed, recorded))
        events = TicketEvents(feed, self.desk, self.told)
        tickets = Tickets(config.key, self.journal, events, clock=self.clock, new_id=self.new_id)
        account.live.heard = tickets.heard
        trading = Trading(
            account.live,
            clock=self.clock,
            new_id=self.new_id,
            tickets=tickets,
            margin_check=self.margin_check,
        )
        trades = CTraderTrades(account, trading, self.told)
        orders = TicketedOrders(account, trades, trading, tickets, self.journal)
        resolver = Resolver(
            account.live,
            tickets,
            self.journal,
            orders.tell,
            clock=self.clock,
            settle_seconds=self.settle_seconds,
        )
        self.desk.add(config.key, resolver)
        past = CTraderHistory(
            account,
            observer.keeper,
            recorded,
            bar_cache=self.bar_cache,
            tick_cache=self.tick_cache,
            clock=self.clock,
        )
        symbols = CTraderSymbols(account, clock=self.clock)
        records = CTraderRecords(account, observer.keeper, clock=self.clock)
        return Served(account, feed, trades, orders, past, records, symbols)
