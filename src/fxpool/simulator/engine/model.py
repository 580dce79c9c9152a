"""Orders, positions and deals, the commands that change them and the executions that tell it. Pure.

Everything is immutable: a change is a new value, so an execution holds the very state it tells.
Prices are integers in 1/100000, volumes in 1/100 of a unit, money in 1/100 of the deposit asset,
times epoch milliseconds. Enum values are the wire's numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
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


class ExecutionKind(IntEnum):
    """What an execution tells."""

    ACCEPTED = 2
    FILLED = 3
    REPLACED = 4
    CANCELLED = 5
    EXPIRED = 6
    REJECTED = 7
    DEPOSIT_WITHDRAW = 10
    PARTIAL_FILL = 11


class AccountType(IntEnum):
    """How positions of one symbol live together."""

    HEDGED = 0
    NETTED = 1


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """An account as the broker opens it.

    Attributes:
        account_id: the ``ctidTraderAccountId``.
        login: the number that the trader sees.
        balance: the first deposit, in 1/100 of the deposit asset.
        leverage_cents: 10000 for 1:100.
    """

    account_id: int
    login: int
    deposit_asset_id: int
    balance: int
    account_type: AccountType = AccountType.HEDGED
    is_live: bool = False
    leverage_cents: int = 10_000


@dataclass(frozen=True, slots=True)
class Lot:
    """One fill inside a position; closes take the oldest first."""

    volume: int
    price: int
    margin_rate: Fraction


@dataclass(frozen=True, slots=True)
class Position:
    """A position, from the acceptance of its first order to its end.

    Attributes:
        commission: accrued on opening and not realised yet; zero or negative.
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
    opened_ms: int | None = None
    closed_ms: int | None = None
    updated_ms: int | None = None
    stop_loss: int | None = None
    take_profit: int | None = None
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
        taken.append(Lot(part, oldest.price, oldest.margin_rate))
        if part < oldest.volume:
            rest.insert(0, Lot(oldest.volume - part, oldest.price, oldest.margin_rate))
        volume -= part
    return tuple(taken), tuple(rest)


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Protection on a pending order is kept as distances from its fill (SW-36).

    Attributes:
        is_closing: whether it can only reduce a position.
        is_triggered: a stop-limit order whose stop was reached and which now waits as a limit.
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
    status: OrderStatus = OrderStatus.ACCEPTED
    limit_price: int | None = None
    stop_price: int | None = None
    relative_stop_loss: int | None = None
    relative_take_profit: int | None = None
    base_slippage_price: int | None = None
    slippage_points: int | None = None
    expiration_ms: int | None = None
    is_triggered: bool = False
    executed_volume: int = 0
    execution_price: int | None = None
    closed_ms: int | None = None


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
    """One execution of an order; ``close`` is set where it reduced a position."""

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
    close: CloseDetail | None = None


@dataclass(frozen=True, slots=True)
class CashEntry:
    """Money that came or went without a trade; ``delta`` is negative for a withdrawal."""

    entry_id: int
    balance: int
    delta: int
    equity: int
    at_ms: int
    balance_version: int
    note: str


@dataclass(frozen=True, slots=True)
class Execution:
    """Something that happened on an account: the content of one execution event.

    Attributes:
        is_server: whether the broker did it by itself; no request owns it then.
        error_code: set where an order failed after it existed.
    """

    kind: ExecutionKind
    position: Position | None = None
    order: Order | None = None
    deal: Deal | None = None
    cash: CashEntry | None = None
    is_server: bool = False
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Place an order; ``position_id`` adds to that position or reduces it."""

    symbol_id: int
    kind: OrderKind
    side: Side
    volume: int
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCEL
    limit_price: int | None = None
    stop_price: int | None = None
    stop_loss: int | None = None
    take_profit: int | None = None
    relative_stop_loss: int | None = None
    relative_take_profit: int | None = None
    base_slippage_price: int | None = None
    slippage_points: int | None = None
    expiration_ms: int | None = None
    label: str = ""
    comment: str = ""
    client_order_id: str = ""
    position_id: int | None = None


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel a pending order."""

    order_id: int


@dataclass(frozen=True, slots=True)
class AmendOrder:
    """Amend a pending order; what is None stays as it is."""

    order_id: int
    volume: int | None = None
    limit_price: int | None = None
    stop_price: int | None = None
    stop_loss: int | None = None
    take_profit: int | None = None
    relative_stop_loss: int | None = None
    relative_take_profit: int | None = None
    slippage_points: int | None = None
    expiration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AmendProtection:
    """Set both protective levels of a position; None removes a level."""

    position_id: int
    stop_loss: int | None = None
    take_profit: int | None = None


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Close a position, or a part of it."""

    position_id: int
    volume: int


Command = PlaceOrder | CancelOrder | AmendOrder | AmendProtection | ClosePosition
