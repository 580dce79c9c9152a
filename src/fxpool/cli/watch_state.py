"""What a watcher knows of an account, kept by its events. Pure: events in, state changed.

The events are those of the pool's stream: a snapshot first, then changes and levels. Nothing is
computed here; the numbers are the pool's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from fxpool.cli import numbers
from fxpool.mapping.formats import AccountInformation, OrderInfo, PositionInfo

RECENT = 5
"""How many of the last changes are kept to be shown."""

LIVE = "live"
WAITING = "waiting for the first snapshot"


@dataclass(slots=True)
class Ticking:
    """A symbol's newest quote, and which way its bid went last: 1 up, -1 down, 0 not yet."""

    bid: float
    ask: float
    spread: float
    time: str
    direction: int = 0


@dataclass(slots=True)
class WatchState:
    """One account on the screen.

    Attributes:
        orders: the pending ones; None while one of them cannot be read.
        link: ``live``, or why what is shown may be old.
        recent: the last changes in words, newest last.
        digits: price digits by symbol, as far as they were asked for.
    """

    account: AccountInformation | None = None
    positions: dict[str, PositionInfo] = field(default_factory=dict)
    orders: dict[str, OrderInfo] | None = field(default_factory=dict)
    quotes: dict[str, Ticking] = field(default_factory=dict)
    digits: dict[str, int] = field(default_factory=dict)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT))
    link: str = WAITING
    _link_before_cut: str = ""

    def symbols(self) -> set[str]:
        """Return every symbol that is on the screen."""
        return {
            *self.quotes,
            *(row["symbol"] for row in self.positions.values()),
            *(row["symbol"] for row in (self.orders or {}).values()),
        }

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take one event of the stream; a type that shows nothing on the screen passes."""
        kind = event["type"]
        if kind == "snapshot":
            self._begin(event)
        elif kind == "price":
            self._quote(event)
        elif kind == "accountUpdated":
            self.account = cast("AccountInformation", event["account"])
        elif kind == "streamResumed":
            self.link, self._link_before_cut = self._link_before_cut or self.link, ""
        elif kind in LINK_WORDS:
            self._link(kind, event)
        elif kind.startswith("position"):
            self._position(kind, event)
        elif kind.startswith("order"):
            self._order(kind, event)
        self._note(kind, event)

    def _begin(self, snapshot: Mapping[str, Any]) -> None:
        """Forget what was known. The account is null while its equity needs a missing quote."""
        self.account = cast("AccountInformation | None", snapshot["account"])
        self.positions = {row["id"]: row for row in snapshot["positions"]}
        rows = snapshot["orders"]
        self.orders = None if rows is None else {row["id"]: row.copy() for row in rows}
        self.quotes = {}
        for quote in snapshot["prices"]:
            self._quote(quote)
        self.link, self._link_before_cut = LIVE, ""

    def _quote(self, quote: Mapping[str, Any]) -> None:
        """Take a quote. No event tells how far orders are from their price, so it is kept here."""
        last = self.quotes.get(quote["symbol"])
        direction = 0 if last is None else last.direction
        if last is not None and quote["bid"] != last.bid:
            direction = 1 if quote["bid"] > last.bid else -1
        self.quotes[quote["symbol"]] = Ticking(
            quote["bid"], quote["ask"], quote["spread"], quote["brokerTime"], direction
        )
        for order in (self.orders or {}).values():
            if order["symbol"] == quote["symbol"]:
                is_buy = order["type"].startswith("ORDER_TYPE_BUY")
                order["currentPrice"] = quote["ask"] if is_buy else quote["bid"]

    def _link(self, kind: str, event: Mapping[str, Any]) -> None:
        if kind == "streamClosed" and not self._link_before_cut:
            self._link_before_cut = self.link
        reason = event.get("reason")
        word = LINK_WORDS[kind]
        self.link = f"{word}: {reason}" if reason and word != LIVE else word

    def _position(self, kind: str, event: Mapping[str, Any]) -> None:
        position = event["newPosition"] if kind == "positionUpdated" else event["position"]
        if kind == "positionClosed":
            self.positions.pop(position["id"], None)
        else:
            self.positions[position["id"]] = position

    def _order(self, kind: str, event: Mapping[str, Any]) -> None:
        if kind == "orderUnreadable":
            self.orders = None
        if self.orders is None:
            return  # the next snapshot begins them anew
        order = event["order"]
        if kind in {"orderPlaced", "orderModified"}:
            self.orders[order["id"]] = order.copy()
        else:
            self.orders.pop(order["id"], None)

    def _note(self, kind: str, event: Mapping[str, Any]) -> None:
        if kind in CHANGES:
            words = CHANGES[kind].format(**_facts(event))
            self.recent.append(f"{numbers.clock_time(event['timestamp'])}  {words}")


LINK_WORDS = {
    "connected": LIVE,
    "synchronized": LIVE,
    "reconnected": LIVE,
    "disconnected": "the broker's link is down",
    "streamClosed": "the pool's stream is down, trying again",
}
"""Events on the connection, and what the screen says from then on."""

CHANGES = {
    "positionOpened": "position {id} opened: {side} {volume} {symbol}",
    "positionModified": "position {id} has a new protection",
    "positionPartiallyClosed": "position {id} partly closed, {volume} lots stay open",
    "positionClosed": "position {id} closed, realised {profit}",
    "orderPlaced": "order {id} placed: {side} {volume} {symbol}",
    "orderModified": "order {id} changed",
    "orderFilled": "order {id} filled",
    "orderCancelled": "order {id} cancelled",
    "orderExpired": "order {id} expired",
    "orderRejected": "order {id} rejected",
    "orderGone": "order {id} is gone, and the broker does not say why",
    "orderUnreadable": "order {id} cannot be read: {reason}",
    "marginCall": "margin call: the margin level is below {threshold} %",
    "disconnected": "the broker's link went down",
    "reconnected": "the broker's link is up again",
    "streamClosed": "the pool's stream was cut",
}
"""Changes worth a line, in words."""


def _facts(event: Mapping[str, Any]) -> dict[str, str]:
    """Return what the lines above name, as far as the event has it."""
    row = event.get("position") or event.get("order") or {}
    profit = event.get("closedProfit")
    return {
        "id": str(row.get("id") or event.get("orderId", "")),
        "reason": str(event.get("reason", "")),
        "symbol": row.get("symbol", ""),
        "side": str(row.get("type", "")).rsplit("TYPE_", 1)[-1].replace("_", " ").lower(),
        "volume": numbers.lots(row["volume"]) if "volume" in row else "",
        "threshold": f"{event.get('marginLevelThreshold', 0):g}",
        "profit": "unknown" if profit is None else numbers.signed_money(profit),
    }
