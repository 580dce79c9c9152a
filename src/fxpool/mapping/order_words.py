"""The words in which callers say how an order is measured and how long it stands. Pure.

Every word stands for one value, whatever its case; any other is refused by name. MetaTrader's DAY
and SPECIFIED_DAY end with the broker's day, which cTrader does not tell: they are refused too.

Source: MetaApi documentation, tradeRequest (units, expiration types, filling modes).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from enum import Enum
from typing import Final, TypeVar

from fxpool.domain.protection import Units
from fxpool.domain.symbols import Symbol
from fxpool.domain.trades import Side, TimeInForce
from fxpool.errors import InvalidOrder, TradeRefused

_Value = TypeVar("_Value", bound=Enum)

MAX_POINTS: Final = 2**31 - 1
"""The most that the broker's field for a slippage holds."""


class VolumeUnits(Enum):
    """What the number of a volume counts."""

    LOTS = "LOTS"
    UNITS = "UNITS"


VALIDITY_WORDS: Final[Mapping[str, TimeInForce]] = {
    "GTC": TimeInForce.GOOD_TILL_CANCEL,
    "GOOD_TILL_CANCEL": TimeInForce.GOOD_TILL_CANCEL,
    "ORDER_TIME_GTC": TimeInForce.GOOD_TILL_CANCEL,
    "GTD": TimeInForce.GOOD_TILL_DATE,
    "GOOD_TILL_DATE": TimeInForce.GOOD_TILL_DATE,
    "ORDER_TIME_SPECIFIED": TimeInForce.GOOD_TILL_DATE,
    "IOC": TimeInForce.IMMEDIATE_OR_CANCEL,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IMMEDIATE_OR_CANCEL,
    "ORDER_FILLING_IOC": TimeInForce.IMMEDIATE_OR_CANCEL,
    "FOK": TimeInForce.FILL_OR_KILL,
    "FILL_OR_KILL": TimeInForce.FILL_OR_KILL,
    "ORDER_FILLING_FOK": TimeInForce.FILL_OR_KILL,
    "MOO": TimeInForce.MARKET_ON_OPEN,
    "MARKET_ON_OPEN": TimeInForce.MARKET_ON_OPEN,
}
_DAYS: Final = frozenset({"DAY", "SPECIFIED_DAY"})
UNITS_WORDS: Final[Mapping[str, Units]] = {units.value: units for units in Units}
VOLUME_WORDS: Final[Mapping[str, VolumeUnits]] = {units.value: units for units in VolumeUnits}


def parse_validity(value: object) -> TimeInForce:
    """Return the time in force that a word means. Raises InvalidOrder."""
    if isinstance(value, str) and value.strip().upper().removeprefix("ORDER_TIME_") in _DAYS:
        raise InvalidOrder(
            f"timeInForce={value} ends with the broker's day, which cTrader does not tell: send GTD"
            " with the expiration that you mean"
        )
    return _parse("timeInForce", value, VALIDITY_WORDS)


def parse_units(value: object) -> Units:
    """Return what a protection number counts. Raises InvalidOrder."""
    return _parse("units", value, UNITS_WORDS)


def parse_volume_units(value: object) -> VolumeUnits:
    """Return what a volume counts. Raises InvalidOrder."""
    return _parse("volumeUnits", value, VOLUME_WORDS)


def slippage_of_stop_limit(
    side: Side, stop_price: Decimal, limit_price: Decimal, symbol: Symbol
) -> int:
    """Return the slippage in points that says what a limit beyond a stop says.

    cTrader's stop-limit order has no limit of its own: it fills up to so many points past its
    stop. A limit on the better side of the stop, usual in MetaTrader, has no such form.
    Raises TradeRefused, code ORDER_TYPE_NOT_SUPPORTED, for that.
    """
    past = limit_price - stop_price if side is Side.BUY else stop_price - limit_price
    if past < 0:
        raise TradeRefused(
            "ORDER_TYPE_NOT_SUPPORTED",
            f"a stop-limit order of cTrader fills past its stop only: the limit {limit_price:f} is "
            f"on the better side of the stop {stop_price:f}",
        )
    points = int((past / symbol.tick_size).to_integral_value(rounding=ROUND_FLOOR))
    if points > MAX_POINTS:
        raise InvalidOrder(f"invalid price: the limit {limit_price:f} is out of range")
    return points


def _parse(field: str, value: object, words: Mapping[str, _Value]) -> _Value:
    found = words.get(value.strip().upper()) if isinstance(value, str) else None
    if found is None:
        raise InvalidOrder(f"{field}={value!r:.40} is unknown; send one of {', '.join(words)}")
    return found
