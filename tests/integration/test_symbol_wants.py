"""Subscriptions to symbols of several callers of one gateway."""

from __future__ import annotations

import pytest

from fxpool.clock import SystemClock
from fxpool.domain.permissions import Permissions, Principal, Role
from fxpool.gateway import symbol_wants
from fxpool.gateway.access.guard import GuardedPlatform
from fxpool.gateway.access.volume_caps import VolumeCaps
from fxpool.gateway.symbol_wants import SymbolWants
from fxpool.platforms.base import PlatformError
from harness.spy_platform import SpyPlatform


class Desk:
    def __init__(self) -> None:
        self.platform, self.wants = SpyPlatform(), SymbolWants()

    def caller(self, name: str, role: Role = Role.READ, *accounts: str) -> GuardedPlatform:
        permissions = Permissions(role, frozenset(accounts) or None)
        principal = Principal(f"key:{name}", name, permissions)
        caps = VolumeCaps(None, clock=SystemClock())
        return GuardedPlatform(self.platform, principal, caps, None, self.wants)

    def ended(self) -> list[str | None]:
        return [key for name, key in self.platform.calls if name == "unsubscribe_symbol"]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (("EURUSD", "mine"), ("EURUSD", "mine")),
        (("EURUSD", "mine"), ("eurusd", "111")),
        (("EURUSD", None), ("EURUSD", "mine")),
        (("EURUSD", "mine"), ("EURUSD", None)),
        (("*", "mine"), ("EURUSD", "mine")),
        (("EURUSD", "mine"), ("*", None)),
    ],
)
async def test_nobody_ends_what_another_caller_wants(
    theirs: tuple[str, str | None], ours: tuple[str, str | None]
) -> None:
    desk = Desk()
    reader, other = desk.caller("reader"), desk.caller("other")
    await other.subscribe_symbol(*theirs)
    await reader.subscribe_symbol(*ours)
    assert (await reader.unsubscribe_symbol(*ours))["success"]
    assert desk.ended() == []
    await other.unsubscribe_symbol(*theirs)
    assert len(desk.ended()) == 1


async def test_the_last_one_and_who_runs_the_pool_end_it() -> None:
    desk = Desk()
    reader = desk.caller("reader", Role.READ, "mine")
    await reader.subscribe_symbol("EURUSD")
    await reader.unsubscribe_symbol("EURUSD")
    assert desk.ended() == ["mine"]
    await reader.subscribe_symbol("EURUSD")
    await desk.caller("admin", Role.ADMIN).unsubscribe_symbol("EURUSD", "mine")
    assert desk.ended() == ["mine", "mine"]


async def test_other_symbols_and_accounts_are_not_held_and_ended_keys_want_nothing() -> None:
    desk = Desk()
    reader, other = desk.caller("reader"), desk.caller("other")
    await other.subscribe_symbol("EURUSD", "mine")
    await reader.unsubscribe_symbol("GBPUSD", "mine")
    await reader.unsubscribe_symbol("EURUSD", "other")
    assert desk.ended() == ["mine", "other"]
    desk.wants.forget_those_of(lambda principal: principal.name == "other")
    await reader.unsubscribe_symbol("EURUSD", "mine")
    assert desk.ended() == ["mine", "other", "mine"]


async def test_one_key_may_want_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbol_wants, "MAX_WANTS", 2)
    desk = Desk()
    reader = desk.caller("reader")
    await reader.subscribe_symbol("EURUSD", "mine")
    await reader.subscribe_symbol("GBPUSD", "mine")
    with pytest.raises(PlatformError, match="its limit") as refused:
        await reader.subscribe_symbol("USDJPY", "mine")
    assert refused.value.status == 429
    await desk.caller("other").subscribe_symbol("USDJPY", "mine")
