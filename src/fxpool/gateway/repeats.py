"""An order that is refused before its key was looked up: it may be the repeat of one that was
executed, so its refusal must not say that the order was not. Pure.

Source: contract of the older pools' callers, who send an order anew that was "not executed".
"""

from __future__ import annotations

from typing import Final

from fxpool.domain.order_keys import order_key
from fxpool.errors import InvalidCall
from fxpool.mapping.spellings import fold, names_of
from fxpool.platforms.base import PlatformError

_KEY_NAMES: Final = names_of(("comment", "idempotency_key"))


def has_key(body: object, given: str | None) -> bool:
    """Whether an order is known by a key, ``given`` apart or in its body; not if it is none."""
    try:
        found = fold(body, _KEY_NAMES) if isinstance(body, dict) else {}
    except InvalidCall:
        found = {}
    text = given or found.get("idempotency_key")
    return order_key(text and str(text), str(found.get("comment", ""))) is not None


def told_as_repeat(refusal: PlatformError) -> PlatformError:
    """Return the refusal of an order with a key that nobody has looked up."""
    text = (
        f"{refusal.detail}. Nothing was sent now; whether the same order was executed before was "
        "not looked up. The same call may be repeated"
    )
    return PlatformError(
        refusal.status,
        refusal.code,
        text,
        retryable=refusal.retryable,
        outcome="unknown",
        retry_after=refusal.retry_after,
    )
