"""What another pool's answer to a trade says, in our shape. Pure.

Whatever does not plainly say that a trade was done, or that it was not, leaves it open: it is never
taken for a refusal, on which a caller would send the order again.
"""

from __future__ import annotations

import re
from typing import Final

from fxpool.errors import FxPoolError
from fxpool.mapping.formats import TradeResult

_UNSURE: Final = re.compile(
    "timeout|timed out|no response|disconnected|connection|unknown(?! (?:symbol|account|position))",
    re.IGNORECASE,
)
"""A thing that the pool does not know is refused for that; its other unknowns are outcomes."""

_OUTCOMES: Final = frozenset({"executed", "not_executed", "unknown"})


class UnusableAnswer(FxPoolError):
    """A 2xx answer that is not what the route promises."""


def is_unsure(text: str) -> bool:
    """Whether a failure's text leaves open what became of the trade."""
    return _UNSURE.search(text) is not None


def whole_result(told: TradeResult) -> TradeResult:
    """Return a result with all that callers count on.

    Older pools tell no ``outcome``: then a failure without a doubtful word is a refusal. Raises
    UnusableAnswer for an answer that does not say what became of the trade, or contradicts itself.
    """
    success = told.get("success")
    if not isinstance(success, bool):
        raise UnusableAnswer("the pool's answer has no success, true or false")
    text = str(told.get("error") or told.get("detail") or told.get("message") or "refused")
    outcome = told.get("outcome")
    if outcome is None:
        if not success and is_unsure(text):
            raise UnusableAnswer(f"the pool said: {text}")
        outcome = "executed" if success else "not_executed"
    if outcome not in _OUTCOMES or success is not (outcome == "executed"):
        raise UnusableAnswer(f"the pool's answer says success {success} and outcome {outcome}")
    if success:
        return told | TradeResult(outcome=outcome)
    known = TradeResult(error=text, detail=text, code="REFUSED", retryable=False)
    return known | told | TradeResult(outcome=outcome)
