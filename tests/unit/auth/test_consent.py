"""Consents that were asked for: used once, within ten minutes, in bounded number."""

from __future__ import annotations

from itertools import count

from fxpool.auth.consent import PendingConsents, consent_address


def consents() -> PendingConsents:
    numbers = count()
    return PendingConsents(lambda: f"state-{next(numbers)}")


def test_a_state_is_good_once() -> None:
    pending = consents()
    state = pending.begin(["alpha"], "trading", 0.0)
    found = pending.take(state, 1.0)
    assert found is not None
    assert (found.accounts, found.scope) == (("alpha",), "trading")
    assert pending.take(state, 1.0) is None
    assert pending.take("unknown", 1.0) is None


def test_a_state_is_good_for_ten_minutes() -> None:
    pending = consents()
    assert pending.take(pending.begin(["alpha"], "trading", 0.0), 600.0) is None


def test_states_that_nobody_takes_are_bounded() -> None:
    pending = consents()
    states = [pending.begin(["alpha"], "trading", 0.0) for _ in range(1001)]
    assert pending.take(states[0], 1.0) is None
    assert pending.take(states[-1], 1.0) is not None


def test_the_page_is_asked_with_the_redirect_uri_in_full() -> None:
    address = consent_address(
        "https://a.example/p/", "an-id", "http://localhost:1/x?y=1", "trading"
    )
    assert address == (
        "https://a.example/p/?client_id=an-id&redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fx%3Fy%3D1"
        "&scope=trading&product=web"
    )
