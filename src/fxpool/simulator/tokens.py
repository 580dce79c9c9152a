"""Who may use which account: access and refresh tokens. Pure; new tokens come from an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from fxpool.simulator.refusal import Carrier, Refusal

LIFETIME_SECONDS = 2_628_000
"""What the real server answers as ``expiresIn``: 30.4 days."""


class Scope(IntEnum):
    """What a grant allows; the values are the wire's."""

    VIEW = 0
    TRADE = 1


@dataclass(frozen=True, slots=True)
class Grant:
    """A consent: a pair of tokens for some accounts. Its tokens are not in its repr."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    account_ids: tuple[int, ...]
    scope: Scope


class TokenKeeper:
    """All valid grants. A refresh token works once, and its access token dies with it."""

    def __init__(self, new_token: Callable[[], str]) -> None:
        self._new_token = new_token
        self._by_access: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}

    def grant(
        self,
        account_ids: tuple[int, ...],
        scope: Scope = Scope.TRADE,
        *,
        access_token: str = "",
        refresh_token: str = "",
    ) -> Grant:
        """Make and return a grant; tokens that are not given are new."""
        grant = Grant(
            access_token or self._new_token(),
            refresh_token or self._new_token(),
            account_ids,
            scope,
        )
        self._by_access[grant.access_token] = grant
        self._by_refresh[grant.refresh_token] = grant
        return grant

    def find(self, access_token: str) -> Grant:
        """Return the grant of an access token. Raises Refusal if it is not valid."""
        grant = self._by_access.get(access_token)
        if grant is None:
            raise _invalid("Invalid access token")
        return grant

    def refresh(self, refresh_token: str) -> tuple[Grant, Grant]:
        """Spend a refresh token; return its grant and the one that replaces it."""
        old = self._by_refresh.get(refresh_token)
        if old is None:
            raise _invalid("Invalid refresh token")
        del self._by_refresh[refresh_token]
        self._by_access.pop(old.access_token, None)
        return old, self.grant(old.account_ids, old.scope)

    def invalidate(self, access_token: str) -> Grant:
        """Make an access token worthless; its refresh token still works. Raises Refusal."""
        grant = self.find(access_token)
        del self._by_access[access_token]
        return grant


def _invalid(text: str) -> Refusal:
    return Refusal("CH_ACCESS_TOKEN_INVALID", text, carrier=Carrier.ERROR_RES)
