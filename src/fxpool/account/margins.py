"""The margin of open positions where the broker does not say it, or what it said may be old. Pure.

A position's margin is its value at opening in the account's currency, divided by the leverage. With
dynamic leverage the positions of a symbol and side fill tiers of open volume in dollars, oldest
first; each slice counts with the smaller of the account's and the tier's leverage, and beyond the
last tier its leverage goes on. So a close moves the margin of the positions behind it, and no event
tells that.

Source: cTrader help, "Dynamic leverage".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from fxpool.domain.money import round_money
from fxpool.domain.symbols import LeverageTier

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Stake:
    """What a position binds.

    Attributes:
        value: at its opening, in the account's currency.
        usd: the same in dollars, which tiers count in; None where that is not known.
    """

    position_id: int
    value: Decimal
    usd: Decimal | None


def margins_of(
    stakes: Iterable[Stake], leverage: Decimal, tiers: Sequence[LeverageTier], money_digits: int
) -> dict[int, Decimal]:
    """Return the margins of one symbol and side by position id, rounded half up.

    ``stakes`` are oldest first. From the first one on whose dollars the tiers need and nobody
    knows, there is no margin.
    """
    found: dict[int, Decimal] = {}
    filled = _ZERO
    for stake in stakes:
        part = 1 / leverage
        if tiers:
            if not stake.usd:
                break
            over = _over_leverage(filled, filled + stake.usd, leverage, tiers)
            part = over / stake.usd
            filled += stake.usd
        found[stake.position_id] = round_money(stake.value * part, money_digits)
    return found


def _over_leverage(
    start: Decimal, end: Decimal, leverage: Decimal, tiers: Sequence[LeverageTier]
) -> Decimal:
    """Return the dollars from ``start`` to ``end``, each slice divided by its leverage."""
    total = _ZERO
    for number, tier in enumerate(tiers, 1):
        until = end if number == len(tiers) else min(end, tier.until_usd)
        if until > start:
            total += (until - start) / min(leverage, tier.leverage)
            start = until
    return total
