"""Consents that were asked for and not given yet; where they are kept is an argument.

The service does not give a ``state`` back, so the browser keeps it in a cookie.

Source: Open API help, "Account authentication".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import msgspec

from fxpool.store.once import OnceValues

STATE_SECONDS: Final = 600.0
"""How long a person may take on the consent page."""

LINK_SECONDS: Final = 86_400.0
"""How long a consent link that was sent to an account's owner works."""

SCOPES: Final = ("trading", "accounts")
"""Full access, and reading only."""


@dataclass(frozen=True, slots=True)
class PendingConsent:
    """What a consent was asked for: the accounts by key, and one of SCOPES."""

    accounts: tuple[str, ...]
    scope: str


_LINK: Final = "link:"  # before a link's token, so that it is no state of a browser

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PendingConsent).decode


class PendingConsents:
    """Consents by their state, each good for one use."""

    def __init__(self, kept: OnceValues, new_state: Callable[[], str]) -> None:
        self._kept, self._new_state = kept, new_state

    async def begin(self, accounts: Sequence[str], scope: str) -> str:
        """Remember what is asked for and return its state."""
        state = self._new_state()
        pending = PendingConsent(tuple(accounts), scope)
        await self._kept.put(state, _encode(pending).decode(), STATE_SECONDS)
        return state

    async def take(self, state: str) -> PendingConsent | None:
        """Return what a state stands for and forget it; None if it is unknown or too old."""
        return await self._take(state)

    async def offer(self, accounts: Sequence[str], scope: str) -> str:
        """Remember what a link is to ask for; return what makes that link, good for one use."""
        token = self._new_state()
        offered = _encode(PendingConsent(tuple(accounts), scope)).decode()
        await self._kept.put(f"{_LINK}{token}", offered, LINK_SECONDS)
        return token

    async def accept(self, token: str) -> PendingConsent | None:
        """Return what a link asks for and forget it; None if it was used or is too old."""
        return await self._take(f"{_LINK}{token}")

    async def _take(self, key: str) -> PendingConsent | None:
        found = await self._kept.take(key)
        return None if found is None else _decode(found)


def consent_address(base: str, client_id: str, redirect_uri: str, scope: str) -> str:
    """Return the page where the owner of the accounts consents."""
    query = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "product": "web",
    }
    return f"{base}?{urlencode(query)}"
