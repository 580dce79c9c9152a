"""Who may use which account: access and refresh tokens. Pure; new tokens come from an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum

from fxpool.simulator.profile import Profile
from fxpool.simulator.refusal import Carrier, Refusal
from fxpool.simulator.switches import OldGrant


class Scope(IntEnum):
    """What a grant allows; the values are the wire's."""

    VIEW = 0
    TRADE = 1


@dataclass(frozen=True, slots=True)
class Grant:
    """A consent: a pair of tokens for some accounts. Its tokens are not in its repr.

    Attributes:
        expires_ms: when its access token expires, in epoch milliseconds; None for never.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    account_ids: tuple[int, ...]
    scope: Scope
    expires_ms: int | None = None


class TokenKeeper:
    """All grants. A refresh token works once, and its access token dies with it."""

    def __init__(self, new_token: Callable[[], str], profile: Profile | None = None) -> None:
        self._new_token = new_token
        self._profile = profile or Profile()
        self._by_access: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}
        self._told_expired: set[str] = set()

    def grant(
        self,
        account_ids: tuple[int, ...],
        scope: Scope = Scope.TRADE,
        *,
        access_token: str = "",
        refresh_token: str = "",
        at_ms: int | None = None,
    ) -> Grant:
        """Make and return a grant; tokens that are not given are new.

        ``at_ms`` is when it is given; without it, its access token never expires.
        """
        lifetime_ms = self._profile.token_lifetime * 1000
        grant = Grant(
            access_token or self._new_token(),
            refresh_token or self._new_token(),
            account_ids,
            scope,
            None if at_ms is None else at_ms + lifetime_ms,
        )
        self._keep(grant)
        return grant

    def find(self, access_token: str, at_ms: int | None = None) -> Grant:
        """Return the grant of an access token. Raises Refusal if it is not valid (SW-11).

        ``at_ms`` is the present, without which nothing has expired.
        """
        grant = self._by_access.get(access_token)
        if grant is None:
            raise _invalid("Invalid access token")
        if at_ms is not None and _is_expired(grant, at_ms):
            code = self._profile.expired_token.value
            raise Refusal(code, "Access token expired", carrier=Carrier.ERROR_RES)
        return grant

    def refresh(self, refresh_token: str, at_ms: int | None = None) -> tuple[Grant, Grant]:
        """Spend a refresh token; return its grant and the one that replaces it."""
        old = self._by_refresh.get(refresh_token)
        if old is None:
            raise _invalid("Invalid refresh token")
        self._forget(old)
        return old, self.grant(old.account_ids, old.scope, at_ms=at_ms)

    def consent(
        self, account_ids: tuple[int, ...], scope: Scope, at_ms: int
    ) -> tuple[Grant, list[tuple[Grant, tuple[int, ...]]]]:
        """Make the grant of a new consent.

        Return it, and each earlier grant that lost accounts by it, with those (SW-08).
        """
        harmed = list(self._harm(account_ids))
        return self.grant(account_ids, scope, at_ms=at_ms), harmed

    def invalidate(self, access_token: str) -> Grant:
        """Make an access token worthless; its refresh token still works. Raises Refusal."""
        grant = self.find(access_token)
        del self._by_access[access_token]
        return grant

    def of_account(self, account_id: int) -> tuple[Grant, ...]:
        """Return the grants with a valid access token that name an account."""
        return tuple(one for one in self._by_access.values() if account_id in one.account_ids)

    def newly_expired(self, at_ms: int) -> Iterator[Grant]:
        """Return each grant once whose access token has expired."""
        for grant in self._by_access.values():
            if _is_expired(grant, at_ms) and grant.access_token not in self._told_expired:
                self._told_expired.add(grant.access_token)
                yield grant

    def _harm(self, ticked: tuple[int, ...]) -> Iterator[tuple[Grant, tuple[int, ...]]]:
        fate = self._profile.old_grant
        if fate is OldGrant.STAYS:
            return
        for grant in list(self._by_refresh.values()):
            kept = tuple(
                one for one in grant.account_ids if fate is not OldGrant.DIES and one in ticked
            )
            lost = tuple(one for one in grant.account_ids if one not in kept)
            if not lost:
                continue
            self._forget(grant)
            if kept:
                self._keep(replace(grant, account_ids=kept))
            yield grant, lost

    def _keep(self, grant: Grant) -> None:
        self._by_access[grant.access_token] = grant
        self._by_refresh[grant.refresh_token] = grant

    def _forget(self, grant: Grant) -> None:
        self._by_refresh.pop(grant.refresh_token, None)
        self._by_access.pop(grant.access_token, None)
        self._told_expired.discard(grant.access_token)


def _is_expired(grant: Grant, at_ms: int) -> bool:
    return grant.expires_ms is not None and at_ms >= grant.expires_ms


def _invalid(text: str) -> Refusal:
    return Refusal("CH_ACCESS_TOKEN_INVALID", text, carrier=Carrier.ERROR_RES)
