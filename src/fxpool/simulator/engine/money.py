"""Exact arithmetic on money: profits, commissions, margins and their rounding. Pure.

Money is an integer in 1/100 of the deposit asset (every account here has two money digits); what
leads to it is a Fraction, rounded once. The rounding is that of recorded trades.
"""

from __future__ import annotations

from fractions import Fraction
from typing import assert_never

from fxpool.simulator.engine.model import Lot, Side
from fxpool.simulator.engine.rates import Rates
from fxpool.simulator.engine.rules import ConversionFee
from fxpool.simulator.engine.symbols import (
    PRICE_SCALE,
    VOLUME_SCALE,
    CommissionType,
    MinCommissionType,
    Symbol,
)

MONEY_DIGITS = 2
MONEY_SCALE: int = 10**MONEY_DIGITS

PRICE_VOLUME_PER_CENT = PRICE_SCALE * VOLUME_SCALE // MONEY_SCALE
"""Price integers times volume integers in one cent of the quote asset."""


def half_up(value: Fraction) -> int:
    """Return ``value`` rounded to an integer, halves away from zero."""
    size = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return size if value >= 0 else -size


def away_from_zero(value: Fraction) -> int:
    """Return ``value`` rounded to an integer, any rest away from zero."""
    size = -(-abs(value.numerator) // value.denominator)
    return size if value >= 0 else -size


def share(total: int, part: int, whole: int) -> int:
    """Return the part of ``total`` that belongs to ``part`` out of ``whole``, rounded half up."""
    return half_up(Fraction(total * part, whole))


def points_of(side: Side, lots: tuple[Lot, ...], price: int) -> int:
    """Return what ``lots`` gain at ``price``: price integers times volume integers."""
    gain = sum((price - lot.price) * lot.volume for lot in lots)
    return side.sign * gain


def in_money(points: int, rate: Fraction) -> int:
    """Return ``points_of`` as money; ``rate`` is quote to deposit asset."""
    size = 2 * abs(points) * MONEY_SCALE * rate.numerator
    unit = PRICE_SCALE * VOLUME_SCALE * rate.denominator
    cents = (size + unit) // (2 * unit)
    return cents if points >= 0 else -cents


def conversion_fee(
    gross: int,
    symbol: Symbol,
    deposit_asset_id: int,
    basis: ConversionFee = ConversionFee.GAINS_AND_LOSSES,
) -> int:
    """Return the fee for turning a profit into the deposit asset; never positive (SW-31)."""
    if symbol.quote_asset_id == deposit_asset_id or basis is ConversionFee.NONE:
        return 0
    if basis is ConversionFee.GAINS and gross < 0:
        return 0
    return -away_from_zero(Fraction(abs(gross) * symbol.pnl_conversion_fee_rate, 10_000))


def commission(symbol: Symbol, volume: int, price: int, deposit_asset_id: int, rates: Rates) -> int:
    """Return what one side of a deal costs; never positive. The broker's USD asset prices it."""
    cost = 0
    if symbol.commission_rate:
        asset_id, amount = _commission_in_its_asset(symbol, volume, price, rates)
        rate = rates.rate(asset_id, deposit_asset_id, selling=False)
        cost = half_up(amount * rate * MONEY_SCALE)
    return -max(cost, _min_commission(symbol, deposit_asset_id, rates))


def _min_commission(symbol: Symbol, deposit_asset_id: int, rates: Rates) -> int:
    if not symbol.min_commission:
        return 0
    in_quote = symbol.min_commission_type is MinCommissionType.QUOTE_CURRENCY
    asset_id = symbol.quote_asset_id if in_quote else rates.asset_id(symbol.min_commission_asset)
    rate = rates.rate(asset_id, deposit_asset_id, selling=False)
    return half_up(Fraction(symbol.min_commission, 10**8) * rate * MONEY_SCALE)


def _commission_in_its_asset(
    symbol: Symbol, volume: int, price: int, rates: Rates
) -> tuple[int, Fraction]:
    lots = Fraction(volume, symbol.lot_size)
    units = Fraction(volume, VOLUME_SCALE)
    rate = Fraction(symbol.commission_rate, 10**8)
    match symbol.commission_type:
        case CommissionType.USD_PER_LOT:
            return rates.usd_asset_id, rate * lots
        case CommissionType.QUOTE_PER_LOT:
            return symbol.quote_asset_id, rate * lots
        case CommissionType.PERCENTAGE_OF_VALUE:
            percent = Fraction(symbol.commission_rate, 10**5)
            return symbol.quote_asset_id, units * Fraction(price, PRICE_SCALE) * percent / 100
        case CommissionType.USD_PER_MILLION_USD:
            value = units * rates.rate(symbol.base_asset_id, rates.usd_asset_id, selling=False)
            return rates.usd_asset_id, rate * value / 10**6
        case _:
            assert_never(symbol.commission_type)


def margin_rate(symbol: Symbol, side: Side, deposit_asset_id: int, rates: Rates) -> Fraction:
    """Return deposit asset per base asset for a position of this side: the ask for a buy."""
    return rates.rate(symbol.base_asset_id, deposit_asset_id, selling=side is Side.SELL)


def per_lot_in_usd(
    amount: int, symbol: Symbol, volume: int, deposit_asset_id: int, rates: Rates
) -> int:
    """Return a charge of 1/100 dollars per lot as money, rounded half up; positive."""
    rate = rates.rate(rates.usd_asset_id, deposit_asset_id, selling=False)
    return half_up(Fraction(amount * volume, symbol.lot_size) * rate)
