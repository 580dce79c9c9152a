"""Which alerts are told, and which only repeat."""

from __future__ import annotations

from fxpool.alerts import Alert, Repeats
from fxpool.alerts.alert import REPEAT_SECONDS


def test_texts_that_are_equal_up_to_digits_are_told_once_a_minute() -> None:
    repeats = Repeats()
    assert repeats.admits(Alert("x", "3 failures in 20 s", "alpha"), 0.0)
    assert not repeats.admits(Alert("x", "4 failures in 25 s", "alpha"), 5.0)
    assert not repeats.admits(Alert("y", "5 failures in 250 s", "alpha"), REPEAT_SECONDS - 0.1)
    assert repeats.admits(Alert("x", "6 failures in 30 s", "alpha"), REPEAT_SECONDS)


def test_another_account_is_news_even_if_its_name_is_all_digits() -> None:
    repeats = Repeats()
    assert repeats.admits(Alert("x", "refused", "12345"), 0.0)
    assert repeats.admits(Alert("x", "refused", "12346"), 0.0)
    assert repeats.admits(Alert("x", "refused"), 0.0)


def test_a_kind_with_a_cooldown_is_told_once_in_it_whatever_its_text() -> None:
    repeats = Repeats()
    assert repeats.admits(Alert("unknown", "ticket a", "alpha", cooldown=300.0), 0.0)
    assert not repeats.admits(Alert("unknown", "ticket b", "alpha", cooldown=300.0), 299.0)
    assert repeats.admits(Alert("unknown", "ticket b", "beta", cooldown=300.0), 299.0)
    assert repeats.admits(Alert("other", "ticket c", "alpha", cooldown=300.0), 299.0)
    assert repeats.admits(Alert("unknown", "ticket d", "alpha", cooldown=300.0), 300.0)


def test_what_is_remembered_is_bounded() -> None:
    repeats = Repeats()
    for number in range(5000):
        assert repeats.admits(Alert("x", "refused", f"account-{number}"), 0.0)
    assert len(repeats._over) <= 1001
