"""What MetaApi says, as values: its documented entities, read strictly and exactly. Pure.

Numbers are Decimals with the digits that came; times are aware datetimes. A field that MetaApi
documents as optional may be missing; one that it promises and leaves out, or an unknown word where
a word decides what we do, is an error. Fields that nothing here reads are ignored.

Source: MetaApi documentation, models of the client API (metatraderAccountInformation,
metatraderPosition, metatraderOrder, metatraderDeal, metatraderSymbolSpecification,
metatraderSymbolPrice, metatraderCandle, metatraderTradeResponse, error).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from fxpool.mapping.formats import Direction, OrderTypeName

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Id = str | int
"""Ids are texts of digits; some examples show numbers, so both are read."""


class Entity(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An answer of MetaApi."""


class Information(Entity, frozen=True):
    """The state of an account's money."""

    platform: str
    broker: str
    currency: str
    server: str
    balance: Decimal
    equity: Decimal
    margin: Decimal
    free_margin: Decimal
    leverage: Decimal
    name: str
    login: Id
    margin_level: Decimal | None = None
    trade_allowed: bool = True
    investor_mode: bool = False
    margin_mode: str = ""
    credit: Decimal = Decimal(0)
    currency_digits: int = 2
    type: str = ""


class Position(Entity, frozen=True):
    """An open position. ``unrealized_profit`` leaves swap and commission out."""

    id: Id
    type: Direction
    symbol: str
    time: Instant
    open_price: Decimal
    volume: Decimal
    magic: int = 0
    broker_time: str = ""
    update_time: Instant | None = None
    current_price: Decimal | None = None
    current_tick_value: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    swap: Decimal = Decimal(0)
    commission: Decimal = Decimal(0)
    profit: Decimal | None = None
    unrealized_profit: Decimal | None = None
    realized_profit: Decimal | None = None
    comment: str = ""
    client_id: str = ""
    trailing_stop_loss: dict[str, Any] | bool | None = None


class Order(Entity, frozen=True):
    """A pending order, or one of the past (then with ``done_time``)."""

    id: Id
    type: OrderTypeName | Literal["ORDER_TYPE_CLOSE_BY"]
    state: str
    symbol: str
    time: Instant
    volume: Decimal
    current_volume: Decimal = Decimal(0)
    open_price: Decimal | None = None
    current_price: Decimal | None = None
    stop_limit_price: Decimal | None = None
    magic: int = 0
    done_time: Instant | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    position_id: Id | None = None
    comment: str = ""
    client_id: str = ""
    reason: str = ""
    expiration_time: Instant | None = None


class Deal(Entity, frozen=True):
    """One execution, or a cash operation, which has no symbol and no volume. A closing deal has
    the levels that its position had last."""

    id: Id
    type: str
    time: Instant
    profit: Decimal
    entry_type: str = ""
    symbol: str = ""
    volume: Decimal = Decimal(0)
    price: Decimal | None = None
    commission: Decimal = Decimal(0)
    swap: Decimal = Decimal(0)
    broker_time: str = ""
    position_id: Id | None = None
    order_id: Id | None = None
    comment: str = ""
    client_id: str = ""
    reason: str = ""
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None

    @property
    def closes(self) -> bool:
        """Whether it closed something: an exit, a reversal, a close-by."""
        return self.turns or self.entry_type in {"DEAL_ENTRY_OUT", "DEAL_ENTRY_OUT_BY"}

    @property
    def turns(self) -> bool:
        """Whether it closed a netted position and opened one of the other side with the rest."""
        return self.entry_type == "DEAL_ENTRY_INOUT"

    @property
    def net_profit(self) -> Decimal:
        """What it changed the balance by."""
        return self.profit + self.swap + self.commission


class Specification(Entity, frozen=True):
    """What may be traded of a symbol; volumes are lots."""

    symbol: str
    digits: int
    tick_size: Decimal
    min_volume: Decimal
    max_volume: Decimal
    volume_step: Decimal
    contract_size: Decimal
    pip_size: Decimal | None = None


class Price(Entity, frozen=True):
    """The newest quote of a symbol that MetaApi's terminal has."""

    symbol: str
    bid: Decimal
    ask: Decimal
    time: Instant
    broker_time: str = ""
    profit_tick_value: Decimal | None = None
    loss_tick_value: Decimal | None = None


class Candle(Entity, frozen=True):
    """A bar; ``time`` is its opening."""

    symbol: str
    timeframe: str
    time: Instant
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    tick_volume: Decimal = Decimal(0)


class TradeAnswer(Entity, frozen=True):
    """What MetaApi says became of a trade; only some codes mean that it was done."""

    numeric_code: int
    string_code: str
    message: str = ""
    order_id: Id | None = None
    position_id: Id | None = None


class ErrorAnswer(Entity, frozen=True):
    """The body of a failed call. ``metadata`` comes with a 429, in one of three shapes."""

    error: str = ""
    message: str = ""
    details: Any = None
    metadata: dict[str, Any] = {}


class Provisioned(Entity, frozen=True):
    """An account as it is set up at MetaApi."""

    region: str
    state: str = ""
    connection_status: str = ""
    name: str = ""
    login: Id = ""
    type: str = ""


def text_id(value: Id | None) -> str | None:
    """Return an id as the text that callers compare."""
    return None if value is None else str(value)
