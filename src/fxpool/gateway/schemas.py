"""Request bodies: what each call takes, in every spelling that callers use.

Each body turns itself into the platform's request. Extra fields are ignored, because copiers
spread whole trade objects into a body. Which spellings and words there are is ``mapping``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from fxpool.domain.trades import OrderType
from fxpool.errors import InvalidCall
from fxpool.gateway.values import Expiry, Id, Label, Lots, Name, Price, Protection, Words
from fxpool.mapping.actions import WORDS, Action, agreed_action, spoken
from fxpool.mapping.spellings import fold, missing
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest
from fxpool.platforms.events import EventFilter


class PoolBody(BaseModel):
    """A JSON object in any mix of spellings."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _fold_spellings(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        try:
            return fold(data, cls.model_fields)
        except InvalidCall as exc:
            raise ValueError(str(exc)) from exc  # the only refusal that pydantic reports


def _action(given: Mapping[str, object], kind: OrderType | None = None) -> Action:
    try:
        return agreed_action(given, kind)
    except InvalidCall as exc:
        raise ValueError(str(exc)) from exc


_ACTION_SCHEMA: Final = WithJsonSchema({"type": "string", "enum": list(WORDS)})
AnyAction = Annotated[Action, BeforeValidator(_action), _ACTION_SCHEMA]
LimitAction = Annotated[
    Action, BeforeValidator(partial(_action, kind=OrderType.LIMIT)), _ACTION_SCHEMA
]
StopAction = Annotated[
    Action, BeforeValidator(partial(_action, kind=OrderType.STOP)), _ACTION_SCHEMA
]

_OPEN_PRICE: Final = "the limit or stop price; also price, limitPrice, stopPrice"
_NEW_PROTECTION: Final = "an absolute price; null or 0 for none"
_CHANGED_PROTECTION: Final = "an absolute price; null keeps it, 0 removes it"


class AccountBody(PoolBody):
    """A call that names an account. ``region`` and ``environment`` may be absent."""

    account_id: Id = Field(description="routing key, configured id, ctid or login; also accountId")
    environment: Name | None = Field(
        default=None, description="demo or live; a contradiction is refused"
    )


class OrderBody(AccountBody):
    """A new order, as ``POST /trade/execute`` takes it."""

    symbol: Name = Field(description="MetaTrader name; a configured suffix is understood")
    action: AnyAction = Field(description="also actionType, side or type; they must agree")
    volume: Lots = Field(description="in lots; may be called lots too")
    open_price: Price | None = Field(default=None, description=_OPEN_PRICE)
    stop_loss: Protection | None = Field(default=None, description=_NEW_PROTECTION)
    take_profit: Protection | None = Field(default=None, description=_NEW_PROTECTION)
    comment: Label = Field(default="", description="kept at the broker, unchanged")
    client_id: Label = Field(default="", description="becomes the order's label")
    expiration: Expiry | None = Field(
        default=None, description="when a pending order ends, ISO 8601"
    )

    @model_validator(mode="after")
    def _need_a_price(self) -> OrderBody:
        if self.action.type is not OrderType.MARKET and self.open_price is None:
            raise ValueError(f"{missing('open_price')} for a {spoken(self.action.type)} order")
        return self

    def request(self) -> TradeRequest:
        """Return the platform's request; a market order has no price and no expiry."""
        is_pending = self.action.type is not OrderType.MARKET
        return TradeRequest(
            symbol=self.symbol,
            action=self.action.order_type,
            volume=self.volume,
            open_price=self.open_price if is_pending else None,
            stop_loss=self.stop_loss or None,
            take_profit=self.take_profit or None,
            comment=self.comment,
            client_id=self.client_id,
            expiration=self.expiration if is_pending else None,
            environment=self.environment,
        )


class LimitOrderBody(OrderBody):
    """A limit order; a plain BUY or SELL means that side."""

    action: LimitAction = Field(description="also actionType, side or type; they must agree")


class StopOrderBody(OrderBody):
    """A stop order; a plain BUY or SELL means that side."""

    action: StopAction = Field(description="also actionType, side or type; they must agree")


class PositionModifyBody(AccountBody):
    """New protection for a position."""

    position_id: Id
    stop_loss: Protection | None = Field(default=None, description=_CHANGED_PROTECTION)
    take_profit: Protection | None = Field(default=None, description=_CHANGED_PROTECTION)

    def request(self) -> ProtectionRequest:
        return ProtectionRequest(
            position_id=self.position_id,
            stop_loss=self.stop_loss,
            take_profit=self.take_profit,
            environment=self.environment,
        )


class PositionCloseBody(AccountBody):
    """A position to close, whole or in part."""

    position_id: Id
    volume: Lots | None = Field(default=None, description="lots to close; absent closes all")

    def request(self) -> CloseRequest:
        return CloseRequest(
            position_id=self.position_id, volume=self.volume, environment=self.environment
        )


class OrderCancelBody(AccountBody):
    """A pending order to cancel."""

    order_id: Id


class OrderModifyBody(AccountBody):
    """New values for a pending order; absent ones stay."""

    order_id: Id
    open_price: Price | None = Field(default=None, description=_OPEN_PRICE)
    volume: Lots | None = None
    stop_loss: Protection | None = Field(default=None, description=_CHANGED_PROTECTION)
    take_profit: Protection | None = Field(default=None, description=_CHANGED_PROTECTION)
    expiration: Expiry | None = None

    def request(self) -> OrderChange:
        return OrderChange(
            order_id=self.order_id,
            open_price=self.open_price,
            volume=self.volume,
            stop_loss=self.stop_loss,
            take_profit=self.take_profit,
            expiration=self.expiration,
            environment=self.environment,
        )


class SymbolBody(PoolBody):
    """A symbol to quote, on one account or on all that have it."""

    symbol: Name = Field(description='MetaTrader name, or "*" for all mapped symbols')
    account_id: Id | None = None


class CallbackBody(PoolBody):
    """A caller that wants to hear of reconnects."""

    callback_id: Label = Field(default="anonymous", description="the caller's own name for it")


class AccountQuery(PoolBody):
    """The query of a read that may be limited to one account."""

    account_id: Id | None = None
    environment: Name | None = None


class StreamOptions(PoolBody):
    """What one event stream delivers, and how."""

    accounts: Words = Field(default=None, description="account keys; absent: all")
    symbols: Words = Field(
        default=None, description="MetaTrader names; events without a symbol pass"
    )
    types: Words = Field(default=None, description="event types; absent: all, snapshots first")
    batch: bool = Field(
        default=False, description="one JSON array per message instead of one event"
    )
    flush_ms: float = Field(default=0, ge=0, le=20, description="at most one write in so many ms")
    last_event_id: Label = Field(default="", description="accepted; answered by a fresh snapshot")

    def wanted(self) -> EventFilter:
        return EventFilter(accounts=self.accounts, symbols=self.symbols, types=self.types)
