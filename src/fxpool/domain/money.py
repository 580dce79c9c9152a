"""Exact numbers: how wire integers become Decimals and the other way round. Pure arithmetic.

Prices of spots, bars, ticks and depth are integers in 1/100000 whatever the symbol's digits; money
is an integer scaled by the ``moneyDigits`` of its own message; volume is in hundredths of a unit
(cents). Source: ctrader Open API model messages, scaling comments.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

PRICE_SCALE: Final = 100_000
PRICE_EXPONENT: Final = -5
DEFAULT_MONEY_DIGITS: Final = 2
"""What a message without ``moneyDigits`` means (seen by two independent clients)."""


def price_from_wire(value: int) -> Decimal:
    """Return a price in price units from an integer in 1/100000."""
    return Decimal(value).scaleb(PRICE_EXPONENT)


def money_from_wire(value: int, digits: int) -> Decimal:
    """Return an amount in currency units from an integer scaled by ``10 ** digits``."""
    return Decimal(value).scaleb(-digits)


def round_money(value: Decimal, digits: int) -> Decimal:
    """Round half up, away from zero on a tie, as the broker's recordings do."""
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def round_ratio_half_up(numerator: int, denominator: int) -> int:
    """Return ``numerator / denominator`` rounded half away from zero, in exact integer arithmetic.

    ``denominator`` is positive.
    """
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((-2 * numerator + denominator) // (2 * denominator))


def decimal_from_double(value: float) -> Decimal:
    """Return the shortest decimal that reads back as this double, as people write it."""
    return Decimal(repr(value))
