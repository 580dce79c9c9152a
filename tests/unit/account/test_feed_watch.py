"""A quiet symbol is asked about; only one that stays silent even then is dead."""

from __future__ import annotations

from fxpool.account.feed_watch import (
    ANSWER_SECONDS,
    NO_PRICE,
    REAUTHORISE_EVERY,
    FeedWatch,
    Heard,
)

A, B = 1, 2
NOW = 1000.0


def quote(at: float, bid: int = 100) -> Heard:
    return Heard(at, (bid, bid + 1))


def watch() -> FeedWatch:
    made = FeedWatch(silent_seconds=60)
    made.look({A: quote(NOW), B: quote(NOW)}, NOW)
    return made


def test_a_symbol_that_is_heard_needs_nothing() -> None:
    treatment = watch().look({A: quote(NOW + 50), B: quote(NOW + 60)}, NOW + 100)
    assert not treatment.resubscribe
    assert not treatment.dead


def test_a_silent_symbol_is_subscribed_again_once() -> None:
    watched = watch()
    heard = {A: quote(NOW), B: quote(NOW + 59)}
    assert watched.look(heard, NOW + 60).resubscribe == {A}
    assert not watched.look(heard, NOW + 61).resubscribe


def test_a_symbol_that_is_only_quiet_is_asked_about_each_time_and_never_dead() -> None:
    watched = watch()
    asked = 0
    heard_at = NOW
    for second in range(1, 1000):
        treatment = watched.look({A: quote(heard_at)}, NOW + second)
        assert not treatment.dead
        if treatment.resubscribe:
            asked += 1
            heard_at = NOW + second + 0.1  # the same price again: nothing was missed
    assert asked == 16


def test_a_symbol_that_stays_silent_is_dead() -> None:
    watched = watch()
    watched.look({A: quote(NOW)}, NOW + 60)
    assert not watched.look({A: quote(NOW)}, NOW + 60 + ANSWER_SECONDS - 0.1).dead
    assert watched.look({A: quote(NOW)}, NOW + 60 + ANSWER_SECONDS).dead == {A}


def test_a_quote_that_was_missed_and_then_silence_is_a_dead_feed() -> None:
    watched = watch()
    watched.look({A: quote(NOW)}, NOW + 60)
    missed = {A: quote(NOW + 60.1, bid=120)}
    assert not watched.look(missed, NOW + 61).dead
    assert watched.look(missed, NOW + 120.1).dead == {A}


def test_a_quote_that_was_missed_and_then_more_is_a_healed_feed() -> None:
    watched = watch()
    watched.look({A: quote(NOW)}, NOW + 60)
    watched.look({A: quote(NOW + 60.1, bid=120)}, NOW + 61)
    watched.look({A: quote(NOW + 65, bid=121)}, NOW + 66)
    treatment = watched.look({A: quote(NOW + 65, bid=121)}, NOW + 125)
    assert not treatment.dead
    assert treatment.resubscribe == {A}


def test_an_account_is_not_authorised_again_and_again_for_a_dead_feed() -> None:
    watched = watch()
    deaths = [
        second
        for second in range(60, 60 + 2 * int(REAUTHORISE_EVERY))
        if watched.look({A: quote(NOW)}, NOW + second).dead
    ]
    assert len(deaths) == 2
    assert deaths[1] - deaths[0] >= REAUTHORISE_EVERY


def test_the_silence_of_a_closed_market_does_not_count() -> None:
    watched = watch()
    watched.look({}, NOW + 1)  # closed: not among what should be quoted
    assert not watched.look({A: quote(NOW)}, NOW + 900).resubscribe  # it has just opened
    assert watched.look({A: quote(NOW)}, NOW + 960).resubscribe == {A}


def test_a_symbol_without_any_price_beside_quoted_ones_is_asked_about_and_never_dead() -> None:
    watched = FeedWatch(silent_seconds=60)
    none = Heard(0.0, NO_PRICE)
    asked = 0
    for second in range(1, 1000):
        treatment = watched.look({A: none, B: quote(NOW + second)}, NOW + second)
        assert not treatment.dead
        asked += treatment.resubscribe == {A}
    assert asked == 15


def test_a_feed_that_never_began_is_dead() -> None:
    watched = FeedWatch(silent_seconds=60)
    heard = {A: Heard(0.0, NO_PRICE), B: Heard(0.0, NO_PRICE)}
    watched.look(heard, NOW)
    watched.look(heard, NOW + 60)
    assert watched.look(heard, NOW + 60 + ANSWER_SECONDS).dead == {A, B}
