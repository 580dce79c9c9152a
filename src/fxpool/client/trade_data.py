"""A caller's trade object, in any of its spellings, to a TradeRequest. Pure.

A copier hands over its whole trade object, so unknown fields are ignored. Which spellings and words
there are is ``mapping``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypedDict, TypeVar

from fxpool.domain.protection import Units
from fxpool.domain.trades import OrderType
from fxpool.errors import InvalidCall
from fxpool.mapping.actions import Action, agreed_action, spoken
from fxpool.mapping.order_words import (
    VolumeUnits,
    parse_units,
    parse_validity,
    parse_volume_units,
)
from fxpool.mapping.spellings import fold, missing, names_of
from fxpool.platforms.base import PlatformError, TradeRequest

T = TypeVar("T")

Number = Decimal | int | float | str
"""A price or a volume. A float stands for the digits that it prints."""

_NAMES: Final = names_of(
    (
        "symbol",
        "action",
        "volume",
        "open_price",
        "stop_loss",
        "take_profit",
        "comment",
        "client_id",
        "expiration",
        "volume_units",
        "risk_percent",
        "stop_limit_price",
        "slippage_points",
        "base_price",
        "stop_loss_units",
        "take_profit_units",
        "trailing_stop_loss",
        "guaranteed_stop_loss",
        "time_in_force",
        "environment",
        "idempotency_key",
        "allow_unsynchronized",
    )
)


class TradeFields(TypedDict, total=False):
    """A trade in keywords: a MetaTrader symbol name, lots, absolute prices.

    ``risk_percent`` of the equity in place of a volume needs a stop loss. Units are MetaApi's words
    (``RELATIVE_PIPS`` …), a volume's are ``LOTS`` or ``UNITS``.
    """

    symbol: str
    action: str
    volume: Number
    volume_units: str
    risk_percent: Number
    stop_limit_price: Number | None
    slippage_points: int | None
    base_price: Number | None
    stop_loss_units: str
    take_profit_units: str
    trailing_stop_loss: bool
    guaranteed_stop_loss: bool
    time_in_force: str | None
    open_price: Number | None
    stop_loss: Number | None
    take_profit: Number | None
    comment: str
    client_id: str
    expiration: datetime | str | None
    environment: str | None
    idempotency_key: str | None
    allow_unsynchronized: bool


def trade_request(data: Mapping[str, Any], kind: OrderType | None = None) -> TradeRequest:
    """Return the order that ``data`` asks for; ``kind`` makes a plain BUY or SELL a pending one.

    A market order has no price and no expiration, and 0 as protection is none.
    Raises PlatformError 422, outcome ``not_executed``, which names the field and the cure.
    """
    fields, action = _understood(data, kind)
    is_pending = action.type is not OrderType.MARKET
    price = _number(fields, "open_price")
    if is_pending and price is None:
        raise malformed(f"{missing('open_price')} for a {spoken(action.type)} order")
    expiration = fields.get("expiration")
    return TradeRequest(
        symbol=str(fields["symbol"]),
        action=action.word,
        volume=_volume(fields),
        open_price=price if is_pending else None,
        stop_loss=_number(fields, "stop_loss") or None,
        take_profit=_number(fields, "take_profit") or None,
        comment=str(fields.get("comment", "")),
        client_id=str(fields.get("client_id", "")),
        expiration=_instant(expiration) if is_pending and expiration is not None else None,
        environment=str(fields["environment"]) if fields.get("environment") else None,
        risk_percent=_number(fields, "risk_percent"),
        stop_limit_price=_number(fields, "stop_limit_price"),
        slippage_points=_points(fields),
        base_price=_number(fields, "base_price"),
        volume_units=_word(fields, "volume_units", parse_volume_units) or VolumeUnits.LOTS,
        stop_loss_units=_word(fields, "stop_loss_units", parse_units) or Units.PRICE,
        take_profit_units=_word(fields, "take_profit_units", parse_units) or Units.PRICE,
        trailing_stop_loss=_flag(fields, "trailing_stop_loss"),
        guaranteed_stop_loss=_flag(fields, "guaranteed_stop_loss"),
        time_in_force=_word(fields, "time_in_force", parse_validity),
        idempotency_key=str(fields["idempotency_key"]) if fields.get("idempotency_key") else None,
        allow_unsynchronized=_flag(fields, "allow_unsynchronized"),
    )


def _understood(data: Mapping[str, Any], kind: OrderType | None) -> tuple[dict[str, Any], Action]:
    try:
        fields = fold(data, _NAMES)
        action = agreed_action(fields.get("action", {}), kind)
    except InvalidCall as exc:
        raise malformed(str(exc)) from exc
    needed = ["symbol"] if fields.get("risk_percent") is not None else ["symbol", "volume"]
    for field in needed:
        if fields.get(field) in (None, ""):
            raise malformed(missing(field))
    return fields, action


def exact(value: Number, field: str) -> Decimal:
    """Return a number as the digits it prints. Raises PlatformError 422 if it is none."""
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        word = "invalid volume, " if field == "volume" else ""  # what callers look for
        raise malformed(f"{field}: {word}{value!r} is not a number of 0 or more")
    return number


def malformed(text: str) -> PlatformError:
    """Return the error for a call that was not sent because it makes no sense."""
    return PlatformError(422, "INVALID_REQUEST", text, outcome="not_executed")


def _number(fields: Mapping[str, Any], field: str) -> Decimal | None:
    value = fields.get(field)
    return None if value is None else exact(value, field)


def _volume(fields: Mapping[str, Any]) -> Decimal | None:
    volume = _number(fields, "volume")
    if volume == 0:
        raise malformed("volume: invalid volume, 0 lots is no order")
    return volume


def _points(fields: Mapping[str, Any]) -> int | None:
    points = _number(fields, "slippage_points")
    if points is not None and points != points.to_integral_value():
        raise malformed(f"slippage_points: {points} is not a whole number")
    return None if points is None else int(points)


def _flag(fields: Mapping[str, Any], field: str) -> bool:
    value = fields.get(field, False)
    if not isinstance(value, bool):
        raise malformed(f"{field}: {value!r:.40} is neither true nor false")
    return value


def _word(fields: Mapping[str, Any], field: str, parse: Callable[[object], T]) -> T | None:
    value = fields.get(field)
    try:
        return None if value is None else parse(value)
    except InvalidCall as exc:
        raise malformed(str(exc)) from exc


def _instant(value: datetime | str) -> datetime:
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise malformed(f"expiration: {value!r} is not an ISO 8601 time") from None
    if at.tzinfo is None:
        raise malformed(f"expiration: {value!r} has no time zone; add Z for UTC")
    return at
