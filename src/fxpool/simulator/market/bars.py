"""A bar of bid prices, and how bars and ticks become longer bars. Pure.

Prices are integers in 1/100000; the volume is the number of bid ticks.
"""

from __future__ import annotations

from typing import NamedTuple


class Bar(NamedTuple):
    """A bar; ``minute`` is when it opens, in minutes since the epoch."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int


def first_bar(minute: int, price: int) -> Bar:
    """Return the bar that one tick makes."""
    return Bar(minute, price, price, price, price, 1)


def with_tick(bar: Bar, price: int) -> Bar:
    """Return ``bar`` after one more tick."""
    minute, opened, high, low, _, volume = bar
    return Bar(
        minute,
        opened,
        price if price > high else high,
        price if price < low else low,
        price,
        volume + 1,
    )


def joined(older: Bar | None, newer: Bar | None, minute: int) -> Bar | None:
    """Return one bar that opens at ``minute`` out of two that follow each other."""
    if older is None:
        return None if newer is None else newer._replace(minute=minute)
    if newer is None:
        return older._replace(minute=minute)
    return Bar(
        minute,
        older.open,
        max(older.high, newer.high),
        min(older.low, newer.low),
        newer.close,
        older.volume + newer.volume,
    )
