"""What one cTrader account pushes: the observer of an account, publishing to the hub.

*Changes* are numbered and never dropped: all that happened to positions, orders, deals, the balance
and the link. *Levels* are the newest of their kind: prices, and what moves with prices
(``positionUpdate``, and ``accountUpdated`` for the equity), told at most every 200 ms per account.
An ``accountUpdated`` whose balance changed is a change.

After each synchronisation the differences are told first, then ``snapshot`` and ``synchronized``,
and after an outage ``reconnected``. What happened while this gateway did not serve the account (a
restart, an account that was switched off) is a ``gap``.

Source: what subscribers of the older pools read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from fxpool.account import AccountState, Phase, Trigger
from fxpool.account.events import BookEvent, MarginCalled
from fxpool.account.standing import standing_of
from fxpool.clock import Clock
from fxpool.domain.money import PRICE_SCALE
from fxpool.domain.trades import Position
from fxpool.mapping.formats import TicketInfo
from fxpool.mapping.instants import iso, iso_ms, ms_from_instant
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_events import told_by
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.event_ring import EventPosition, ResumeFrom
from fxpool.platforms.events import Event
from fxpool.platforms.operator_alerts import OperatorAlerts

LEVELS_EVERY: Final = 0.2
"""Seconds between tellings of what moves with prices."""

_DISCONNECTED: Final = frozenset({Phase.RECONNECTING, Phase.NEEDS_CONSENT, Phase.REFUSED})


class CTraderFeed:
    """The observer of one account; it never waits."""

    def __init__(
        self, account: CTraderAccount, hub: EventHub, alerts: OperatorAlerts, *, clock: Clock
    ) -> None:
        self._account = account
        self._hub = hub
        self._alerts = alerts
        self._clock = clock
        self._is_connected = False
        self._gross: dict[int, Decimal | None] = {}  # as told last, by open position
        self._equity: Decimal | None = None
        self._timer: asyncio.TimerHandle | None = None

    # AccountObserver

    def quoted(self, symbol_id: int) -> None:
        """Tell a price. The hot path: nothing is built while nobody listens."""
        if not self._hub.wants_levels():
            return
        quote = self._account.live.book.quotes[symbol_id]
        bid, ask, at_ms = quote.bid, quote.ask, quote.timestamp_ms
        if bid is None or ask is None:
            return
        if at_ms is None:
            at_ms = ms_from_instant(self._clock.at())
        key, symbol, at = self._account.key, self._account.mt_name(symbol_id), iso_ms(at_ms)
        body = {
            "type": "price",
            "accountId": key,
            "symbol": symbol,
            "bid": bid / PRICE_SCALE,  # the nearest double of the exact decimal
            "ask": ask / PRICE_SCALE,
            "spread": (ask - bid) / PRICE_SCALE,
            "time": at,
            "brokerTime": at,
            "accountIds": [key],
            "ts": at_ms,
            "timestamp": at,
        }
        level_key = ("price", key, symbol)
        self._hub.publish(Event("price", key, body, symbol=symbol, level_key=level_key))
        if self._timer is None and self._account.live.book.values_by(symbol_id):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(LEVELS_EVERY, self._tell_levels)

    def changed(self, events: Sequence[BookEvent]) -> None:
        """Tell what happened. Before the first snapshot nothing is told: it will contain it."""
        if not self._account.is_known:
            return
        for event in events:
            if isinstance(event, MarginCalled):
                self._alerts.margin_called(self._account.key, event.threshold)
            for told in told_by(self._account, event):
                self._change(told.type, told.body, told.symbol)
        self._gross = {i: self._gross.get(i) for i in self._account.live.book.positions}

    def moved(self, trigger: Trigger, state: AccountState) -> None:
        """Tell that the account is served, lost or synchronised."""
        self._alerts.moved(self._account.key, state)
        if trigger is Trigger.AUTHORISED:
            self._is_connected = True
            self._change("connected", {})
        elif trigger is Trigger.SYNCHRONISED:
            positions = self._account.live.book.positions
            self._gross = dict.fromkeys(positions)
            self._tell_what_nobody_told()
            self._hub.publish(self.snapshot())
            self._change("synchronized", {"positionCount": len(positions)})
        elif self._is_connected and state.phase in _DISCONNECTED:
            self._is_connected = False
            self._change("disconnected", {"reason": state.reason, "phase": state.phase.value})

    def restored(self, gap_seconds: float) -> None:
        """Tell that an outage is over and how long it was, in seconds."""
        self._change("reconnected", {"disconnectDuration": round(gap_seconds, 3)})

    # For the platform

    def told_of_ticket(self, kind: str, ticket: TicketInfo) -> None:
        """Tell what happened to an order ticket."""
        self._change(kind, {"ticketId": ticket["id"], "ticket": ticket})

    def told_of_guard(self, kind: str, body: dict[str, Any]) -> None:
        """Tell how the account stands to a loss limit."""
        self._change(kind, body)

    def snapshot(self) -> Event:
        """Return the state of a live account as one event.

        ``account`` is None while a quote that its equity needs is not known, ``orders`` while one
        of them cannot be read. What cannot be shown yet is left out here and follows as a change of
        its own.
        """
        account, book = self._account, self._account.live.book
        body = self._envelope("snapshot") | {
            "account": None if account.equity is None else account.information(account.key),
            "positions": [
                account.position(position)
                for position in book.positions.values()
                if account.can_show(position.symbol_id)
            ],
            "orders": None
            if book.unreadable_orders
            else [
                account.order(order)
                for order in book.orders.values()
                if account.can_show(order.symbol_id)
            ],
            "prices": [account.price(quote) for quote in account.quotes().values()],
        }
        return Event("snapshot", account.key, body)

    def gap(self, start: ResumeFrom) -> Event:
        """Return the event that says that changes were missed and cannot be told one by one."""
        text = (
            "the events after this position are not known any more: start from the snapshot, which "
            "follows as soon as the account is live"
        )
        body = self._envelope("gap") | {"lastEventId": str(start), "detail": text}
        return Event("gap", self._account.key, body)

    def close(self) -> None:
        """Stop telling, with a word to those who still think that they hear all."""
        if self._is_connected:
            self._is_connected = False
            reason = "this gateway does not serve the account any more"
            self._change("disconnected", {"reason": reason, "phase": Phase.CONFIGURED.value})
        if self._account.is_known:
            self._hub.leave(self._account.key, standing_of(self._account.live.book))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Levels

    def _tell_levels(self) -> None:
        self._timer = None
        account = self._account
        if account.live.state.phase is not Phase.LIVE or not self._hub.wants_levels():
            return
        book = account.live.book
        for position_id, position in book.positions.items():
            gross, before = book.gross(position_id), self._gross.get(position_id)
            is_news = gross != before and account.can_show(position.symbol_id)
            if gross is not None and is_news:
                self._gross[position_id] = gross
                self._tell_profit(position, gross, before)
        equity = account.equity
        if equity is not None and equity != self._equity:
            self._equity = equity
            body = {"account": account.information(account.key)}
            self._level("accountUpdated", ("account", account.key), body)

    def _tell_profit(self, position: Position, gross: Decimal, before: Decimal | None) -> None:
        position_id = str(position.position_id)
        symbol = self._account.mt_name(position.symbol_id)
        body = {
            "positionId": position_id,
            "symbol": symbol,
            "position": self._account.position(position),
            "profitChange": 0.0 if before is None else float(gross - before),
        }
        level_key = ("position", self._account.key, position_id)
        self._level("positionUpdate", level_key, body, symbol)

    # Small parts

    def _tell_what_nobody_told(self) -> None:
        """Tell of a gap where something happened while this gateway did not serve the account."""
        key = self._account.key
        if self._hub.has_moved(key, standing_of(self._account.live.book)):
            last = EventPosition(key, self._hub.epoch, self._hub.sequence(key))
            self._hub.publish(self.gap(ResumeFrom(last_event_id=str(last))))

    def _change(self, kind: str, body: dict[str, Any], symbol: str | None = None) -> None:
        body = self._envelope(kind) | body
        self._hub.publish(Event(kind, self._account.key, body, symbol=symbol))

    def _level(
        self,
        kind: str,
        level_key: tuple[str, ...],
        body: dict[str, Any],
        symbol: str | None = None,
    ) -> None:
        body = self._envelope(kind) | body
        event = Event(kind, self._account.key, body, symbol=symbol, level_key=level_key)
        self._hub.publish(event)

    def _envelope(self, kind: str) -> dict[str, Any]:
        now = self._clock.at()
        return {
            "type": kind,
            "accountId": self._account.key,
            "ts": ms_from_instant(now),
            "timestamp": iso(now),
        }
