"""The broker of a run: the simulator's own ledger as values, and its faults by name of trouble."""

from __future__ import annotations

from decimal import Decimal

from checker.history import Book, BrokersDeal, BrokersOrder, HeldOrder, HeldPosition, Ledger
from fxpool.simulator import Simulator
from fxpool.simulator.engine.model import Order, OrderKind, Position

ACCOUNT_IDS = {"alpha": 10012345, "beta": 10012346}
LOT = 10_000_000
"""One lot of a currency pair, in 1/100 of a unit."""


def ledger_of(simulator: Simulator, account: str) -> Ledger:
    """Return all that the broker knows of an account."""
    book = simulator.venue.engine.books[ACCOUNT_IDS[account]]
    resting = [o for o in book.orders.values() if o.kind is not OrderKind.PROTECTION]
    return Ledger(
        tuple(_order(order) for _, order in sorted(book.history.items())),
        tuple(
            BrokersDeal(
                str(deal.deal_id), str(deal.order_id), str(deal.position_id), deal.executed_ms
            )
            for deal in book.deals
        ),
        Book(
            {str(one.position_id): _position(one) for one in book.positions.values()},
            {
                str(order.order_id): HeldOrder(_lots(order.remaining), _price(_at(order)))
                for order in resting
            },
            Decimal(book.ledger.balance).scaleb(-2),
        ),
    )


def orders_of(simulator: Simulator, account: str, intent: str) -> list[Order]:
    """Return the orders that carry an intent as their label."""
    history = simulator.venue.engine.books[ACCOUNT_IDS[account]].history
    return [order for order in history.values() if order.label == intent and not order.is_closing]


def deal_count(simulator: Simulator, account: str) -> int:
    """Return how many deals an account has."""
    return len(simulator.venue.engine.books[ACCOUNT_IDS[account]].deals)


def order_count(simulator: Simulator, account: str) -> int:
    """Return how many orders an account ever had."""
    return len(simulator.venue.engine.books[ACCOUNT_IDS[account]].history)


def _order(order: Order) -> BrokersOrder:
    return BrokersOrder(
        order_id=str(order.order_id),
        label=order.label,
        position_id=str(order.position_id),
        status=order.status.name,
        kind=order.kind.name,
        lots=_lots(order.volume),
        executed_lots=_lots(order.executed_volume),
        is_closing=order.is_closing,
        is_protection=order.kind is OrderKind.PROTECTION,
        created_ms=order.created_ms,
    )


def _position(one: Position) -> HeldPosition:
    levels = one.levels
    return HeldPosition(
        _lots(one.volume), one.side.name, _level(levels.stop_loss), _level(levels.take_profit)
    )


def _at(order: Order) -> int:
    price = order.stop_price if order.limit_price is None else order.limit_price
    assert price is not None
    return price


def _level(price: int | None) -> Decimal | None:
    return None if price is None else _price(price)


def _price(price: int) -> Decimal:
    return Decimal(price) / 100_000


def _lots(volume: int) -> Decimal:
    return Decimal(volume) / LOT
