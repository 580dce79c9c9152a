"""Orders, positions, deals and entries of the ledger. Pure.

Everything is immutable: a change is a new value, so what was told never changes afterwards.
Prices are integers in 1/100000, volumes in 1/100 of a unit, money in 1/100 of the deposit asset,
times epoch milliseconds. Enum values are the wire's numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction


class Side(IntEnum):
    """Which way a trade goes."""

    BUY = 1
    SELL = 2

    @property
    def opposite(self) -> Side:
        """The side that closes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """1 for what gains by a rising price, -1 for what gains by a falling one."""
        return 1 if self is Side.BUY else -1


class OrderKind(IntEnum):
    """What makes an order trade."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    PROTECTION = 4
    """The hidden order of a position: stop loss in the stop price, take profit in the limit."""
    MARKET_RANGE = 5
    STOP_LIMIT = 6


class OrderStatus(IntEnum):
    """Where an order stands."""

    ACCEPTED = 1
    FILLED = 2
    REJECTED = 3
    EXPIRED = 4
    CANCELLED = 5


class PositionStatus(IntEnum):
    """Where a position stands; CREATED until it has volume."""

    OPEN = 1
    CLOSED = 2
    CREATED = 3


class TimeInForce(IntEnum):
    """How long an order waits."""

    GOOD_TILL_DATE = 1
    GOOD_TILL_CANCEL = 2
    IMMEDIATE_OR_CANCEL = 3
    FILL_OR_KILL = 4
    MARKET_ON_OPEN = 5


class TriggerMethod(IntEnum):
    """Which quotes set off a stop: own side or the other, one or two in a row."""

    TRADE = 1
    OPPOSITE = 2
    DOUBLE_TRADE = 3
    DOUBLE_OPPOSITE = 4

    @property
    def is_opposite(self) -> bool:
        """Whether the side counts that the order does not trade at."""
        return self in (TriggerMethod.OPPOSITE, TriggerMethod.DOUBLE_OPPOSITE)

    @property
    def needed_hits(self) -> int:
        """How many quotes in a row have to reach the stop."""
        return 2 if self in (TriggerMethod.DOUBLE_TRADE, TriggerMethod.DOUBLE_OPPOSITE) else 1


class ExecutionKind(IntEnum):
    """What an execution tells."""

    ACCEPTED = 2
    FILLED = 3
    REPLACED = 4
    CANCELLED = 5
    EXPIRED = 6
    REJECTED = 7
    CANCEL_REJECTED = 8
    SWAP = 9
    DEPOSIT_WITHDRAW = 10
    PARTIAL_FILL = 11
    BONUS_DEPOSIT_WITHDRAW = 12


class CashKind(IntEnum):
    """Why money came or went without a trade."""

    DEPOSIT = 0
    WITHDRAWAL = 1
    GUARANTEED_STOP_CHARGE = 17
    ROLLOVER = 18


@dataclass(frozen=True, slots=True)
class Lot:
    """One fill inside a position; closes take the oldest first.

    Attributes:
        margin_rate: deposit asset per base asset when it was opened.
        usd_rate: dollars per base asset when it was opened.
    """

    volume: int
    price: int
    margin_rate: Fraction
    usd_rate: Fraction = Fraction()


@dataclass(frozen=True, slots=True)
class Levels:
    """What protects a position: two prices, and how the stop behaves.

    Attributes:
        trail_distance: how far a trailing stop stays behind the market; fixed when it is armed.
    """

    stop_loss: int | None = None
    take_profit: int | None = None
    is_trailing: bool = False
    is_guaranteed: bool = False
    trigger: TriggerMethod = TriggerMethod.TRADE
    trail_distance: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is neither price."""
        return self.stop_loss is None and self.take_profit is None


BARE = Levels()
"""No protection at all."""


@dataclass(frozen=True, slots=True)
class Position:
    """A position, from the acceptance of its first order to its end.

    Attributes:
        commission: accrued on opening and not realised yet; zero or negative.
        used_margin: what it holds now.
        filled_ms: when it last grew or shrank.
        protection_order_id: the hidden order that holds the levels, if there is one.
    """

    position_id: int
    symbol_id: int
    side: Side
    label: str
    comment: str
    status: PositionStatus = PositionStatus.CREATED
    lots: tuple[Lot, ...] = ()
    commission: int = 0
    swap: int = 0
    used_margin: int = 0
    opened_ms: int | None = None
    closed_ms: int | None = None
    updated_ms: int | None = None
    filled_ms: int = 0
    levels: Levels = BARE
    protection_order_id: int | None = None

    @property
    def volume(self) -> int:
        """What is open, in 1/100 of a unit."""
        return sum(lot.volume for lot in self.lots)

    @property
    def price(self) -> Fraction:
        """The volume-weighted entry price, in 1/100000; 0 without volume."""
        return mean_price(self.lots)

    @property
    def margin_rate(self) -> Fraction:
        """Deposit asset per base asset at opening, weighted by volume; 0 without volume."""
        volume = self.volume
        if not volume:
            return Fraction()
        return sum((lot.volume * lot.margin_rate for lot in self.lots), Fraction()) / volume


def mean_price(lots: tuple[Lot, ...]) -> Fraction:
    """Return the volume-weighted price of ``lots``; 0 for none."""
    volume = sum(lot.volume for lot in lots)
    return Fraction(sum(lot.volume * lot.price for lot in lots), volume) if volume else Fraction()


def take_oldest(lots: tuple[Lot, ...], volume: int) -> tuple[tuple[Lot, ...], tuple[Lot, ...]]:
    """Return the oldest lots that make up ``volume``, and what is left."""
    taken: list[Lot] = []
    rest = list(lots)
    while volume:
        oldest = rest.pop(0)
        part = min(volume, oldest.volume)
        taken.append(replace(oldest, volume=part))
        if part < oldest.volume:
            rest.insert(0, replace(oldest, volume=oldest.volume - part))
        volume -= part
    return tuple(taken), tuple(rest)


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Protection on a pending order is kept as distances from its fill.

    Attributes:
        stop_loss, take_profit: levels as prices: those that a market-range order brings (SW-34),
            and on an order that closes by request those of its position.
        is_closing: whether it can only reduce a position.
        is_stop_out: whether the broker closes with it for want of margin.
        shows_prices: whether its protection was given as prices (SW-36).
        is_trailing, is_guaranteed: how the stop loss behaves that it brings or holds.
        trigger: what sets off its stop.
        stop_hits: how many quotes in a row have reached its stop.
        is_triggered: whether its stop was reached; it then waits for a fill alone.
        trail_distance: of a protective order that trails.
    """

    order_id: int
    position_id: int
    symbol_id: int
    side: Side
    kind: OrderKind
    volume: int
    time_in_force: TimeInForce
    created_ms: int
    updated_ms: int
    label: str = ""
    comment: str = ""
    client_order_id: str = ""
    is_closing: bool = False
    is_stop_out: bool = False
    status: OrderStatus = OrderStatus.ACCEPTED
    limit_price: int | None = None
    stop_price: int | None = None
    stop_loss: int | None = None
    take_profit: int | None = None
    relative_stop_loss: int | None = None
    relative_take_profit: int | None = None
    shows_prices: bool = False
    is_trailing: bool = False
    is_guaranteed: bool = False
    trigger: TriggerMethod = TriggerMethod.TRADE
    stop_hits: int = 0
    is_triggered: bool = False
    trail_distance: int | None = None
    base_slippage_price: int | None = None
    slippage_points: int | None = None
    expiration_ms: int | None = None
    executed_volume: int = 0
    execution_price: Fraction | None = None
    closed_ms: int | None = None

    @property
    def remaining(self) -> int:
        """The volume that is not filled yet."""
        return self.volume - self.executed_volume


@dataclass(frozen=True, slots=True)
class CloseDetail:
    """What a closing deal realised.

    Attributes:
        commission: the opening share of the closed volume and the closing side together.
        balance: of the account after the deal.
        rate: quote to deposit.
    """

    entry_price: Fraction
    gross: int
    swap: int
    commission: int
    fee: int
    balance: int
    balance_version: int
    rate: Fraction
    closed_volume: int


@dataclass(frozen=True, slots=True)
class Deal:
    """One execution of an order; ``close`` is set where it reduced a position.

    Attributes:
        volume: of the order.
        is_partial: whether the market took less than the order wanted.
    """

    deal_id: int
    order_id: int
    position_id: int
    symbol_id: int
    side: Side
    volume: int
    filled_volume: int
    price: int
    created_ms: int
    executed_ms: int
    commission: int
    margin_rate: Fraction
    base_to_usd: Fraction
    is_partial: bool = False
    close: CloseDetail | None = None


@dataclass(frozen=True, slots=True)
class CashEntry:
    """Money that came or went without a trade; ``delta`` is negative where it went."""

    entry_id: int
    kind: CashKind
    balance: int
    delta: int
    equity: int
    at_ms: int
    balance_version: int
    note: str


@dataclass(frozen=True, slots=True)
class BonusEntry:
    """A bonus that was given or, negative, taken; it is no part of the balance."""

    entry_id: int
    bonus: int
    delta: int
    at_ms: int
    note: str


@dataclass(frozen=True, slots=True)
class MarginCall:
    """A threshold of the margin level, in percent; ``kind`` is 61, 62 or 63."""

    kind: int
    threshold: Decimal
    updated_ms: int | None = None
