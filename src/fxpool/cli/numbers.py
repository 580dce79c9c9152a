"""Numbers as a trader reads them. Formats only: nothing here computes.

The pool's JSON numbers are already rounded to the symbol's or the currency's digits, so a number
shows at least the usual digits and all that it carries.
"""

from __future__ import annotations

from decimal import Decimal

from fxpool.domain.money import decimal_from_double

UNKNOWN = "-"
"""Stands where the pool says null: the value is not known, or there is none."""

CENTS = 2
WITHOUT_CENTS = frozenset({"JPY", "KRW", "VND"})
"""Currencies whose amounts are shown without a fraction when they carry none."""


def money(value: float | None, currency: str = "") -> str:
    """Return an amount with thousands separated: ``10,000.00``."""
    if value is None:
        return UNKNOWN
    exact = decimal_from_double(value)
    return f"{exact:,.{max(_digits(exact), 0 if currency in WITHOUT_CENTS else CENTS)}f}"


def signed_money(value: float | None, currency: str = "") -> str:
    """Return a result with its sign: ``+12.50``, ``-3.00``, ``0.00``."""
    text = money(value, currency)
    return f"+{text}" if value is not None and value > 0 else text


def lots(value: float) -> str:
    """Return a volume in lots: ``0.10``, ``0.125``."""
    exact = decimal_from_double(value)
    return f"{exact:,.{max(_digits(exact), CENTS)}f}"


def price(value: float | None, digits: int | None = None) -> str:
    """Return a price with the symbol's digits, or with those it carries where they are unknown."""
    if value is None:
        return UNKNOWN
    exact = decimal_from_double(value)
    return f"{exact:.{_digits(exact) if digits is None else digits}f}"


def percent(value: float | None) -> str:
    """Return a percentage of 0 to 100 and above: ``3,642.18 %``."""
    return UNKNOWN if value is None else f"{decimal_from_double(value):,.2f} %"


def clock_time(timestamp: str) -> str:
    """Return the time of day of an ISO timestamp in UTC: ``09:15:27``."""
    return timestamp[11:19]


def _digits(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
