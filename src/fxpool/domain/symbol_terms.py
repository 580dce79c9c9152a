"""What a symbol costs and demands beyond the size of a trade: swaps, distances, exposure, charges.

None of it enters the valuation: the broker books swaps, and refuses what is too near. What the
broker did not send is None, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum


class SwapType(Enum):
    """What a swap rate counts."""

    PIPS = 0
    PERCENTAGE = 1
    POINTS = 2


class DistanceUnit(Enum):
    """What the smallest distances of protection count; percentages are hundredths of a percent."""

    POINTS = 1
    PERCENTAGE = 2


class Weekday(Enum):
    """The day on which three nights are charged."""

    NONE = 0
    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7


@dataclass(frozen=True, slots=True)
class SymbolTerms:
    """The broker's terms of a symbol.

    Attributes:
        swap_long, swap_short: per night, or per year in percent; negative is charged.
        swap_triple_day: three nights are charged then, for the weekend.
        swap_period_hours, swap_time_minutes: a charge every so often, the first so long after
            00:00 UTC. ``skip_swap_periods``: charges that a new position is spared.
        guaranteed_stop_loss: whether a stop loss may be guaranteed; ``gsl_charge`` is its fee, in
            a scale that the broker does not state.
        gsl_distance: how far a guaranteed stop loss stays from the market, in ``distance_unit``.
        max_exposure: the largest exposure to the symbol, in a scale that the broker does not state.
        min_commission: in ``min_commission_asset``, or in the quote currency where that is None.
        rollover_commission: what a swap-free account pays per lot and day, in a scale that the
            broker does not state; ``rollover_triple_day`` and ``skip_rollover_days`` as for swaps.
    """

    swap_type: SwapType
    swap_long: Decimal | None
    swap_short: Decimal | None
    swap_triple_day: Weekday
    swap_period_hours: int | None
    swap_time_minutes: int | None
    skip_swap_periods: int | None
    charges_swap_at_weekends: bool | None
    distance_unit: DistanceUnit
    guaranteed_stop_loss: bool | None
    gsl_distance: int | None
    gsl_charge: int | None
    max_exposure: int | None
    min_commission: Decimal | None
    min_commission_asset: str | None
    rollover_commission: int | None
    rollover_triple_day: Weekday
    skip_rollover_days: int | None


@dataclass(frozen=True, slots=True)
class SymbolGroup:
    """Where a symbol stands in the broker's tree; the class is None where it is not told."""

    category: str
    asset_class: str | None


@dataclass(frozen=True, slots=True)
class ArchivedSymbol:
    """A symbol that the broker lists no more; the past may still name it."""

    symbol_id: int
    name: str
    description: str
