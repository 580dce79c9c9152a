"""Consents that were asked for: used once, within ten minutes, in bounded number."""

from __future__ import annotations

from itertools import count

from fxpool.auth.consent import PendingConsents, consent_address
from fxpool.store.once import ProcessOnce
from harness.clock import ManualClock


def consents(clock: ManualClock) -> PendingConsents:
    numbers = count()
    return PendingConsents(ProcessOnce(clock), lambda: f"state-{next(numbers)}")


async def test_a_state_is_good_once() -> None:
    pending = consents(ManualClock())
    state = await pending.begin(["alpha"], "trading")
    found = await pending.take(state)
    assert found is not None
    assert (found.accounts, found.scope) == (("alpha",), "trading")
    assert await pending.take(state) is None
    assert await pending.take("unknown") is None


async def test_a_state_is_good_for_ten_minutes() -> None:
    clock = ManualClock()
    pending = consents(clock)
    state = await pending.begin(["alpha"], "trading")
    clock.advance(600.0)
    assert await pending.take(state) is None


async def test_states_that_nobody_takes_are_bounded() -> None:
    pending = consents(ManualClock())
    states = [await pending.begin(["alpha"], "trading") for _ in range(1001)]
    assert await pending.take(states[0]) is None
    assert await pending.take(states[-1]) is not None


def test_the_page_is_asked_with_the_redirect_uri_in_full() -> None:
    address = consent_address(
        "https://a.example/p/", "an-id", "http://localhost:1/x?y=1", "trading"
    )
    assert address == (
        "https://a.example/p/?client_id=an-id&redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fx%3Fy%3D1"
        "&scope=trading&product=web"
    )
