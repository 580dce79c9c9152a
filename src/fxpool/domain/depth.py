"""The depth of a market: what may be traded at which price. Values and one rule; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fxpool.domain.trades import Side


@dataclass(frozen=True, slots=True)
class DepthLevel:
    """What somebody buys or sells at a price.

    Attributes:
        side: BUY for a bid, SELL for an offer.
        price: integer in 1/100000.
        volume_cents: in cents of a unit.
    """

    level_id: int
    side: Side
    price: int
    volume_cents: int


@dataclass(frozen=True, slots=True)
class DepthChange:
    """Levels that are new or other than before, and the ids of those that are gone."""

    symbol_id: int
    changed: tuple[DepthLevel, ...]
    gone: frozenset[int]


def dearest_first(levels: Iterable[DepthLevel]) -> list[DepthLevel]:
    """Return levels by price, offers before bids."""
    return sorted(levels, key=lambda level: (level.side is Side.BUY, -level.price))
