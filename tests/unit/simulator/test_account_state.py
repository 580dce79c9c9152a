"""What an account hears about its state: the stream of profits, and margin calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto import model_pb2 as model
from harness.terminal import (
    ACCOUNT,
    EURUSD,
    NO_LIMITS,
    START_MS,
    Terminal,
    make_venue,
)
from harness.terminal import ready_terminal as terminal_of


def ready_terminal(**switches: Any) -> Terminal:
    return terminal_of(make_venue(replace(NO_LIMITS, **switches)))


def opened(terminal: Terminal, **fields: Any) -> Any:
    return terminal.order(**fields)[1][0].deal


# -- the stream of profits -----------------------------------------------------------------

PNL = m.ProtoOAv1PnLChangeSubscribeReq(ctidTraderAccountId=ACCOUNT)
NO_PNL = m.ProtoOAv1PnLChangeUnSubscribeReq(ctidTraderAccountId=ACCOUNT)


def test_the_stream_of_profits_is_unsupported_unless_it_is_served() -> None:
    terminal = ready_terminal()
    assert terminal.ask(PNL).errorCode == "UNSUPPORTED_MESSAGE"
    assert terminal.ask(NO_PNL).errorCode == "UNSUPPORTED_MESSAGE"


def test_a_served_stream_tells_the_profit_now_and_when_it_changes() -> None:
    terminal = ready_terminal(serves_pnl_stream=True)
    venue = terminal.venue
    opened(terminal)
    (answer, is_ours), (first, _) = terminal.ask_all(PNL)
    assert isinstance(answer, m.ProtoOAv1PnLChangeSubscribeRes)
    assert is_ours
    told = terminal.ask(m.ProtoOAGetPositionUnrealizedPnLReq(ctidTraderAccountId=ACCOUNT))
    (profit,) = told.positionUnrealizedPnL
    assert first.grossUnrealizedPnL == profit.grossUnrealizedPnL
    assert first.netUnrealizedPnL == profit.netUnrealizedPnL
    venue.time_passed(START_MS + 500)
    assert terminal.heard() == []
    venue.tick(EURUSD, 112_768, 112_774, START_MS + 600)
    venue.time_passed(START_MS + 1000)
    ((changed, _),) = terminal.heard()
    assert changed.grossUnrealizedPnL == first.grossUnrealizedPnL + 200
    assert terminal.ask(PNL).errorCode == "ALREADY_SUBSCRIBED"
    assert isinstance(terminal.ask(NO_PNL), m.ProtoOAv1PnLChangeUnSubscribeRes)
    assert terminal.ask(NO_PNL).errorCode == "NOT_SUBSCRIBED_TO_PNL"


# -- margin calls --------------------------------------------------------------------------


def test_there_are_three_margin_calls() -> None:
    answer = ready_terminal().ask(m.ProtoOAMarginCallListReq(ctidTraderAccountId=ACCOUNT))
    assert [one.marginCallType for one in answer.marginCall] == [61, 62, 63]


def test_a_margin_call_that_moves_is_told_to_all_who_serve_the_account() -> None:
    terminal = ready_terminal()
    other = terminal_of(terminal.venue)
    other.heard()
    moved = model.ProtoOAMarginCall(
        marginCallType=model.MARGIN_LEVEL_THRESHOLD_2, marginLevelThreshold=87.5
    )
    request = m.ProtoOAMarginCallUpdateReq(ctidTraderAccountId=ACCOUNT, marginCall=moved)
    (answer, is_ours), (event, is_event_ours) = terminal.ask_all(request)
    assert isinstance(answer, m.ProtoOAMarginCallUpdateRes)
    assert (is_ours, is_event_ours) == (True, False)
    assert isinstance(event, m.ProtoOAMarginCallUpdateEvent)
    assert event.marginCall.marginLevelThreshold == 87.5
    assert other.heard() == [(event, "")]
    told = terminal.ask(m.ProtoOAMarginCallListReq(ctidTraderAccountId=ACCOUNT)).marginCall
    assert told[1] == event.marginCall
    request.marginCall.marginLevelThreshold = -1
    assert terminal.ask(request).errorCode == "INVALID_REQUEST"
