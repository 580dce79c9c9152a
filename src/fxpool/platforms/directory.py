"""Which account a caller means: four kinds of name, one account or an error. Pure.

Source: the ids that callers of the older pools send.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fxpool.platforms.base import PlatformError


@dataclass(frozen=True, slots=True)
class AccountNames:
    """The names of one account, strongest first.

    Attributes:
        key: its key in the routing configuration.
        alias: the ``accountId`` that the configuration gives it.
        ctid: its ``ctidTraderAccountId``, once known.
        login: the broker's account number, once known.
    """

    key: str
    alias: str | None
    ctid: int | None
    login: int | None


def find_account(name: str, known: Iterable[AccountNames]) -> str:
    """Return the key of the account that a name means; the strongest kind of name that fits wins.

    Raises PlatformError: 404 if none fits, 409 if several do in the same way.
    """
    accounts = list(known)
    for names_of in (
        lambda account: account.key,
        lambda account: account.alias,
        lambda account: _text(account.ctid),
        lambda account: _text(account.login),
    ):
        keys = sorted(account.key for account in accounts if names_of(account) == name)
        if len(keys) > 1:
            raise PlatformError(
                409,
                "AMBIGUOUS_ACCOUNT",
                f"Account name {name} means several accounts: {', '.join(keys)}; use one of these",
            )
        if keys:
            return keys[0]
    raise PlatformError(404, "ACCOUNT_NOT_FOUND", f"Account not found: {name}")


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
