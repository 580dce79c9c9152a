"""How an account stands, as one short text: where two are equal, nothing happened in between. Pure.

It says nothing of what moves with prices or by itself (results, swap, margin).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from fxpool.account.book import AccountBook
from fxpool.domain.trades import Order, Position

_DIGITS: Final = 32


def standing_of(book: AccountBook) -> str:
    """Return how a book stands: its balance with its version, its positions, its orders.

    Raises NotReady before the first snapshot.
    """
    positions, orders = book.positions, book.orders
    facts = (
        _texts([book.trader.balance]),
        book.balance_version,
        [_position(positions[number]) for number in sorted(positions)],
        [_order(orders[number]) for number in sorted(orders)],
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:_DIGITS]


def _position(position: Position) -> tuple[object, ...]:
    levels = _texts((position.price, position.stop_loss, position.take_profit))
    return (position.position_id, position.volume_cents, *levels, position.trailing_stop_loss)


def _order(order: Order) -> tuple[object, ...]:
    prices = (
        order.limit_price,
        order.stop_price,
        order.stop_loss,
        order.take_profit,
        order.relative_stop_loss,
        order.relative_take_profit,
    )
    return (order.order_id, order.volume_cents, *_texts(prices), str(order.expires_at))


def _texts(values: Iterable[Decimal | None]) -> list[str]:
    """Return equal texts for equal numbers, however many digits they are written with."""
    return ["" if value is None else str(value.normalize()) for value in values]
