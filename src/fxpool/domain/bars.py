"""Bars of bid prices: how long they are, and what is in them. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Period(Enum):
    """The bars that a broker keeps; the values equal the wire's numbers."""

    M1 = 1
    M2 = 2
    M3 = 3
    M4 = 4
    M5 = 5
    M10 = 6
    M15 = 7
    M30 = 8
    H1 = 9
    H4 = 10
    H12 = 11
    D1 = 12
    W1 = 13
    MN1 = 14


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of bid prices, exact integers in 1/100000 of a price unit.

    Attributes:
        opened_at: when it opens.
        volume: the number of ticks in it.
        is_repaired: the broker's high was below its open or close, and was raised to them (SW-29).
    """

    opened_at: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int
    is_repaired: bool = False
