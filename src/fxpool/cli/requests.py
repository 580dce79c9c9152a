"""Arguments of the trading commands -> what is asked of the pool. A wrong one ends the command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from fxpool.cli.exits import Exit, fail
from fxpool.cli.options import Measure
from fxpool.domain.protection import Units
from fxpool.domain.trades import TimeInForce
from fxpool.errors import InvalidCall
from fxpool.mapping.order_words import VolumeUnits, parse_validity
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest

_UNITS: Final[dict[Measure, Units]] = {
    "price": Units.PRICE,
    "distance": Units.DISTANCE,
    "points": Units.POINTS,
    "pips": Units.PIPS,
    "money": Units.MONEY,
    "percent": Units.BALANCE_PERCENT,
}


@dataclass(frozen=True, slots=True)
class Protected:
    """``--sl``, ``--tp`` and what they count."""

    stop_loss: str | None = None
    take_profit: str | None = None
    stop_loss_in: Measure = "price"
    take_profit_in: Measure = "price"

    @property
    def stop_loss_units(self) -> Units:
        return _UNITS[self.stop_loss_in]

    @property
    def take_profit_units(self) -> Units:
        return _UNITS[self.take_profit_in]


@dataclass(frozen=True, slots=True)
class Entered:
    """How an order is to be entered: the options of ``fxpool trade`` about its price and time."""

    limit: str | None = None
    stop: str | None = None
    slippage: str | None = None
    base_price: str | None = None
    validity: str | None = None
    expires: str | None = None

    @property
    def kind(self) -> str:
        """The ending of the action's word."""
        if self.stop is None:
            return "" if self.limit is None else "_LIMIT"
        return "_STOP" if self.limit is None and self.slippage is None else "_STOP_LIMIT"


def order_from(
    side: str,
    symbol: str,
    volume: str | None,
    entered: Entered,
    protected: Protected,
    *,
    in_units: bool = False,
    risk: str | None = None,
    trailing: bool = False,
    guaranteed: bool = False,
    comment: str = "",
    label: str = "",
    key: str | None = None,
    allow_unsynchronized: bool = False,
) -> TradeRequest:
    """Return the order that the arguments ask for."""
    _check_volume(volume, risk, protected)
    _check_form(entered)
    if (trailing or guaranteed) and protected.stop_loss is None:
        fail(Exit.USAGE, f"{'--trailing' if trailing else '--guaranteed'} needs --sl")
    is_stop_limit = entered.kind == "_STOP_LIMIT"
    return TradeRequest(
        symbol=symbol,
        action=side.upper() + entered.kind,
        volume=_optional("VOLUME", volume),
        open_price=_optional(*_price_of(entered)),
        stop_loss=_optional("--sl", protected.stop_loss),
        take_profit=_optional("--tp", protected.take_profit),
        comment=comment,
        client_id=label,
        expiration=_instant(entered.expires),
        idempotency_key=key,
        volume_units=VolumeUnits.UNITS if in_units else VolumeUnits.LOTS,
        risk_percent=_optional("--risk", risk),
        stop_limit_price=_optional("--limit", entered.limit) if is_stop_limit else None,
        slippage_points=_points(entered.slippage),
        base_price=_optional("--base-price", entered.base_price),
        stop_loss_units=protected.stop_loss_units,
        take_profit_units=protected.take_profit_units,
        trailing_stop_loss=trailing,
        guaranteed_stop_loss=guaranteed,
        time_in_force=_validity(entered.validity),
        allow_unsynchronized=allow_unsynchronized,
    )


def protection_from(
    position_id: str,
    protected: Protected,
    *,
    trailing: bool | None = None,
    guaranteed: bool | None = None,
) -> ProtectionRequest:
    """Return the protection that the arguments ask for."""
    if {protected.stop_loss, protected.take_profit, trailing, guaranteed} == {None}:
        fail(Exit.USAGE, "nothing to change: give --sl, --tp or both (0 removes a side)")
    return ProtectionRequest(
        position_id,
        _optional("--sl", protected.stop_loss),
        _optional("--tp", protected.take_profit),
        stop_loss_units=protected.stop_loss_units,
        take_profit_units=protected.take_profit_units,
        trailing_stop_loss=trailing,
        guaranteed_stop_loss=guaranteed,
    )


def change_from(
    order_id: str,
    protected: Protected,
    *,
    price: str | None = None,
    volume: str | None = None,
    in_units: bool = False,
    expires: str | None = None,
    trailing: bool | None = None,
    guaranteed: bool | None = None,
) -> OrderChange:
    """Return the change of a pending order that the arguments ask for."""
    given = (price, volume, expires, protected.stop_loss, protected.take_profit)
    if {*given, trailing, guaranteed} == {None}:
        fail(Exit.USAGE, "nothing to change: give --price, --volume, --sl, --tp or --expires")
    return OrderChange(
        order_id,
        open_price=_optional("--price", price),
        volume=_optional("--volume", volume),
        stop_loss=_optional("--sl", protected.stop_loss),
        take_profit=_optional("--tp", protected.take_profit),
        expiration=_instant(expires),
        volume_units=VolumeUnits.UNITS if in_units else VolumeUnits.LOTS,
        stop_loss_units=protected.stop_loss_units,
        take_profit_units=protected.take_profit_units,
        trailing_stop_loss=trailing,
        guaranteed_stop_loss=guaranteed,
    )


def close_from(
    position_id: str, lots: str | None, *, allow_unsynchronized: bool = False
) -> CloseRequest:
    """Return the close that the arguments ask for."""
    return CloseRequest(
        position_id, _optional("LOTS", lots), allow_unsynchronized=allow_unsynchronized
    )


def _check_volume(volume: str | None, risk: str | None, protected: Protected) -> None:
    if (volume is None) == (risk is None):
        fail(Exit.USAGE, "give a VOLUME or --risk, and only one of them")
    if risk is not None and protected.stop_loss is None:
        fail(Exit.USAGE, "--risk needs --sl: what the stop loss costs is the risk")


def _check_form(entered: Entered) -> None:
    if entered.stop is not None and entered.limit is not None and entered.slippage is not None:
        fail(Exit.USAGE, "a stop-limit order has --limit or --slippage beside --stop, not both")
    if entered.stop is None and entered.limit is not None and entered.slippage is not None:
        fail(Exit.USAGE, "--slippage is for orders at the market and with --stop, not --limit")
    if entered.base_price is not None and (entered.kind or entered.slippage is None):
        fail(Exit.USAGE, "--base-price is for orders at the market with --slippage")
    if entered.expires is not None and not entered.kind:
        fail(Exit.USAGE, "--expires is for orders with --limit or --stop")


def _price_of(entered: Entered) -> tuple[str, str | None]:
    if entered.stop is not None:
        return "--stop", entered.stop
    return "--limit", entered.limit


def _validity(word: str | None) -> TimeInForce | None:
    try:
        return None if word is None else parse_validity(word)
    except InvalidCall as exc:
        fail(Exit.USAGE, f"--tif: {exc}")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        fail(Exit.USAGE, f"--expires: {text!r} is no time with an offset: 2027-03-02T09:15:00Z")
    return at


def _points(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal():
        fail(Exit.USAGE, f"--slippage: {text!r} is not a whole number of points, such as 20")
    return int(text)


def _optional(name: str, text: str | None) -> Decimal | None:
    return None if text is None else _number(name, text)


def _number(name: str, text: str) -> Decimal:
    """Return a number exactly as typed; anything else ends the command with its name."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        fail(Exit.USAGE, f"{name}: {text!r} is not a number of zero or more, such as 1.0850")
    return number
