"""Ticks: single changes of one side of a symbol's price. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class QuoteSide(Enum):
    """Which price changed; the values equal the wire's numbers."""

    BID = 1
    ASK = 2


@dataclass(frozen=True, slots=True)
class Tick:
    """A change of one side; what the other side was is not told.

    Attributes:
        timestamp_ms: the broker's time, epoch milliseconds.
        price: an exact integer in 1/100000 of a price unit.
    """

    timestamp_ms: int
    side: QuoteSide
    price: int
