"""The watcher's screen in 80 and in 120 columns."""

from __future__ import annotations

import pytest
from rich.console import Console

from fxpool.cli.watch_state import WatchState
from fxpool.cli.watch_view import screen
from harness.pool_rows import event, order, position, price, snapshot


def shown(state: WatchState, width: int = 80, quiet_for: float = 0.0) -> str:
    console = Console(width=width, highlight=False, force_terminal=False)
    with console.capture() as capture:
        console.print(screen(state, width, quiet_for))
    return capture.get()


@pytest.fixture
def state() -> WatchState:
    state = WatchState(digits={"EURUSD": 5})
    state.apply(snapshot(positions=[position()], orders=[order()], prices=[price()]))
    return state


@pytest.mark.parametrize("width", [80, 120])
def test_everything_fits_the_width(state: WatchState, width: int) -> None:
    lines = shown(state, width).splitlines()

    assert max(map(len, lines)) <= width
    for words in ("SIMULATED", "balance", "287314502", "91550213", "EURUSD", "live"):
        assert any(words in line for line in lines)
    assert "…" not in "".join(lines)


def test_an_empty_account_says_so_in_words() -> None:
    state = WatchState()
    state.apply(snapshot())

    screen_text = shown(state)
    for words in ("no open positions", "no pending orders", "no quotes yet"):
        assert words in screen_text


def test_a_rising_bid_is_marked(state: WatchState) -> None:
    state.apply(event("price", **price(bid=1.0875)))

    assert "▲" in shown(state)


def test_a_cut_stream_is_shown_above_the_old_numbers(state: WatchState) -> None:
    state.apply(event("streamClosed", reason="the peer closed"))

    assert "the pool's stream is down, trying again: the peer closed" in shown(state)


def test_a_stream_that_goes_on_is_shown_as_it_was_before_the_cut(state: WatchState) -> None:
    before = state.link
    state.apply(event("streamClosed", reason="the peer closed"))
    state.apply(event("streamResumed"))

    assert state.link == before


def test_silence_is_shown(state: WatchState) -> None:
    assert "no event for 42 s" in shown(state, quiet_for=42.0)


def test_before_the_first_snapshot_it_says_what_it_waits_for() -> None:
    assert "waiting for the first snapshot" in shown(WatchState())


def test_more_quotes_than_fit_are_counted() -> None:
    state = WatchState()
    state.apply(snapshot(prices=[price(symbol=f"S{number:02}") for number in range(15)]))

    assert "and 3 more" in shown(state)


def test_orders_of_which_one_cannot_be_read_are_not_shown_as_none(state: WatchState) -> None:
    state.apply(event("orderUnreadable", orderId="77", reason="orderType is absent"))
    state.apply(snapshot(orders=None))
    state.apply(event("orderPlaced", order=order()))
    state.apply(event("price", **price(bid=1.0875)))

    screen_text = shown(state)
    assert "one of them cannot be read" in screen_text
    assert "no pending orders" not in screen_text
    assert "order 77 cannot be read: orderType is absent" in screen_text
