"""What the broker offers to trade: assets and symbols, with the limits and costs of each. Pure.

Prices are integers in 1/100000 of a price unit, volumes in 1/100 of a unit of the base asset, as
on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from zoneinfo import ZoneInfo

PRICE_SCALE = 100_000
"""Price integers per price unit, whatever a symbol's digits."""

VOLUME_SCALE = 100
"""Volume integers per unit of the base asset."""

WEEK_SECONDS = 7 * 24 * 3600


class CommissionType(IntEnum):
    """How a symbol's commission rate is meant; the values are the wire's."""

    USD_PER_MILLION_USD = 1
    USD_PER_LOT = 2
    PERCENTAGE_OF_VALUE = 3
    QUOTE_PER_LOT = 4


@dataclass(frozen=True, slots=True)
class Asset:
    """A currency, a metal, or the synthetic base of an index."""

    asset_id: int
    name: str
    digits: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A time in which a symbol trades, in seconds from Sunday 00:00; the end is outside."""

    start_second: int
    end_second: int


ALWAYS_OPEN = (Interval(0, WEEK_SECONDS),)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol's trading parameters.

    Attributes:
        digits: decimals of its prices, at most 5; the tick is 10 ** -digits.
        lot_size, min_volume, step_volume, max_volume: in 1/100 of a unit.
        commission_rate: in 10 ** -8 of a currency unit (percent: 10 ** -5 of a percent), per side.
        pnl_conversion_fee_rate: in 1/100 of a percent of the gross profit, taken where the quote
            asset is not the deposit asset.
        swap_long, swap_short: pips a night as shown to the client; charging is not part of this
            engine yet.
        schedule: open hours in ``schedule_time_zone``.
    """

    symbol_id: int
    name: str
    description: str
    base_asset_id: int
    quote_asset_id: int
    category_id: int
    digits: int
    pip_position: int
    lot_size: int
    min_volume: int
    step_volume: int
    max_volume: int
    commission_type: CommissionType = CommissionType.USD_PER_LOT
    commission_rate: int = 0
    pnl_conversion_fee_rate: int = 0
    swap_long: float = 0.0
    swap_short: float = 0.0
    measurement_units: str = ""
    schedule: tuple[Interval, ...] = ALWAYS_OPEN
    schedule_time_zone: str = "UTC"

    @property
    def price_step(self) -> int:
        """The tick, in 1/100000 of a price unit."""
        return int(10 ** (5 - self.digits))

    def is_open(self, at_ms: int) -> bool:
        """Whether the market trades at this instant (epoch milliseconds)."""
        if self.schedule == ALWAYS_OPEN:
            return True
        second = _second_of_week(at_ms, self.schedule_time_zone)
        return any(hours.start_second <= second < hours.end_second for hours in self.schedule)


def _second_of_week(at_ms: int, time_zone: str) -> int:
    zone = UTC if time_zone == "UTC" else ZoneInfo(time_zone)
    at = datetime.fromtimestamp(at_ms // 1000, tz=zone)
    days_from_sunday = at.isoweekday() % 7
    return days_from_sunday * 86_400 + at.hour * 3600 + at.minute * 60 + at.second
