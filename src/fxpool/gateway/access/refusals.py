"""What callers are told of a decision against them."""

from __future__ import annotations

from typing import Final

from fxpool.domain.permissions import Allowed, Operation, Refused, Word
from fxpool.platforms.base import PlatformError

TRADING: Final = frozenset({Operation.PLACE, Operation.AMEND, Operation.CLOSE})


def require(decision: Allowed | Refused, operation: Operation) -> None:
    """Return if it is allowed. Raises PlatformError 403 in callers' words."""
    if isinstance(decision, Allowed):
        return
    is_trade = operation in TRADING
    start = "invalid volume" if decision.word is Word.VOLUME else "trading not allowed"
    raise PlatformError(
        403,
        decision.word.value,
        f"{start if is_trade else 'not allowed'}: {decision.text}",
        outcome="not_executed" if is_trade else None,
    )
