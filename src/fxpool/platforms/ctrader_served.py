"""The cTrader accounts of this process, each with its parts, and how a name finds one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fxpool.account import Account, AccountState, Phase
from fxpool.errors import FxPoolError, NotReady, SymbolNotFound
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_feed import CTraderFeed
from fxpool.platforms.ctrader_history import CTraderHistory
from fxpool.platforms.ctrader_records import CTraderRecords
from fxpool.platforms.ctrader_symbols import CTraderSymbols
from fxpool.platforms.ctrader_tickets import TicketedOrders
from fxpool.platforms.ctrader_trades import CTraderTrades
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import Event
from fxpool.platforms.served import AccountsByName, OnServed
from fxpool.platforms.words import explain

LIVE_SECONDS: Final = 15.0
"""How long ``Served.until_live`` waits for an account that is on its way."""


@dataclass(frozen=True, slots=True)
class Served:
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

    @property
    def is_live(self) -> bool:
        return self.live.state.phase is Phase.LIVE

    async def until_live(self) -> bool:
        """Wait until the account is live, for a while; return whether it is."""
        return await self.live.waits.until(lambda: self.is_live, LIVE_SECONDS)

    def snapshot(self) -> Event | None:
        """Return the account's state as one event; None where it is not live."""
        return self.feed.snapshot() if self.is_live else None

    def gap(self, start: ResumeFrom) -> Event:
        """Return the event that says that changes since ``start`` cannot be told one by one."""
        return self.feed.gap(start)

    def has_symbol(self, name: str) -> bool:
        """Whether a name means a symbol of the account. Raises NotReady before they are known."""
        try:
            self.account.names.resolve(name)
        except SymbolNotFound:
            return False
        return True


class ServedAccounts(AccountsByName[Served]):
    """All configured accounts by key, disabled ones too."""

    @asynccontextmanager
    async def reading(self, account: str) -> AsyncIterator[Served]:
        """Give the account to a read that needs it live; its errors become callers' words."""
        served = self.find(account)
        try:
            await served.live.whole()
            yield served
        except FxPoolError as exc:
            raise explain(exc) from exc

    def states(self) -> dict[str, AccountState]:
        """Return where each enabled account stands, by key."""
        return {served.key: served.live.state for served in self.enabled()}


class OnAccounts(OnServed[Served]):
    """What a group of calls on cTrader accounts stands on."""

    _accounts: ServedAccounts


def not_ready(candidates: Sequence[Served]) -> NotReady:
    """Return the error of a question that none of these accounts can answer yet."""
    waiting = ", ".join(f"{s.key} is {s.live.state.phase.value}" for s in candidates)
    return NotReady(f"no account is ready: {waiting or 'none is enabled'}", phase="starting")
