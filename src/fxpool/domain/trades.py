"""Orders, positions and deals: an order is what is asked, a deal is one execution of it, a
position is what the deals open and close.

Volumes are in cents of a unit, prices are Decimals in price units, money is a Decimal in the
account's currency. Enum values equal the wire's numbers; a number that is not here is a
MappingError.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Final

from fxpool.domain.cash import CashOperation


class Side(Enum):
    """Buy or sell."""

    BUY = 1
    SELL = 2

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(Enum):
    """What makes an order execute."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LOSS_TAKE_PROFIT = 4
    MARKET_RANGE = 5
    STOP_LIMIT = 6

    @property
    def rests(self) -> bool:
        """Whether a new order of this type waits in the broker's book."""
        return self in _RESTING


_RESTING: Final = (OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT)


class OrderStatus(Enum):
    """Where an order stands."""

    ACCEPTED = 1
    FILLED = 2
    REJECTED = 3
    EXPIRED = 4
    CANCELLED = 5


class TimeInForce(Enum):
    """How long an order stands."""

    GOOD_TILL_DATE = 1
    GOOD_TILL_CANCEL = 2
    IMMEDIATE_OR_CANCEL = 3
    FILL_OR_KILL = 4
    MARKET_ON_OPEN = 5


class PositionStatus(Enum):
    """Where a position stands. CREATED is also what a close with protection passes through."""

    OPEN = 1
    CLOSED = 2
    CREATED = 3
    ERROR = 4


class DealStatus(Enum):
    """Whether an execution happened. Only the first two moved anything."""

    FILLED = 2
    PARTIALLY_FILLED = 3
    REJECTED = 4
    INTERNALLY_REJECTED = 5
    ERROR = 6
    MISSED = 7

    @property
    def executed(self) -> bool:
        return self in {DealStatus.FILLED, DealStatus.PARTIALLY_FILLED}


class ExecutionType(Enum):
    """What an execution event reports."""

    ORDER_ACCEPTED = 2
    ORDER_FILLED = 3
    ORDER_REPLACED = 4
    ORDER_CANCELLED = 5
    ORDER_EXPIRED = 6
    ORDER_REJECTED = 7
    ORDER_CANCEL_REJECTED = 8
    SWAP = 9
    DEPOSIT_WITHDRAW = 10
    ORDER_PARTIAL_FILL = 11
    BONUS_DEPOSIT_WITHDRAW = 12


class StopTrigger(Enum):
    """Which side of the quote triggers a stop, and how often it must be seen there."""

    TRADE = 1
    OPPOSITE = 2
    DOUBLE_TRADE = 3
    DOUBLE_OPPOSITE = 4


class CloseReason(Enum):
    """Why a position closed, inferred from the closing order."""

    TAKE_PROFIT = "TAKE_PROFIT"
    STOP_LOSS = "STOP_LOSS"
    STOP_OUT = "STOP_OUT"
    MANUAL = "MANUAL"
    EA_CLOSE = "EA_CLOSE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the broker shows it."""

    order_id: int
    position_id: int | None
    symbol_id: int
    side: Side
    type: OrderType
    status: OrderStatus
    time_in_force: TimeInForce
    volume_cents: int
    executed_volume_cents: int
    limit_price: Decimal | None
    stop_price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    relative_stop_loss: Decimal | None
    relative_take_profit: Decimal | None
    trailing_stop_loss: bool
    guaranteed_stop_loss: bool
    slippage_points: int | None
    execution_price: Decimal | None
    is_closing: bool
    is_stop_out: bool
    client_order_id: str
    label: str
    comment: str
    opened_at: datetime | None
    updated_at: datetime | None
    expires_at: datetime | None
    stop_trigger: StopTrigger | None = None

    @property
    def is_protection(self) -> bool:
        """Whether this is the server's own order behind a position's stop loss and take profit."""
        return self.type is OrderType.STOP_LOSS_TAKE_PROFIT

    @property
    def price(self) -> Decimal | None:
        """The price at which a resting order triggers: the limit of a LIMIT, else the stop."""
        return self.limit_price if self.type is OrderType.LIMIT else self.stop_price


@dataclass(frozen=True, slots=True)
class Position:
    """A position as the broker shows it. ``price`` is the volume-weighted entry, unrounded."""

    position_id: int
    symbol_id: int
    side: Side
    status: PositionStatus
    volume_cents: int
    price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    trailing_stop_loss: bool
    guaranteed_stop_loss: bool
    swap: Decimal
    commission: Decimal
    used_margin: Decimal | None
    margin_rate: Decimal | None
    money_digits: int
    label: str
    comment: str
    opened_at: datetime | None
    updated_at: datetime | None
    stop_trigger: StopTrigger | None = None


@dataclass(frozen=True, slots=True)
class UnrealisedProfit:
    """The broker's own result of an open position, in the account's currency.

    Attributes:
        net: with swap and commission so far, without those of the close.
        unit: the smallest amount that the answer can tell.
    """

    gross: Decimal
    net: Decimal
    unit: Decimal


@dataclass(frozen=True, slots=True)
class CloseDetail:
    """The money side of a closing deal.

    Attributes:
        commission: the opening share of the closed volume plus the closing side.
        balance: the account's balance after this deal.
    """

    entry_price: Decimal
    gross_profit: Decimal
    swap: Decimal
    commission: Decimal
    conversion_fee: Decimal
    balance: Decimal
    balance_version: int | None
    closed_volume_cents: int | None
    quote_to_deposit_rate: Decimal | None

    @property
    def net_profit(self) -> Decimal:
        """What the balance changed by."""
        return self.gross_profit + self.swap + self.commission + self.conversion_fee


@dataclass(frozen=True, slots=True)
class Deal:
    """One execution of an order."""

    deal_id: int
    order_id: int
    position_id: int
    symbol_id: int
    side: Side
    status: DealStatus
    volume_cents: int
    filled_volume_cents: int
    price: Decimal | None
    commission: Decimal
    margin_rate: Decimal | None
    executed_at: datetime
    close: CloseDetail | None


@dataclass(frozen=True, slots=True)
class CashFlow:
    """A deposit or withdrawal: ``delta`` is signed, ``balance`` is the account's after it."""

    history_id: int
    delta: Decimal
    balance: Decimal
    balance_version: int | None
    at: datetime
    operation: CashOperation

    @property
    def is_transfer(self) -> bool:
        """Whether it moves the owner's capital, and is no result. Of an operation that nobody
        knows, what came does and what went does not: so no limit hides a loss behind it."""
        if self.operation is CashOperation.UNKNOWN:
            return self.delta > 0
        return self.operation.is_transfer


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution event in the domain's words."""

    type: ExecutionType
    order: Order | None
    position: Position | None
    deal: Deal | None
    cash_flow: CashFlow | None
    error_code: str
    by_server: bool
