"""Request bodies: what each call takes, in every spelling that callers use.

Each body turns itself into the platform's request. Extra fields are ignored, because copiers
spread whole trade objects into a body. Which spellings and words there are is ``mapping``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from fxpool.domain.protection import Units
from fxpool.domain.trades import OrderType, TimeInForce
from fxpool.errors import InvalidCall
from fxpool.gateway.quick_bodies import QuickModel
from fxpool.gateway.values import (
    Expiry,
    Id,
    Key,
    Label,
    Lots,
    Name,
    Percent,
    Points,
    Price,
    Protection,
)
from fxpool.mapping.actions import WORDS, Action, agreed_action, spoken
from fxpool.mapping.order_words import (
    UNITS_WORDS,
    VALIDITY_WORDS,
    VOLUME_WORDS,
    VolumeUnits,
    parse_units,
    parse_validity,
    parse_volume_units,
)
from fxpool.mapping.spellings import fold, missing, names_of
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest

T = TypeVar("T")


class PoolBody(QuickModel):
    """A JSON object in any mix of spellings.

    Attributes:
        names: the field that each of the names means under which callers send one.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    names: ClassVar[Mapping[str, str]]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.names = names_of(cls.model_fields)

    @model_validator(mode="before")
    @classmethod
    def _fold_spellings(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        try:
            return fold(data, cls.names)
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


def _word(parse: Callable[[object], T]) -> BeforeValidator:
    """Return a validator that reads a word by one of ``mapping``'s tables."""

    def read(value: object) -> object:
        if isinstance(value, Enum):
            return value
        try:
            return parse(value)
        except InvalidCall as exc:
            raise ValueError(str(exc)) from exc

    return BeforeValidator(read)


def _words_schema(words: Iterable[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(words)})


StopUnits = Annotated[Units, _word(parse_units), _words_schema(UNITS_WORDS)]
SizeUnits = Annotated[VolumeUnits, _word(parse_volume_units), _words_schema(VOLUME_WORDS)]
Validity = Annotated[TimeInForce, _word(parse_validity), _words_schema(VALIDITY_WORDS)]

_OPEN_PRICE: Final = "the limit or stop price; also price, limitPrice, stopPrice"
_NEW_PROTECTION: Final = "in its units, absolute prices unless they say otherwise; 0 for none"
_CHANGED_PROTECTION: Final = "in its units; null keeps it, 0 removes it"
_CHANGED_ORDER_PROTECTION: Final = (
    "in its units; null keeps it; 0 removes it, which cTrader refuses: cancel and place anew"
)
_UNITS: Final = "what the number counts; distances are positive, from the entry"
_TRAILING: Final = "whether the broker lets the stop loss follow the price"
_UNSYNCHRONIZED: Final = (
    "send it though positions and orders are not read again yet, or one order cannot be read; the "
    "account must be authorised. Closes and cancels need it only until both are read"
)
_GUARANTEED: Final = "whether the broker guarantees the price of the stop loss"


class AccountBody(PoolBody):
    """A call that names an account. ``region`` and ``environment`` may be absent."""

    account_id: Id = Field(description="routing key, configured id, ctid or login; also accountId")
    environment: Name | None = Field(
        default=None, description="demo or live; a contradiction is refused"
    )


class TrailingDistance(PoolBody):
    """How far a trailing stop loss follows the price."""

    distance: Price
    units: StopUnits = Units.DISTANCE


class TrailingStop(PoolBody):
    """MetaApi's form of a trailing stop loss. The broker keeps a distance, and no thresholds."""

    distance: TrailingDistance

    @model_validator(mode="before")
    @classmethod
    def _refuse_thresholds(cls, data: object) -> object:
        if isinstance(data, Mapping) and data.get("threshold") is not None:
            raise ValueError(
                "the broker keeps no thresholds of a trailing stop loss: send distance"
            )
        return data


class OrderBody(AccountBody):
    """A new order, as ``POST /trade/execute`` takes it."""

    symbol: Name = Field(description="MetaTrader name; a configured suffix is understood")
    action: AnyAction = Field(description="also actionType, side or type; they must agree")
    risk_percent: Percent | None = Field(
        default=None, description="instead of a volume: what the stop loss may cost of the equity"
    )
    volume: Lots | None = Field(
        default=None,
        validate_default=True,
        description="in volumeUnits; may be called lots too",
    )
    volume_units: SizeUnits = Field(default=VolumeUnits.LOTS, description="what volume counts")
    open_price: Price | None = Field(default=None, description=_OPEN_PRICE)
    stop_loss: Protection | None = Field(default=None, description=_NEW_PROTECTION)
    take_profit: Protection | None = Field(default=None, description=_NEW_PROTECTION)
    comment: Label = Field(default="", description="kept at the broker, unchanged")
    client_id: Label = Field(default="", description="becomes the order's label")
    expiration: Expiry | None = Field(
        default=None, description="when a pending order ends, ISO 8601"
    )
    stop_limit_price: Price | None = Field(
        default=None, description="the limit of a stop-limit order, past its stop"
    )
    slippage_points: Points | None = Field(
        default=None, description="how far a market or stop-limit order may fill from its price"
    )
    base_price: Price | None = Field(
        default=None, description="what slippagePoints counts from; absent: the present quote"
    )
    stop_loss_units: StopUnits = Field(default=Units.PRICE, description=_UNITS)
    take_profit_units: StopUnits = Field(default=Units.PRICE, description=_UNITS)
    trailing_stop_loss: bool | TrailingStop = Field(default=False, description=_TRAILING)
    guaranteed_stop_loss: bool = Field(default=False, description=_GUARANTEED)
    time_in_force: Validity | None = Field(default=None, description="how long the order stands")
    idempotency_key: Key | None = Field(
        default=None,
        description="the same key and order again is answered with the first one's result; "
        "also clientOrderId, or the header Idempotency-Key",
    )
    allow_unsynchronized: bool = Field(default=False, description=_UNSYNCHRONIZED)

    @field_validator("volume")
    @classmethod
    def _need_a_volume(cls, volume: Decimal | None, info: ValidationInfo) -> Decimal | None:
        if volume is None and info.data.get("risk_percent") is None:
            raise PydanticKnownError("missing")
        return volume

    @model_validator(mode="after")
    def _check_together(self) -> OrderBody:
        self.check_together()
        return self

    def check_together(self) -> None:
        """Return if there is what the type of order needs. Raises ValueError."""
        if self.action.type is not OrderType.MARKET and self.open_price is None:
            raise ValueError(f"{missing('open_price')} for a {spoken(self.action.type)} order")
        if isinstance(self.trailing_stop_loss, TrailingStop) and self.stop_loss:
            raise ValueError("send stopLoss or the distance in trailingStopLoss, not both")

    def request(self) -> TradeRequest:
        """Return the platform's request; a market order has no price and no expiry."""
        is_pending = self.action.type is not OrderType.MARKET
        stop_loss, units, trailing = self.stop_loss, self.stop_loss_units, self.trailing_stop_loss
        if isinstance(trailing, TrailingStop):
            stop_loss, units = trailing.distance.distance, trailing.distance.units
        return TradeRequest(
            symbol=self.symbol,
            action=self.action.order_type,
            volume=self.volume,
            open_price=self.open_price if is_pending else None,
            stop_loss=stop_loss or None,
            take_profit=self.take_profit or None,
            comment=self.comment,
            client_id=self.client_id,
            expiration=self.expiration if is_pending else None,
            environment=self.environment,
            volume_units=self.volume_units,
            risk_percent=self.risk_percent,
            stop_limit_price=self.stop_limit_price,
            slippage_points=self.slippage_points,
            base_price=self.base_price,
            stop_loss_units=units,
            take_profit_units=self.take_profit_units,
            trailing_stop_loss=bool(trailing),
            guaranteed_stop_loss=self.guaranteed_stop_loss,
            time_in_force=self.time_in_force,
            idempotency_key=self.idempotency_key,
            allow_unsynchronized=self.allow_unsynchronized,
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
    stop_loss_units: StopUnits = Field(default=Units.PRICE, description=_UNITS)
    take_profit_units: StopUnits = Field(default=Units.PRICE, description=_UNITS)
    trailing_stop_loss: bool | None = Field(default=None, description=_TRAILING)
    guaranteed_stop_loss: bool | None = Field(default=None, description=_GUARANTEED)

    def request(self) -> ProtectionRequest:
        return ProtectionRequest(
            position_id=self.position_id,
            stop_loss=self.stop_loss,
            take_profit=self.take_profit,
            environment=self.environment,
            stop_loss_units=self.stop_loss_units,
            take_profit_units=self.take_profit_units,
            trailing_stop_loss=self.trailing_stop_loss,
            guaranteed_stop_loss=self.guaranteed_stop_loss,
        )


class PositionCloseBody(AccountBody):
    """A position to close, whole or in part."""

    position_id: Id
    volume: Lots | None = Field(default=None, description="lots to close; absent closes all")
    idempotency_key: Key | None = Field(
        default=None,
        description="not with volume: a whole close is done once by itself, a part is not",
    )
    allow_unsynchronized: bool = Field(default=False, description=_UNSYNCHRONIZED)

    def request(self) -> CloseRequest:
        return CloseRequest(
            position_id=self.position_id,
            volume=self.volume,
            environment=self.environment,
            allow_unsynchronized=self.allow_unsynchronized,
        )


class SymbolCloseBody(AccountBody):
    """All positions of a symbol to close."""

    symbol: Name = Field(description="MetaTrader name; a configured suffix is understood")


class HaltBody(PoolBody):
    """A stop of all that opens, and why."""

    reason: Label = Field(default="", description="shown wherever the halt is")


class GuardResetBody(PoolBody):
    """A person's word that a limit which was reached may be watched anew."""

    by: Label = Field(default="", description="who resets it, for the audit log")


class OrderCancelBody(AccountBody):
    """A pending order to cancel."""

    order_id: Id
    allow_unsynchronized: bool = Field(default=False, description=_UNSYNCHRONIZED)


class OrderModifyBody(AccountBody):
    """New values for a pending order; absent ones stay."""

    order_id: Id
    open_price: Price | None = Field(default=None, description=_OPEN_PRICE)
    volume: Lots | None = Field(default=None, description="in volumeUnits")
    volume_units: SizeUnits = Field(default=VolumeUnits.LOTS, description="what volume counts")
    stop_loss: Protection | None = Field(default=None, description=_CHANGED_ORDER_PROTECTION)
    take_profit: Protection | None = Field(default=None, description=_CHANGED_ORDER_PROTECTION)
    stop_loss_units: StopUnits = Field(default=Units.PRICE, description=_UNITS)
    take_profit_units: StopUnits = Field(default=Units.PRICE, description=_UNITS)
    trailing_stop_loss: bool | None = Field(default=None, description=_TRAILING)
    guaranteed_stop_loss: bool | None = Field(default=None, description=_GUARANTEED)
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
            volume_units=self.volume_units,
            stop_loss_units=self.stop_loss_units,
            take_profit_units=self.take_profit_units,
            trailing_stop_loss=self.trailing_stop_loss,
            guaranteed_stop_loss=self.guaranteed_stop_loss,
        )


class SymbolBody(PoolBody):
    """A symbol to quote, on one account or on all that have it."""

    symbol: Name = Field(description='MetaTrader name, or "*" for all mapped symbols')
    account_id: Id | None = None


class CallbackBody(PoolBody):
    """A caller that wants to hear of reconnects."""

    callback_id: Label = Field(default="anonymous", description="the caller's own name for it")
    callback_url: Label = Field(
        default="", description="where to POST the event, signed; absent: read the event stream"
    )


class AccountQuery(PoolBody):
    """The query of a read that may be limited to one account."""

    account_id: Id | None = None
    environment: Name | None = None
