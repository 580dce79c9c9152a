"""What the engine's notices look like on the wire, and the switches that only show there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto import model_pb2 as model
from fxpool.simulator import Rules
from fxpool.simulator.engine.accounts import AccessRights
from fxpool.simulator.engine.rules import ExtraDigits, PendingLevels
from fxpool.simulator.venue import Venue
from harness.terminal import (
    ACCOUNT,
    EURUSD,
    NO_LIMITS,
    START_MS,
    USDJPY,
    Terminal,
    make_venue,
    ready_terminal,
)


def started(rules: Rules | None = None, **changes: Any) -> tuple[Venue, Terminal]:
    """Return a broker under these rules, EURUSD changed, with a client of one account."""
    venue = make_venue(replace(NO_LIMITS, rules=rules or Rules()))
    symbol = venue.engine.symbols[EURUSD]
    venue.engine.symbols[EURUSD] = replace(symbol, **changes)
    venue.tick(EURUSD, 112_560, 112_570, START_MS)
    return venue, ready_terminal(venue)


def pushed(terminal: Terminal) -> list[Any]:
    messages = terminal.heard()
    assert not any(request_id for _, request_id in messages)
    return [message for message, _ in messages]


def test_a_trailing_stop_that_moves_is_one_event_of_its_own() -> None:
    venue, terminal = started()
    position = terminal.order(relativeStopLoss=500, trailingStopLoss=True)[-1][0]
    assert position.position.trailingStopLoss
    assert position.order.trailingStopLoss
    venue.tick(EURUSD, 112_600, 112_610, START_MS + 7)
    (moved,) = pushed(terminal)
    assert isinstance(moved, m.ProtoOATrailingSLChangedEvent)
    assert moved.positionId == position.position.positionId
    assert moved.orderId == position.order.orderId
    assert (moved.stopPrice, moved.utcLastUpdateTimestamp) == (1.1211, START_MS + 7)


def test_a_guaranteed_stop_and_its_trigger_are_shown() -> None:
    _, terminal = started(allows_guaranteed_stops=True)
    shown = terminal.order(relativeStopLoss=500, guaranteedStopLoss=True)[-1][0]
    assert shown.position.guaranteedStopLoss
    assert shown.position.tradeData.guaranteedStopLoss
    amended = terminal.ask(
        m.ProtoOAAmendPositionSLTPReq(
            ctidTraderAccountId=ACCOUNT,
            positionId=shown.position.positionId,
            stopLoss=1.1215,
            stopLossTriggerMethod=model.DOUBLE_OPPOSITE,
        )
    )
    assert amended.position.guaranteedStopLoss
    assert amended.position.stopLossTriggerMethod == model.DOUBLE_OPPOSITE
    assert amended.order.stopTriggerMethod == model.DOUBLE_OPPOSITE


def test_margin_calls_and_a_stop_out_reach_the_client() -> None:
    venue, terminal = started()
    terminal.order(volume=80_000_000)
    venue.tick(EURUSD, 111_800, 111_810, START_MS + 1)
    *calls, stopped = pushed(terminal)
    assert [one.marginCall.marginCallType for one in calls] == [61, 62, 63]
    assert [one.marginCall.marginLevelThreshold for one in calls] == [100.0, 80.0, 60.0]
    assert stopped.order.isStopOut
    assert stopped.isServerEvent
    assert stopped.order.orderType == model.MARKET


def test_a_partial_fill_is_called_so_on_its_deal() -> None:
    _, terminal = started(liquidity=100_000)
    first, last = (message.deal for message, _ in terminal.order(volume=200_000)[1:])
    assert (first.dealStatus, first.filledVolume) == (model.PARTIALLY_FILLED, 100_000)
    assert (last.dealStatus, last.filledVolume) == (model.FILLED, 100_000)
    assert last.executionPrice == 1.12571


def test_a_swap_is_an_event_with_a_position_and_no_deal() -> None:
    venue, terminal = started()
    terminal.order(volume=1_000_000)
    venue.time_passed(START_MS)
    venue.time_passed(START_MS + 2 * 86_400_000)  # a Sunday night, then a Monday night
    (swap,) = pushed(terminal)
    assert swap.executionType == model.SWAP
    assert swap.position.swap == -111  # 1.106 pips
    assert not swap.HasField("deal")


def test_a_bonus_is_told_beside_the_balance() -> None:
    venue, terminal = started()
    venue.give_bonus(ACCOUNT, 5, START_MS)
    (event,) = pushed(terminal)
    assert isinstance(event, m.ProtoOAExecutionEvent)
    assert event.executionType == model.BONUS_DEPOSIT_WITHDRAW
    assert (event.bonusDepositWithdraw.managerBonus, event.bonusDepositWithdraw.managerDelta) == (
        5,
        5,
    )
    record = terminal.ask(m.ProtoOATraderReq(ctidTraderAccountId=ACCOUNT)).trader
    assert (record.managerBonus, record.balance) == (5, 1_000_000)


def test_changes_are_pushed_with_what_has_changed() -> None:
    _, terminal = started(Rules(pushes_account_changes=True))
    accepted, filled, changed = terminal.order()
    assert isinstance(changed[0], m.ProtoOAMarginChangedEvent)
    assert changed[0].usedMargin == filled[0].position.usedMargin == 1126
    close = m.ProtoOAClosePositionReq(
        ctidTraderAccountId=ACCOUNT, positionId=accepted[0].position.positionId, volume=100_000
    )
    updated = terminal.ask_all(close)[-1][0]
    assert isinstance(updated, m.ProtoOATraderUpdatedEvent)
    assert updated.trader.balanceVersion == 3


def test_an_account_may_lose_its_rights_while_it_is_open() -> None:
    venue, terminal = started(Rules(pushes_account_changes=True))
    spec = venue.engine.books[ACCOUNT].spec
    venue.amend_account(replace(spec, access_rights=AccessRights.NO_TRADING), START_MS)
    (updated,) = pushed(terminal)
    assert updated.trader.accessRights == model.NO_TRADING
    ((refused, _),) = terminal.order()
    assert refused.errorCode == "TRADING_NOT_ALLOWED"


@pytest.mark.parametrize(("repeats", "ours"), [(False, [True, True]), (True, [True, True, False])])
def test_a_fill_may_come_a_second_time_without_its_id(*, repeats: bool, ours: list[bool]) -> None:
    _, terminal = started(Rules(repeats_fills=repeats))
    messages = terminal.order()
    assert [is_ours for _, is_ours in messages] == ours
    assert messages[-1][0].deal == messages[1][0].deal


@pytest.mark.parametrize(
    ("rule", "symbol_id", "price", "expected"),
    [
        (ExtraDigits.INVALID_REQUEST, EURUSD, 1.123456, "INVALID_REQUEST"),
        (ExtraDigits.BAD_PRICES, EURUSD, 1.123456, "TRADING_BAD_PRICES"),
        (ExtraDigits.ROUNDED, EURUSD, 1.123456, 1.12346),
        (ExtraDigits.INVALID_REQUEST, USDJPY, 100.1234, "INVALID_REQUEST"),
        (ExtraDigits.BAD_PRICES, USDJPY, 100.1234, "TRADING_BAD_PRICES"),
        (ExtraDigits.ROUNDED, USDJPY, 100.1236, 100.124),
    ],
)
def test_a_price_with_too_many_decimals_is_refused_or_rounded(
    rule: ExtraDigits, symbol_id: int, price: float, expected: str | float
) -> None:
    _, terminal = started(Rules(extra_digits=rule))
    ((answer, _),) = terminal.order(symbolId=symbol_id, orderType=model.LIMIT, limitPrice=price)
    if isinstance(expected, str):
        is_order_error = isinstance(answer, m.ProtoOAOrderErrorEvent)
        assert is_order_error is (rule is ExtraDigits.BAD_PRICES)
        assert answer.errorCode == expected
    else:
        assert answer.order.limitPrice == expected


def test_a_rounded_amendment_keeps_to_its_symbol_too() -> None:
    _, terminal = started(Rules(extra_digits=ExtraDigits.ROUNDED))
    terminal.order(symbolId=USDJPY, orderType=model.LIMIT, limitPrice=100.0)
    (order,) = terminal.ask(m.ProtoOAReconcileReq(ctidTraderAccountId=ACCOUNT)).order
    amended = terminal.ask(
        m.ProtoOAAmendOrderReq(
            ctidTraderAccountId=ACCOUNT, orderId=order.orderId, limitPrice=99.9996
        )
    )
    assert amended.order.limitPrice == 100.0


@pytest.mark.parametrize("rule", list(PendingLevels))
def test_prices_of_a_pending_order_are_shown_as_given_or_as_distances(rule: PendingLevels) -> None:
    _, terminal = started(Rules(pending_levels=rule))
    ((accepted, _),) = terminal.order(
        orderType=model.LIMIT, limitPrice=1.12, stopLoss=1.11, takeProfit=1.13
    )
    order, is_absolute = accepted.order, rule is PendingLevels.ABSOLUTE
    assert order.HasField("stopLoss") is order.HasField("takeProfit") is is_absolute
    assert order.HasField("relativeStopLoss") is not is_absolute
    if is_absolute:
        assert (order.stopLoss, order.takeProfit) == (1.11, 1.13)
    else:
        assert (order.relativeStopLoss, order.relativeTakeProfit) == (1000, 1000)
