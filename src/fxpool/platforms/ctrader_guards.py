"""The loss limits of cTrader accounts of this process: carried out, told, and asked about."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from fxpool.clock import Clock
from fxpool.domain.guards import GuardState
from fxpool.errors import NotReady
from fxpool.mapping.formats import CloseResults, GuardInfo, GuardList, HaltState, TradeResult
from fxpool.platforms.base import PlatformError
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_feed import CTraderFeed
from fxpool.platforms.guard_store import GuardStore
from fxpool.platforms.guards import AccountGuard, GuardDesk, Recorded
from fxpool.platforms.words import explain

log = structlog.get_logger(__name__)


class CTraderGuards:
    """The guards of a platform, and what they decide, carried out."""

    def __init__(
        self,
        store: GuardStore,
        close_positions: Callable[[str], Awaitable[CloseResults]],
        cancel_order: Callable[[str, str], Awaitable[TradeResult]],
        alert: Callable[[str, str, GuardInfo], None],
        *,
        clock: Clock,
    ) -> None:
        self._store = store
        self._close_positions = close_positions
        self._cancel_order = cancel_order
        self._alert = alert
        self._clock = clock
        self._desk = GuardDesk(clock=clock)
        self._accounts: dict[str, CTraderAccount] = {}
        self._feeds: dict[str, CTraderFeed] = {}
        self._closings: set[asyncio.Task[None]] = set()

    def add(
        self, account: CTraderAccount, feed: CTraderFeed, recorded: Recorded
    ) -> AccountGuard | None:
        """Watch an account whose configuration has limits, and return its guard."""
        plan = account.config.guards
        if plan is None:
            return None
        key = account.key
        guard = AccountGuard(account.live, plan, self._store, recorded, self, clock=self._clock)
        self._accounts[key], self._feeds[key] = account, feed
        self._desk.add(key, guard)
        account.guard = guard
        return guard

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._desk.run()

    async def close(self) -> None:
        """End closings that are under way; orders that were sent stay sent."""
        for closing in self._closings:
            closing.cancel()
        await asyncio.gather(*self._closings, return_exceptions=True)

    def count(self, state: GuardState) -> int:
        """Return how many accounts are in a state at worst."""
        return self._desk.count(state)

    # GuardOwner

    def close_everything(self, account_key: str) -> None:
        """Begin to close all positions and to cancel all orders of an account."""
        closing = asyncio.create_task(self._close(account_key), name=f"guard-{account_key}")
        self._closings.add(closing)
        closing.add_done_callback(self._closings.discard)

    def told_of_guard(self, account_key: str, kind: str, guard: GuardInfo) -> None:
        """Tell subscribers and operators of a guard."""
        self._feeds[account_key].told_of_guard(kind, {"guard": guard})
        self._alert(account_key, kind, guard)

    async def _close(self, key: str) -> None:
        """Close and cancel: the outermost frame of its task. What fails is tried again later."""
        try:
            book = self._accounts[key].live.book
            order_ids = [str(i) for i in book.orders.keys() | book.unreadable_orders.keys()]
            async with asyncio.TaskGroup() as work:
                closing = work.create_task(_awaited(self._close_positions(key)))
                for order_id in order_ids:
                    work.create_task(_awaited(self._cancel_order(key, order_id)))
            closed = closing.result()
            log.warning("guard closed", account=key, success=closed["success"], **_told(closed))
        except* Exception:  # what fails is tried again while the limit is latched
            log.exception("a guard could not close everything", account=key)


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


def _told(closed: CloseResults) -> dict[str, str]:
    return {"text": closed.get("error", closed["message"])}


class GuardCalls(ABC):
    """The calls about limits; ``_guarded`` finds the account that a name means."""

    @abstractmethod
    def _guarded(self, account: str) -> CTraderAccount:
        """Return an account. Raises PlatformError."""

    async def guards(self, account: str) -> GuardList:
        """Return how an account stands to its limits; without limits the list is empty."""
        found = self._guarded(account)
        if found.guard is None:
            return GuardList(account_id=account, timeZone="UTC", state="none", guards=[])
        return found.guard.listing(account)

    async def reset_guards(self, account: str, *, by: str = "") -> GuardList:
        """End the latches of an account's limits. Raises PlatformError."""
        found = self._guarded(account)
        if found.guard is None:
            raise PlatformError(404, "NO_GUARDS", f"account {account} has no limits configured")
        try:
            found.guard.reset(by)
        except NotReady as exc:
            raise explain(exc) from exc
        except OSError as exc:
            reason = exc.strerror or str(exc)
            text = f"reset now, but a restart would latch it again: its file: {reason}"
            raise PlatformError(500, "GUARDS_NOT_STORED", text) from exc
        return found.guard.listing(account)


def still_guarded(state: HaltState, account: CTraderAccount) -> HaltState:
    """Return what a halt's end is told as, where a latched limit goes on to stop the account."""
    halt = None if account.guard is None else account.guard.halt
    if halt is None:
        return state
    text = f"{state['account_id']} may only close: {halt.reason}; reset its guards to open again"
    return state | HaltState(
        success=True,
        account_id=state["account_id"],
        halted=True,
        reason=halt.reason,
        since=halt.since,
        message=text,
    )
