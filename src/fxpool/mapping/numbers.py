"""Exact numbers as JSON has them, where they may be unknown. Pure."""

from __future__ import annotations

from decimal import Decimal


def number(value: Decimal | None) -> float | None:
    """Return an exact number as a JSON number; what is not known stays so."""
    return None if value is None else float(value)
