"""The watcher's state follows the pool's events."""

from __future__ import annotations

import pytest

from fxpool.cli.watch_state import LIVE, WatchState
from harness.pool_rows import account, event, order, position, price, snapshot


@pytest.fixture
def state() -> WatchState:
    state = WatchState()
    state.apply(snapshot(positions=[position()], orders=[order()], prices=[price()]))
    return state


def test_nothing_is_shown_before_the_first_snapshot() -> None:
    assert WatchState().account is None


def test_a_snapshot_replaces_what_was_shown(state: WatchState) -> None:
    state.apply(snapshot(positions=[position(id="7")]))

    assert list(state.positions) == ["7"]
    assert state.orders == {}
    assert state.quotes == {}
    assert state.link == LIVE


def test_a_price_is_marked_by_the_way_its_bid_went(state: WatchState) -> None:
    state.apply(event("price", **price(bid=1.0875)))
    assert state.quotes["EURUSD"].direction == 1

    state.apply(event("price", **price(bid=1.0870)))
    assert state.quotes["EURUSD"].direction == -1


def test_an_unchanged_bid_keeps_its_mark(state: WatchState) -> None:
    state.apply(event("price", **price(bid=1.0875)))
    state.apply(event("price", **price(bid=1.0875, ask=1.0877)))

    assert state.quotes["EURUSD"].direction == 1


def test_a_pending_order_shows_how_far_its_price_is(state: WatchState) -> None:
    state.apply(event("price", **price(bid=1.0875, ask=1.0877)))
    assert state.orders["91550213"]["currentPrice"] == 1.0875

    state.apply(event("orderPlaced", order=order(id="8", type="ORDER_TYPE_BUY_LIMIT")))
    state.apply(event("price", **price(bid=1.0875, ask=1.0877)))
    assert state.orders["8"]["currentPrice"] == 1.0877


def test_a_moving_profit_is_shown(state: WatchState) -> None:
    state.apply(event("positionUpdate", position=position(profit=4.2)))

    assert state.positions["287314502"]["profit"] == 4.2
    assert not state.recent


def test_a_changed_position_replaces_its_old_state(state: WatchState) -> None:
    changed = {"oldPosition": position(), "newPosition": position(volume=0.3)}
    state.apply(event("positionUpdated", **changed))

    assert state.positions["287314502"]["volume"] == 0.3


def test_a_closed_position_leaves_with_its_realised_result(state: WatchState) -> None:
    state.apply(event("positionClosed", position=position(), closedProfit=-3.5))

    assert state.positions == {}
    assert state.recent[-1] == "09:15:27  position 287314502 closed, realised -3.50"


def test_a_filled_order_leaves_the_orders(state: WatchState) -> None:
    state.apply(event("orderFilled", order=order()))

    assert state.orders == {}


def test_an_account_update_is_shown(state: WatchState) -> None:
    state.apply(event("accountUpdated", account=account(equity=9000.0)))

    assert state.account is not None
    assert state.account["equity"] == 9000.0


def test_a_cut_link_is_said_until_it_is_up_again(state: WatchState) -> None:
    state.apply(event("disconnected", reason="the peer closed the connection"))
    assert state.link == "the broker's link is down: the peer closed the connection"

    state.apply(event("reconnected", disconnectDuration=1.5))
    assert state.link == LIVE


def test_symbols_on_the_screen_are_those_of_quotes_positions_and_orders(state: WatchState) -> None:
    state.apply(event("positionOpened", position=position(id="8", symbol="XAUUSD")))

    assert state.symbols() == {"EURUSD", "XAUUSD"}
