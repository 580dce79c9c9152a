"""Who wants which symbol quoted, so that nobody ends what another caller still wants. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fxpool.domain.permissions import MAY, Operation, Principal
from fxpool.platforms.base import PlatformError

MAX_WANTS: Final = 5_000
"""Symbols that one key may want, each on each account counted on its own."""

_ALL: Final = "*"


class SymbolWants:
    """What callers subscribed to and did not end yet; an account of None means all."""

    def __init__(self) -> None:
        self._wants: dict[tuple[str, str | None, str], Principal] = {}

    def require_room(self, principal: Principal) -> None:
        """Raise PlatformError 429 if a caller wants as much as it may."""
        own = sum(subject == principal.subject for subject, _, _ in self._wants)
        if own >= MAX_WANTS:
            text = f"network: {own} symbols are subscribed by {principal.name}, which is its limit"
            raise PlatformError(429, "TOO_MANY_SUBSCRIPTIONS", text)

    def add(self, principal: Principal, account: str | None, symbol: str) -> None:
        """Note that a caller wants a symbol."""
        self._wants[principal.subject, account, symbol.upper()] = principal

    def drop(self, principal: Principal, account: str | None, symbol: str) -> bool:
        """Note that a caller wants it no more; return whether nobody else does.

        Who runs the pool ends it for all.
        """
        symbol = symbol.upper()
        if Operation.OPERATE in MAY[principal.permissions.role]:
            self._forget(lambda _, a, s: _overlap(a, s, account, symbol))
            return True
        self._wants.pop((principal.subject, account, symbol), None)
        return not any(
            subject != principal.subject and _overlap(a, s, account, symbol)
            for subject, a, s in self._wants
        )

    def forget_those_of(self, is_over: Callable[[Principal], bool]) -> None:
        """Forget what callers wanted whose key has ended."""
        self._wants = {key: who for key, who in self._wants.items() if not is_over(who)}

    def _forget(self, is_meant: Callable[[str, str | None, str], bool]) -> None:
        self._wants = {key: who for key, who in self._wants.items() if not is_meant(*key)}


def _overlap(account: str | None, symbol: str, other: str | None, other_symbol: str) -> bool:
    """Whether two wants have a symbol on an account in common."""
    return (account == other or None in {account, other}) and (
        symbol == other_symbol or _ALL in {symbol, other_symbol}
    )
