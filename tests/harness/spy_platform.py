"""A platform that notes every call that reaches it and answers emptily: for tests of the guard."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fxpool.domain.api_keys import ID_BYTES, SECRET_BYTES, ApiKey, make_key
from fxpool.domain.permissions import Permissions
from fxpool.platforms.base import Platform, PlatformError, Subscription
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import EventFilter
from harness.hub_platform import HubPlatform

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
NAMES = {"mine": "mine", "111": "mine", "other": "other", "222": "other"}
"""Every name of the two accounts."""

ANSWERS: dict[str, Any] = {
    "tickets": {"tickets": [], "count": 0},
    "close_positions": {"success": True, "outcome": "executed", "results": []},
    "reset_connections": 0,
    "accounts": {"mine": {}, "other": {}},
    "health": {
        "status": "healthy",
        "service": "spy",
        "version": "0",
        "simulated": True,
        "checks": {},
        "accounts": {"mine": "live", "other": "live"},
        "details": {"mine": {}, "other": {}},
    },
    "positions": {"positions": [], "count": 0},
    "ticket": {"accountId": "other"},
    "wait_ticket": {"accountId": "other"},
}


class SpyPlatform(HubPlatform):
    """Has the accounts ``mine`` and ``other``.

    Attributes:
        calls: each call that arrived: its name, and the key of the account it was about.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str | None]] = []

    def key_of(self, account: str) -> str:
        try:
            return NAMES[account]
        except KeyError:
            raise PlatformError(404, "ACCOUNT_NOT_FOUND", f"no {account}") from None

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> Subscription:
        accounts = wanted.accounts if wanted is not None else None
        for account in sorted(accounts) if accounts is not None else [None]:
            self.calls.append(("subscribe", account))
        return super().subscribe(wanted, resume)


def _noting(name: str) -> Callable[..., Any]:
    signature = inspect.signature(getattr(Platform, name))

    async def call(self: SpyPlatform, *args: Any, **options: Any) -> Any:
        given = signature.bind(self, *args, **options).arguments
        account = given.get("account")
        self.calls.append((name, None if account is None else NAMES.get(account, account)))
        answer = ANSWERS.get(name, {"success": True, "outcome": "executed"})
        return {**answer} if isinstance(answer, dict) else answer

    return call


for _name, _call in inspect.getmembers(Platform, inspect.iscoroutinefunction):
    if _name not in {"open", "close"}:
        setattr(SpyPlatform, _name, _noting(_name))


def new_key(number: int, permissions: Permissions, **more: Any) -> tuple[str, ApiKey]:
    """Return a key as its holder has it and as it is kept; equal numbers, equal keys."""
    chance = number.to_bytes(ID_BYTES, "big") + bytes(SECRET_BYTES)
    text, key_id, digest = make_key(chance)
    return text, ApiKey(key_id, f"key-{number}", digest, permissions, NOW, **more)
