"""How far from its entry a position is protected, and how large it may be for a given risk. Pure.

Distances are Decimals in price units, always positive, and lie on the tick. What a tick is worth is
the value of now (``TickValues``): where the quote currency is not the account's, the money at the
stop moves with the conversion rate. Commission and swap are left out.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import Enum

from fxpool.domain.symbols import Symbol, TickValues
from fxpool.domain.trades import Side
from fxpool.errors import InvalidOrder, InvalidVolume, NoQuote

_PERCENT = Decimal(100)


class Level(Enum):
    """The two sides of a protection."""

    STOP_LOSS = "stop loss"
    TAKE_PROFIT = "take profit"

    def price(self, entry: Decimal, side: Side, distance: Decimal) -> Decimal:
        """Return the price that lies ``distance`` from the entry on this level's own side."""
        is_above = (side is Side.BUY) is (self is Level.TAKE_PROFIT)
        return entry + distance if is_above else entry - distance


class Units(Enum):
    """What the number of a protection level counts; the values are MetaApi's words."""

    PRICE = "ABSOLUTE_PRICE"
    DISTANCE = "RELATIVE_PRICE"
    POINTS = "RELATIVE_POINTS"
    PIPS = "RELATIVE_PIPS"
    MONEY = "RELATIVE_CURRENCY"
    BALANCE_PERCENT = "RELATIVE_BALANCE_PERCENTAGE"

    @property
    def is_money(self) -> bool:
        """Whether the distance depends on the volume and on what a tick is worth."""
        return self is Units.MONEY or self is Units.BALANCE_PERCENT


def distance_of(
    level: Level,
    amount: Decimal,
    units: Units,
    symbol: Symbol,
    *,
    volume_cents: int = 0,
    ticks: TickValues | None = None,
    balance: Decimal | None = None,
) -> Decimal:
    """Return a level's distance in price units, on the tick.

    ``volume_cents``, ``ticks`` and, for percent, ``balance`` are needed for units of money only.
    Raises NoQuote where one of them is not known, InvalidOrder for less than a tick.
    """
    match units:
        case Units.PRICE:
            raise InvalidOrder("an absolute price is no distance")
        case Units.DISTANCE:
            distance = amount
        case Units.POINTS:
            distance = amount * symbol.tick_size
        case Units.PIPS:
            distance = amount * symbol.pip_size
        case Units.MONEY:
            distance = _of_money(level, amount, symbol, volume_cents, ticks)
        case Units.BALANCE_PERCENT:
            if balance is None:
                raise NoQuote("the balance is not known, so a percentage of it is not either")
            share = balance * amount / _PERCENT
            distance = _of_money(level, share, symbol, volume_cents, ticks)
    whole = (distance / symbol.tick_size).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    if whole <= 0:
        raise InvalidOrder(
            f"invalid stops: the {level.value} of {symbol.name} is nearer than a tick to the entry"
        )
    return whole * symbol.tick_size


def volume_for_risk(
    symbol: Symbol, risk: Decimal, distance: Decimal, ticks: TickValues | None
) -> int:
    """Return the largest wire volume that loses no more than ``risk`` at a stop ``distance`` away.

    ``risk`` is in the account's currency. Raises NoQuote without tick values, InvalidVolume if even
    the smallest volume risks more, or the symbol's maximum is exceeded.
    """
    per_lot = _per_lot(distance, symbol, _value(Level.STOP_LOSS, symbol, ticks))
    exact = risk * symbol.lot_size_cents / per_lot
    step = symbol.step_volume_cents or 1
    volume = int((exact / step).quantize(Decimal(1), rounding=ROUND_FLOOR)) * step
    said = f"risking {risk:.2f} with a stop {distance.normalize():f} away allows"
    if volume < max(1, symbol.min_volume_cents or 0):
        raise InvalidVolume(
            f"invalid volume: {said} less than the smallest volume of {symbol.name}"
        )
    if symbol.max_volume_cents and volume > symbol.max_volume_cents:
        most = symbol.lots(symbol.max_volume_cents).normalize()
        raise InvalidVolume(f"invalid volume: {said} more than {most:f} lots of {symbol.name}")
    return volume


def _of_money(
    level: Level, money: Decimal, symbol: Symbol, volume_cents: int, ticks: TickValues | None
) -> Decimal:
    per_tick = _value(level, symbol, ticks) * symbol.lots(volume_cents)
    if per_tick <= 0:
        raise InvalidOrder(f"invalid stops: no volume, so no money at the {level.value}")
    return money / per_tick * symbol.tick_size


def _per_lot(distance: Decimal, symbol: Symbol, tick_value: Decimal) -> Decimal:
    return distance / symbol.tick_size * tick_value


def _value(level: Level, symbol: Symbol, ticks: TickValues | None) -> Decimal:
    if ticks is None:
        raise NoQuote(f"what a tick of {symbol.name} is worth is not known yet")
    return ticks.loss if level is Level.STOP_LOSS else ticks.profit
