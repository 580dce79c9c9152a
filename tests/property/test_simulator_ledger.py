"""Random trading against the simulated broker: money is conserved, books hold together."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from fxpool.openapi.proto import messages_pb2 as m
from fxpool.simulator.catalogue import DEFAULT_CATALOGUE
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.commands import (
    AmendOrder,
    AmendProtection,
    CancelOrder,
    ClosePosition,
    Command,
    PlaceOrder,
)
from fxpool.simulator.engine.model import Order, OrderKind, OrderStatus, PositionStatus, Side
from fxpool.simulator.market.synthetic import SyntheticMarket
from fxpool.simulator.refusal import Refusal
from fxpool.simulator.venue import Venue
from harness.terminal import ACCOUNT, EUR_ACCOUNT, NETTED, NO_LIMITS, START_MS, make_venue
from harness.terminal import Terminal as Connection

STEPS = 1500


class Trader:
    """Chooses commands by chance; most make sense, some do not."""

    def __init__(self, venue: Venue, book: Book, random: Random) -> None:
        self._venue, self._desk, self._random = venue, book, random

    def command(self) -> Command:
        choices: list[Callable[[], Command]] = [self._place, self._place, self._pend]
        if self._desk.positions:
            choices += [self._close, self._close, self._protect]
        if self._desk.orders:
            choices += [self._cancel, self._amend]
        return self._random.choice(choices)()

    def _volume(self, symbol_id: int) -> int:
        symbol = self._venue.engine.symbols[symbol_id]
        return symbol.min_volume + symbol.step_volume * self._random.randint(0, 5)

    def _market(self, symbol_id: int) -> tuple[int, int]:
        quote = self._venue.engine.rates.quote(symbol_id)
        return quote.bid, self._venue.engine.symbols[symbol_id].price_step

    def _place(self) -> Command:
        symbol_id = self._random.choice(list(self._venue.engine.symbols))
        _, step = self._market(symbol_id)
        distances = [None, step * self._random.randint(5, 400)]
        return PlaceOrder(
            symbol_id,
            OrderKind.MARKET,
            self._random.choice(list(Side)),
            self._volume(symbol_id),
            relative_stop_loss=self._random.choice(distances),
            relative_take_profit=self._random.choice(distances),
        )

    def _pend(self) -> Command:
        symbol_id = self._random.choice(list(self._venue.engine.symbols))
        bid, step = self._market(symbol_id)
        price = bid + step * self._random.randint(-100, 100)
        kind = self._random.choice([OrderKind.LIMIT, OrderKind.STOP, OrderKind.STOP_LIMIT])
        return PlaceOrder(
            symbol_id,
            kind,
            self._random.choice(list(Side)),
            self._volume(symbol_id),
            limit_price=price,
            stop_price=price,
            slippage_points=self._random.randint(0, 20),
        )

    def _close(self) -> Command:
        position = self._random.choice(list(self._desk.positions.values()))
        part = self._random.choice([position.volume, self._volume(position.symbol_id)])
        return ClosePosition(position.position_id, part)

    def _protect(self) -> Command:
        position = self._random.choice(list(self._desk.positions.values()))
        bid, step = self._market(position.symbol_id)
        levels = [None, bid + step * self._random.randint(-300, 300)]
        return AmendProtection(
            position.position_id, self._random.choice(levels), self._random.choice(levels)
        )

    def _cancel(self) -> Command:
        return CancelOrder(self._random.choice(list(self._desk.orders)))

    def _amend(self) -> Command:
        order = self._random.choice(list(self._desk.orders.values()))
        bid, step = self._market(order.symbol_id)
        price = bid + step * self._random.randint(-100, 100)
        return AmendOrder(order.order_id, limit_price=price, stop_price=price)


def check_ledger(book: Book) -> None:
    deposits = sum(entry.delta for entry in book.ledger.cash_entries)
    closes = [deal.close for deal in book.deals if deal.close is not None]
    realised = sum(one.gross + one.swap + one.commission + one.fee for one in closes)
    assert book.ledger.balance == deposits + realised
    assert book.ledger.version == 1 + len(book.ledger.cash_entries) + len(closes)
    accrued = sum(position.commission for position in book.positions.values())
    charged = sum(deal.commission for deal in book.deals)
    assert charged == accrued + sum(one.commission for one in closes)


def check_book(book: Book) -> None:
    for position in book.positions.values():
        assert position.status is PositionStatus.OPEN
        assert position.volume > 0
        deals = [deal for deal in book.deals if deal.position_id == position.position_id]
        signed = sum(
            deal.filled_volume if deal.side is position.side else -deal.filled_volume
            for deal in deals
        )
        assert position.volume == signed
        has_levels = not position.levels.is_empty
        assert (position.protection_order_id in book.orders) is has_levels
    for order in book.orders.values():
        assert order.status is OrderStatus.ACCEPTED
        if order.kind is OrderKind.PROTECTION:
            position = book.positions[order.position_id]
            assert order.volume == position.volume
            assert (order.stop_price, order.limit_price) == (
                position.levels.stop_loss,
                position.levels.take_profit,
            )


def check_limits(orders: list[Order]) -> None:
    """No order with a limit fills worse than that, and no fill exceeds its order."""
    for order in orders:
        assert order.executed_volume <= order.volume
        if order.execution_price is None or order.kind is OrderKind.PROTECTION:
            continue
        if order.limit_price is not None:
            gain = order.limit_price - order.execution_price
            assert gain * (1 if order.side is Side.BUY else -1) >= 0


@pytest.mark.parametrize("account_id", [ACCOUNT, EUR_ACCOUNT, NETTED])
@pytest.mark.parametrize("seed", range(3))
def test_the_ledger_balances_after_thousands_of_random_commands(account_id: int, seed: int) -> None:
    random, venue = Random(seed), make_venue()
    market = SyntheticMarket(DEFAULT_CATALOGUE, random)
    book = venue.engine.books[account_id]
    trader, refused = Trader(venue, book, random), 0
    for step in range(STEPS):
        at_ms = START_MS + step
        for tick in market.step():
            venue.tick(*tick, at_ms)
        try:
            venue.engine.submit(account_id, trader.command(), at_ms)
        except Refusal:
            refused += 1
        if step % 50 == 0:
            check_book(book)
            check_ledger(book)
    check_book(book)
    check_ledger(book)
    check_limits(list(book.history.values()))
    assert len(book.deals) > STEPS // 10
    assert refused < STEPS


def _conversation(seed: int) -> bytes:
    """Return every byte that a broker sends in a random conversation."""
    random, venue = Random(seed), make_venue(NO_LIMITS)
    market = SyntheticMarket(DEFAULT_CATALOGUE, Random(seed))
    terminal = Connection(venue)
    terminal.authenticate()
    terminal.authorise()
    symbol_ids = list(venue.engine.symbols)
    terminal.ask_all(m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=symbol_ids))
    for _ in range(200):
        terminal.at_ms += random.randint(1, 500)
        for tick in market.step():
            venue.tick(*tick, terminal.at_ms)
        terminal.order(
            symbolId=random.choice([1, 2, 3]),
            tradeSide=random.choice([1, 2]),
            relativeStopLoss=100 * random.randint(1, 5),
            trailingStopLoss=random.choice([False, True]),
        )
        terminal.ask(m.ProtoOAReconcileReq(ctidTraderAccountId=ACCOUNT))
    return bytes(terminal.sent)


def test_the_same_seed_and_requests_give_the_same_bytes() -> None:
    assert _conversation(7) == _conversation(7)
    assert _conversation(7) != _conversation(8)
