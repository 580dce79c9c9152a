"""Ranges of quotes in which nothing happens, so that most ticks need no closer look. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Band(NamedTuple):
    """Quotes with a bid of at least ``low`` and an ask of at most ``high``, in 1/100000."""

    low: int
    high: int


NEVER = Band(1, 0)
"""Holds no quote: look at every tick."""

HIGHEST = 2**63
"""Above every price."""
