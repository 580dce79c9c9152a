"""What the broker offers to trade: assets and symbols, with the limits and costs of each. Pure.

Prices are integers in 1/100000 of a price unit, volumes in 1/100 of a unit of the base asset, as
on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import IntEnum
from zoneinfo import ZoneInfo

PRICE_SCALE = 100_000
"""Price integers per price unit, whatever a symbol's digits."""

VOLUME_SCALE = 100
"""Volume integers per unit of the base asset."""

WEEK_SECONDS = 7 * 24 * 3600

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class CommissionType(IntEnum):
    """How a symbol's commission rate is meant; the values are the wire's."""

    USD_PER_MILLION_USD = 1
    USD_PER_LOT = 2
    PERCENTAGE_OF_VALUE = 3
    QUOTE_PER_LOT = 4


class MinCommissionType(IntEnum):
    """Which asset a symbol's smallest commission is in; the values are the wire's."""

    CURRENCY = 1
    QUOTE_CURRENCY = 2


class DistanceUnit(IntEnum):
    """How a symbol's smallest distances are meant; the values are the wire's."""

    POINTS = 1
    PERCENTAGE = 2
    """Hundredths of a percent of the price; the protocol does not say its scale."""


class TradingMode(IntEnum):
    """What may be done with a symbol; the values are the wire's."""

    ENABLED = 0
    DISABLED_WITHOUT_PENDINGS_EXECUTION = 1
    DISABLED_WITH_PENDINGS_EXECUTION = 2
    CLOSE_ONLY = 3


class SwapKind(IntEnum):
    """How a symbol's swap rates are meant; the values are the wire's."""

    PIPS = 0
    PERCENTAGE = 1
    """Percent of the value a year of 360 days."""
    POINTS = 2


class DayOfWeek(IntEnum):
    """A day on which a charge counts three times; the values are the wire's and ISO's."""

    NONE = 0
    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7


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
class Holiday:
    """A day, or a part of one, on which a symbol does not trade.

    Attributes:
        day: days since 1970-01-01, in ``time_zone``.
        is_recurring: whether it comes back each year on the same month and day.
        start_second, end_second: of the day; the whole day without them. The end is outside.
    """

    holiday_id: int
    name: str
    day: int
    time_zone: str = "UTC"
    is_recurring: bool = False
    start_second: int | None = None
    end_second: int | None = None

    def covers(self, at_ms: int) -> bool:
        """Whether the holiday is on at this instant (epoch milliseconds)."""
        at = _local(at_ms, self.time_zone)
        own = date.fromordinal(_EPOCH_ORDINAL + self.day)
        is_day = (at.month, at.day) == (own.month, own.day)
        if not is_day or not (self.is_recurring or at.year == own.year):
            return False
        second = at.hour * 3600 + at.minute * 60 + at.second
        start = 0 if self.start_second is None else self.start_second
        end = 86_400 if self.end_second is None else self.end_second
        return start <= second < end


@dataclass(frozen=True, slots=True)
class LeverageTier:
    """A step of dynamic leverage.

    Attributes:
        volume: where the tier ends: open volume of a symbol and side in 1/100 of a dollar.
        leverage: as the wire shows it: hundredths, or plain (SW-26).
    """

    volume: int
    leverage: int


@dataclass(frozen=True, slots=True)
class DynamicLeverage:
    """Tiers from small to large volume; beyond the last one its leverage goes on."""

    leverage_id: int
    tiers: tuple[LeverageTier, ...]


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol's trading parameters.

    Attributes:
        digits: decimals of its prices, at most 5; the tick is 10 ** -digits.
        lot_size, min_volume, step_volume, max_volume: in 1/100 of a unit.
        commission_rate: in 10 ** -8 of a currency unit (percent: 10 ** -5 of a percent), per side.
        min_commission: in 10 ** -8 of a currency unit per side, of ``min_commission_asset`` (its
            name) or of the quote asset.
        pnl_conversion_fee_rate: in 1/100 of a percent of the gross profit, taken where the quote
            asset is not the deposit asset.
        swap_long, swap_short: what a night earns, negative where it costs; ``swap_kind`` says in
            which unit.
        swap_triple_day: charged three times then, for the weekend.
        swap_period_hours, swap_time_minutes: charged at this time after 00:00 UTC, and every so
            many hours from there.
        skip_swap_periods: charges that a position is spared after its opening.
        charges_swap_at_weekends: also on Saturday and Sunday, UTC.
        rollover_commission: on swap-free accounts, in 1/100 of a dollar per lot and day; the
            protocol does not say its scale.
        skip_rollover_days: days that a position of a swap-free account is spared.
        sl_distance, tp_distance, gsl_distance: how far levels stay from the market, in
            ``distance_unit``.
        gsl_charge: for a guaranteed stop, in 1/100 of a dollar per lot; the protocol does not say
            its scale.
        max_exposure: what an account may hold of it, in 1/100 of a dollar; None for no limit. The
            protocol does not say its scale.
        leverage_id: of its dynamic leverage; None for the account's leverage alone.
        holidays: when it does not trade though its schedule says so.
        liquidity: volume that each price level takes between two quotes, on each side; None takes
            everything. Protective orders and stop-outs always find enough.
        depth_levels: how many price levels there are, one tick apart.
        schedule: open hours in ``schedule_time_zone``.
        is_enabled: what the list of symbols says of it.
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
    min_commission: int = 0
    min_commission_type: MinCommissionType = MinCommissionType.CURRENCY
    min_commission_asset: str = "USD"
    swap_long: float = 0.0
    swap_short: float = 0.0
    swap_kind: SwapKind = SwapKind.PIPS
    swap_triple_day: DayOfWeek = DayOfWeek.WEDNESDAY
    swap_period_hours: int = 24
    swap_time_minutes: int = 1259
    skip_swap_periods: int = 0
    charges_swap_at_weekends: bool = False
    rollover_commission: int = 0
    rollover_triple_day: DayOfWeek = DayOfWeek.WEDNESDAY
    skip_rollover_days: int = 3
    enables_short_selling: bool = True
    trading_mode: TradingMode = TradingMode.ENABLED
    allows_guaranteed_stops: bool = False
    sl_distance: int = 0
    tp_distance: int = 0
    gsl_distance: int = 0
    gsl_charge: int = 0
    distance_unit: DistanceUnit = DistanceUnit.POINTS
    max_exposure: int | None = None
    leverage_id: int | None = None
    holidays: tuple[Holiday, ...] = ()
    liquidity: int | None = None
    depth_levels: int = 5
    measurement_units: str = ""
    schedule: tuple[Interval, ...] = ALWAYS_OPEN
    schedule_time_zone: str = "UTC"
    is_enabled: bool = True

    @property
    def price_step(self) -> int:
        """The tick, in 1/100000 of a price unit."""
        return int(10 ** (5 - self.digits))

    def is_open(self, at_ms: int) -> bool:
        """Whether the market trades at this instant (epoch milliseconds)."""
        return self._is_scheduled(at_ms) and not self.has_holiday(at_ms)

    def has_holiday(self, at_ms: int) -> bool:
        """Whether a holiday keeps the market closed at this instant (epoch milliseconds)."""
        return any(holiday.covers(at_ms) for holiday in self.holidays)

    def fills_waiting_orders(self, at_ms: int) -> bool:
        """Whether orders that wait for a price may trade at this instant."""
        halted = self.trading_mode is TradingMode.DISABLED_WITHOUT_PENDINGS_EXECUTION
        return not halted and self.is_open(at_ms)

    def _is_scheduled(self, at_ms: int) -> bool:
        if self.schedule == ALWAYS_OPEN:
            return True
        second = _second_of_week(at_ms, self.schedule_time_zone)
        return any(hours.start_second <= second < hours.end_second for hours in self.schedule)


def _second_of_week(at_ms: int, time_zone: str) -> int:
    at = _local(at_ms, time_zone)
    days_from_sunday = at.isoweekday() % 7
    return days_from_sunday * 86_400 + at.hour * 3600 + at.minute * 60 + at.second


def _local(at_ms: int, time_zone: str) -> datetime:
    zone = UTC if time_zone in ("", "UTC") else ZoneInfo(time_zone)
    return datetime.fromtimestamp(at_ms // 1000, tz=zone)
