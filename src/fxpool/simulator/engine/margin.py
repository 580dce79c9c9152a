"""What positions hold as margin: leverage, its tiers, guaranteed stops. Pure and exact.

Margin is fixed when a position changes, at the rates of its opening, unless the broker works it
out anew at each event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from fxpool.simulator.engine.accounts import AccountSpec, LimitedRiskMargin, MarginMode
from fxpool.simulator.engine.model import Lot, mean_price
from fxpool.simulator.engine.money import MONEY_SCALE, half_up
from fxpool.simulator.engine.rules import TierLeverageUnit
from fxpool.simulator.engine.symbols import PRICE_SCALE, VOLUME_SCALE, DynamicLeverage

_ZERO = Fraction()
_BY_LEVERAGE = LimitedRiskMargin.ACCORDING_TO_LEVERAGE


@dataclass(frozen=True, slots=True)
class Tier:
    """A step of leverage: where it ends in dollars, and what it allows in hundredths."""

    end_usd: Fraction
    leverage_cents: int


def tiers_of(leverage: DynamicLeverage, unit: TierLeverageUnit) -> tuple[Tier, ...]:
    """Return the tiers of a symbol in plain dollars and hundredths of leverage (SW-26)."""
    factor = 1 if unit is TierLeverageUnit.HUNDREDTHS else 100
    return tuple(Tier(Fraction(one.volume, 100), one.leverage * factor) for one in leverage.tiers)


def usd_value(lots: Sequence[Lot]) -> Fraction:
    """Return what ``lots`` were worth in dollars at their opening."""
    return sum((lot.volume * lot.usd_rate for lot in lots), Fraction()) / VOLUME_SCALE


def leveraged_margin(
    lots: Sequence[Lot],
    leverage_cents: int,
    tiers: Sequence[Tier] = (),
    usd_before: Fraction = _ZERO,
) -> int:
    """Return the margin of ``lots``, rounded half up; ``leverage_cents`` is 10000 for 1:100.

    With tiers the lots fill them from ``usd_before`` on, what the side held already; the smaller
    leverage counts, and beyond the last tier its leverage goes on.
    """
    value = sum((lot.volume * lot.margin_rate for lot in lots), Fraction())
    if not value:
        return 0
    per_leverage = Fraction(1, leverage_cents)
    if tiers:
        usd = usd_value(lots)
        sliced = _over_leverage(usd_before, usd_before + usd, tiers, leverage_cents)
        per_leverage = sliced / usd
    return half_up(value * MONEY_SCALE * 100 * per_leverage / VOLUME_SCALE)


def _over_leverage(
    start: Fraction, end: Fraction, tiers: Sequence[Tier], leverage_cents: int
) -> Fraction:
    """Return the dollars from ``start`` to ``end``, each slice divided by its leverage."""
    total = _ZERO
    for tier in tiers:
        upto = end if tier is tiers[-1] else min(end, tier.end_usd)
        if upto > start:
            total += (upto - start) / min(leverage_cents, tier.leverage_cents)
            start = upto
    return total


def guaranteed_margin(lots: Sequence[Lot], stop_loss: int, rate: Fraction) -> int:
    """Return what ``lots`` can lose to a guaranteed stop; ``rate`` is quote to deposit asset."""
    volume = sum(lot.volume for lot in lots)
    distance = abs(mean_price(tuple(lots)) - stop_loss)
    return half_up(distance * volume * rate * MONEY_SCALE / (PRICE_SCALE * VOLUME_SCALE))


def limited_risk_margin(spec: AccountSpec, leveraged: int, guaranteed: int) -> int:
    """Return the margin of a position with a guaranteed stop, as its account counts it."""
    match spec.limited_risk_margin if spec.is_limited_risk else _BY_LEVERAGE:
        case LimitedRiskMargin.ACCORDING_TO_LEVERAGE:
            return leveraged
        case LimitedRiskMargin.ACCORDING_TO_GSL:
            return guaranteed
        case LimitedRiskMargin.ACCORDING_TO_GSL_AND_LEVERAGE:
            return max(leveraged, guaranteed)


def combined(mode: MarginMode, buys: int, sells: int) -> int:
    """Return the margin of a symbol out of those of its two sides."""
    match mode:
        case MarginMode.SUM:
            return buys + sells
        case MarginMode.MAX:
            return max(buys, sells)
        case MarginMode.NET:
            return abs(buys - sells)
