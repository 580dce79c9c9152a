"""Exact arithmetic on money: profits, commissions, margins and their rounding. Pure.

Money is an integer in 1/100 of the deposit asset (every account here has two money digits); what
leads to it is a Fraction, rounded once. Rules: ctrader-open-api.md 5.4.
"""

from __future__ import annotations

from fractions import Fraction
from typing import assert_never

from fxpool.simulator.engine.model import Lot, Side
from fxpool.simulator.engine.rates import Rates
from fxpool.simulator.engine.symbols import PRICE_SCALE, VOLUME_SCALE, CommissionType, Symbol

MONEY_DIGITS = 2
MONEY_SCALE = 10**MONEY_DIGITS


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


def gross_profit(
    side: Side,
    lots: tuple[Lot, ...],
    price: int,
    symbol: Symbol,
    *,
    deposit_asset_id: int,
    rates: Rates,
) -> tuple[int, Fraction]:
    """Return the profit of closing ``lots`` at ``price``, and the quote-to-deposit rate it used.

    A gain sells the quote asset for the deposit asset, a loss has to buy it (SW-30).
    """
    sign = 1 if side is Side.BUY else -1
    points = sum(sign * (price - lot.price) * lot.volume for lot in lots)
    rate = rates.rate(symbol.quote_asset_id, deposit_asset_id, selling=points >= 0)
    quote_money = Fraction(points * MONEY_SCALE, PRICE_SCALE * VOLUME_SCALE)
    return half_up(quote_money * rate), rate


def conversion_fee(gross: int, symbol: Symbol, deposit_asset_id: int) -> int:
    """Return the fee for turning a profit into the deposit asset; never positive (SW-31)."""
    if symbol.quote_asset_id == deposit_asset_id:
        return 0
    return -away_from_zero(Fraction(abs(gross) * symbol.pnl_conversion_fee_rate, 10_000))


def commission(symbol: Symbol, volume: int, price: int, deposit_asset_id: int, rates: Rates) -> int:
    """Return what one side of a deal costs; never positive. The broker's USD asset prices it."""
    if not symbol.commission_rate:
        return 0
    asset_id, amount = _commission_in_its_asset(symbol, volume, price, rates)
    rate = rates.rate(asset_id, deposit_asset_id, selling=False)
    return -half_up(amount * rate * MONEY_SCALE)


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


def used_margin(lots: tuple[Lot, ...], leverage_cents: int) -> int:
    """Return the margin that ``lots`` hold; ``leverage_cents`` is 10000 for 1:100."""
    value = sum((lot.volume * lot.margin_rate for lot in lots), Fraction())
    return half_up(value * MONEY_SCALE * 100 / (VOLUME_SCALE * leverage_cents))
