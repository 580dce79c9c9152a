"""One account on an engine of its own: commands in, notices out, quotes as the test likes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fxpool.simulator.engine import Engine, Rules
from fxpool.simulator.engine.accounts import AccountSpec
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.commands import (
    AmendProtection,
    ClosePosition,
    Command,
    PlaceOrder,
)
from fxpool.simulator.engine.model import ExecutionKind, OrderKind, Position, Side
from fxpool.simulator.engine.notices import (
    AccountChanged,
    Cause,
    Execution,
    MarginCallReached,
    MarginChanged,
    Notice,
    TrailingStopMoved,
)
from fxpool.simulator.engine.symbols import Asset, DynamicLeverage, Symbol

USD, EUR, JPY, IDX = 15, 5, 8, 40
EURUSD, USDJPY, INDEX = 1, 4, 275
ACCOUNT = 10
START_MS = 1_600_041_600_000
"""Monday 2020-09-14 00:00 UTC."""

SYMBOLS = (
    Symbol(
        symbol_id=EURUSD,
        name="EURUSD",
        description="",
        base_asset_id=EUR,
        quote_asset_id=USD,
        category_id=1,
        digits=5,
        pip_position=4,
        lot_size=10_000_000,
        min_volume=100_000,
        step_volume=100_000,
        max_volume=10_000_000_000,
    ),
    Symbol(
        symbol_id=USDJPY,
        name="USDJPY",
        description="",
        base_asset_id=USD,
        quote_asset_id=JPY,
        category_id=1,
        digits=3,
        pip_position=2,
        lot_size=10_000_000,
        min_volume=100_000,
        step_volume=100_000,
        max_volume=10_000_000_000,
    ),
    Symbol(
        symbol_id=INDEX,
        name="INDEX",
        description="",
        base_asset_id=IDX,
        quote_asset_id=USD,
        category_id=2,
        digits=2,
        pip_position=0,
        lot_size=100,
        min_volume=1,
        step_volume=1,
        max_volume=1_000_000,
    ),
)
ASSETS = (Asset(EUR, "EUR", 2), Asset(USD, "USD", 2), Asset(JPY, "JPY", 0), Asset(IDX, "IDX", 2))

_LETTERS = {
    ExecutionKind.ACCEPTED: "A",
    ExecutionKind.FILLED: "F",
    ExecutionKind.REPLACED: "R",
    ExecutionKind.CANCELLED: "C",
    ExecutionKind.EXPIRED: "E",
    ExecutionKind.REJECTED: "X",
    ExecutionKind.PARTIAL_FILL: "P",
    ExecutionKind.CANCEL_REJECTED: "CX",
    ExecutionKind.SWAP: "swap",
    ExecutionKind.DEPOSIT_WITHDRAW: "cash",
    ExecutionKind.BONUS_DEPOSIT_WITHDRAW: "bonus",
}
_CAUSES = {Cause.REQUEST: "id", Cause.BROKER: "srv", Cause.MARKET: "push"}


def words(notices: list[Notice]) -> list[str]:
    """Return notices in the notation of the protocol notes: a letter, and who caused it."""
    return [_word(one) for one in notices]


def _word(notice: Notice) -> str:
    match notice:
        case Execution():
            return f"{_LETTERS[notice.kind]} {_CAUSES[notice.cause]}"
        case TrailingStopMoved():
            return "trail"
        case MarginCallReached():
            return f"call {notice.call.kind}"
        case MarginChanged():
            return "margin"
        case AccountChanged():
            return "account"


class Trader:
    """An account with 10,000.00 USD at 1:100, on three symbols with one quote each.

    ``symbol`` changes the parameters of EURUSD, ``account`` those of the account.
    """

    def __init__(
        self,
        rules: Rules | None = None,
        *,
        symbol: dict[str, Any] | None = None,
        account: dict[str, Any] | None = None,
        leverages: tuple[DynamicLeverage, ...] = (),
    ) -> None:
        changed = (replace(SYMBOLS[0], **(symbol or {})), *SYMBOLS[1:])
        self.engine = Engine(ASSETS, changed, rules, leverages=leverages)
        self.at_ms = START_MS
        spec = AccountSpec(ACCOUNT, 1, deposit_asset_id=USD, balance=1_000_000)
        self.engine.open_account(replace(spec, **(account or {})), self.at_ms)
        self.tick(112_560, 112_570)
        self.tick(15_000_000, 15_001_000, USDJPY)
        self.tick(1_000_000_000, 1_000_100_000, INDEX)

    @property
    def book(self) -> Book:
        return self.engine.books[ACCOUNT]

    def tick(self, bid: int, ask: int, symbol_id: int = EURUSD) -> list[Notice]:
        """Publish a quote a millisecond later; return what the account hears."""
        self.at_ms += 1
        return [one for _, one in self.engine.on_tick(symbol_id, bid, ask, self.at_ms)]

    def sleep(self, milliseconds: int) -> list[Notice]:
        """Let time pass; return what the account hears."""
        self.at_ms += milliseconds
        return [one for _, one in self.engine.on_time(self.at_ms)]

    def submit(self, command: Command) -> list[Notice]:
        """Carry out a command."""
        return self.engine.submit(ACCOUNT, command, self.at_ms)

    def place(
        self,
        kind: OrderKind = OrderKind.MARKET,
        side: Side = Side.BUY,
        volume: int = 100_000,
        symbol_id: int = EURUSD,
        **fields: Any,
    ) -> list[Notice]:
        """Place an order; a market buy of 0.01 lots EURUSD unless arguments say otherwise."""
        return self.submit(PlaceOrder(symbol_id, kind, side, volume, **fields))

    def open(self, side: Side = Side.BUY, volume: int = 100_000, **fields: Any) -> Position:
        """Open a position and return it as it is then."""
        first = self.place(side=side, volume=volume, **fields)[0]
        assert isinstance(first, Execution)
        assert first.order is not None
        return self.book.positions[first.order.position_id]

    def protect(self, position_id: int, **fields: Any) -> list[Notice]:
        """Amend the protection of a position."""
        return self.submit(AmendProtection(position_id, **fields))

    def close(self, position_id: int, volume: int) -> list[Notice]:
        """Close a position, or a part of it."""
        return self.submit(ClosePosition(position_id, volume))

    def only_position(self) -> Position:
        """Return the one open position."""
        (position,) = self.book.positions.values()
        return position
