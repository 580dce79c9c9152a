"""What forbids a trading call before anything is sent, in callers' words."""

from __future__ import annotations

from fxpool.platforms.base import PlatformError


def no_rights(code: str, why: str) -> PlatformError:
    """Return the refusal of a call that an account does not allow."""
    return PlatformError(403, code, f"account disabled: {why}", outcome="not_executed")


def require_environment(account: str, known: str, asked: str | None) -> None:
    """Raise PlatformError where a caller believes an account to be in another environment.

    ``known`` is empty where nobody told it.
    """
    if asked is not None and known and asked.lower() != known:
        raise PlatformError(
            409,
            "ENVIRONMENT_MISMATCH",
            f"environment mismatch: account {account} is a {known} account, the request says "
            f"{asked}",
            outcome="not_executed",
        )
