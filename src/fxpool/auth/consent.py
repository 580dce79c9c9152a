"""Consents that were asked for and not given yet. Pure; ``now`` and new states are arguments.

The service does not give a ``state`` back, so the browser keeps it in a cookie.

Source: Open API help, "Account authentication".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

STATE_SECONDS: Final = 600.0
"""How long a person may take on the consent page."""

_MOST: Final = 1000
"""States kept at once; the oldest goes first."""

SCOPES: Final = ("trading", "accounts")
"""Full access, and reading only."""


@dataclass(frozen=True, slots=True)
class PendingConsent:
    """What a consent was asked for: the accounts by key, and one of SCOPES."""

    accounts: tuple[str, ...]
    scope: str
    expires_at: float


class PendingConsents:
    """Consents by their state, each good for one use."""

    def __init__(self, new_state: Callable[[], str]) -> None:
        self._new_state = new_state
        self._pending: dict[str, PendingConsent] = {}

    def begin(self, accounts: Sequence[str], scope: str, now: float) -> str:
        """Remember what is asked for and return its state."""
        while len(self._pending) >= _MOST:
            del self._pending[next(iter(self._pending))]
        state = self._new_state()
        self._pending[state] = PendingConsent(tuple(accounts), scope, now + STATE_SECONDS)
        return state

    def take(self, state: str, now: float) -> PendingConsent | None:
        """Return what a state stands for and forget it; None if it is unknown or too old."""
        found = self._pending.pop(state, None)
        return found if found is not None and now < found.expires_at else None


def consent_address(base: str, client_id: str, redirect_uri: str, scope: str) -> str:
    """Return the page where the owner of the accounts consents."""
    query = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "product": "web",
    }
    return f"{base}?{urlencode(query)}"
