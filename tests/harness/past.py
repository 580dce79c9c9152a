"""A past made on the simulator's engine: weeks of random trading in a moment."""

from __future__ import annotations

from contextlib import suppress
from random import Random

from fxpool.domain.trades import CashFlow, Deal
from fxpool.history import AccountRecord
from fxpool.history.record import Entry, order_of
from fxpool.mapping import from_wire
from fxpool.simulator.engine import Engine
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.commands import ClosePosition, PlaceOrder
from fxpool.simulator.engine.model import OrderKind, Side
from fxpool.simulator.protocol import executions
from fxpool.simulator.refusal import Refusal

EURUSD = 1
STEP = 100_000
"""The smallest volume of EURUSD, 0.01 lots."""


def trade_at_random(
    engine: Engine, account_id: int, *, begin_ms: int, end_ms: int, steps: int, chance: Random
) -> None:
    """Open, close, close in part, deposit and withdraw; a step takes 1 ms at least."""
    book, price = engine.books[account_id], 112_560
    times = sorted(chance.randrange(begin_ms, end_ms) for _ in range(steps))
    for at_ms in times:
        price = max(50_000, price + chance.randint(-60, 60))
        engine.on_time(at_ms)
        engine.on_tick(EURUSD, price, price + 10, at_ms)
        with suppress(Refusal):  # too little money, too small a rest: brokers refuse that
            _act(engine, book, account_id, at_ms, chance)


def _act(engine: Engine, book: Book, account_id: int, at_ms: int, chance: Random) -> None:
    choice = chance.random()
    if choice < 0.03:
        engine.deposit(account_id, chance.choice([50_000, 20_000, -10_000]), at_ms)
    elif choice < 0.5 and len(book.positions) < 6:
        side = chance.choice([Side.BUY, Side.SELL])
        volume = STEP * chance.randint(1, 6)
        order = PlaceOrder(EURUSD, OrderKind.MARKET, side, volume, comment="by chance")
        engine.submit(account_id, order, at_ms)
    elif book.positions:
        position = chance.choice(list(book.positions.values()))
        volume = chance.choice([position.volume, STEP])
        engine.submit(account_id, ClosePosition(position.position_id, volume), at_ms)


def deals_of(book: Book) -> list[Deal]:
    """Return the broker's deals as the account reads them."""
    mapper = executions.ExecutionMapper(book, {}, 0)
    return [from_wire.deal_from(mapper.deal(deal)) for deal in book.deals]


def cash_flow_of(book: Book) -> list[CashFlow]:
    """Return the broker's cash flow as the account reads it."""
    return [
        from_wire.cash_flow_from(executions.cash_entry(entry)) for entry in book.ledger.cash_entries
    ]


def record_of(entries: list[Entry]) -> AccountRecord:
    """Return the record that takes these entries, given in any order."""
    record = AccountRecord()
    for entry in sorted(entries, key=order_of):
        record.take(entry)
    return record
