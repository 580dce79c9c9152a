"""Book events on their way to the observer: held back, in order, until they can be shown. Pure.

What happens on a symbol can be put into callers' words only once the symbol's parameters are known;
a position that somebody opens elsewhere on a new symbol is told a moment later for that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import assert_never

from fxpool.account.book import AccountBook
from fxpool.account.events import (
    BalanceChanged,
    BookEvent,
    DealAdded,
    MarginCalled,
    OrderCancelled,
    OrderChanged,
    OrderExpired,
    OrderFilled,
    OrderGone,
    OrderPlaced,
    OrderRejected,
    OrderUnreadable,
    OrderVanished,
    PositionChanged,
    PositionClosed,
    PositionOpened,
    PositionPartiallyClosed,
    PositionVanished,
)


class Telling:
    """The events of one account that its observer has not heard yet."""

    def __init__(self, book: AccountBook, changed: Callable[[Sequence[BookEvent]], None]) -> None:
        self._book = book
        self._changed = changed
        self._waiting: list[BookEvent] = []

    @property
    def symbols(self) -> set[int]:
        """The symbols that waiting events are about."""
        return {
            symbol_id for event in self._waiting if (symbol_id := _symbol_of(event)) is not None
        }

    def tell(self, events: Iterable[BookEvent]) -> None:
        """Take events, and tell all that wait if they can be shown."""
        self._waiting += events
        self.release()

    def release(self) -> None:
        """Tell all that wait if they can be shown; call when parameters were added."""
        if self._waiting and not self.symbols - self._book.symbols.keys():
            events, self._waiting = self._waiting, []
            self._changed(events)


def _symbol_of(event: BookEvent) -> int | None:
    match event:
        case BalanceChanged() | OrderUnreadable() | MarginCalled():
            return None
        case DealAdded(deal):
            return deal.symbol_id
        case PositionChanged(_, new) | PositionPartiallyClosed(_, new, _):
            return new.symbol_id
        case PositionOpened(position) | PositionClosed(position) | PositionVanished(position):
            return position.symbol_id
        case OrderChanged(_, order) | OrderPlaced(order) | OrderFilled(order):
            return order.symbol_id
        case OrderCancelled(order) | OrderExpired(order) | OrderRejected(order):
            return order.symbol_id
        case OrderVanished(order) | OrderGone(order):
            return order.symbol_id
        case _:
            assert_never(event)
