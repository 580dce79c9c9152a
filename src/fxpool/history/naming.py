"""The name under which what is kept of an account is found again, whatever callers call it."""

from __future__ import annotations

from fxpool.account import Account
from fxpool.mapping.instants import iso


def kept_name(account: Account) -> str:
    """Return the broker's account and when it was opened. Raises NotReady before it was read."""
    account_id = account.channel.account_id
    registered = account.book.trader.registered_at
    return str(account_id) if registered is None else f"{account_id}@{iso(registered)}"
