"""Lists of deals, orders and cash: windows, order, freshness, and which deal closed which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fxpool.openapi.proto import messages_pb2 as m
from harness.terminal import (
    ACCOUNT,
    NO_LIMITS,
    START_MS,
    Terminal,
    make_venue,
)
from harness.terminal import ready_terminal as terminal_of

WEEK_MS = 604_800_000


def ready_terminal(**switches: Any) -> Terminal:
    return terminal_of(make_venue(replace(NO_LIMITS, **switches)))


def deals(terminal: Terminal, **fields: Any) -> Any:
    return terminal.ask(m.ProtoOADealListReq(ctidTraderAccountId=ACCOUNT, **fields))


def close(terminal: Terminal, position_id: int, volume: int) -> Any:
    request = m.ProtoOAClosePositionReq(
        ctidTraderAccountId=ACCOUNT, positionId=position_id, volume=volume
    )
    return terminal.ask_all(request)[1][0].deal


def opened(terminal: Terminal, **fields: Any) -> Any:
    return terminal.order(**fields)[1][0].deal


# -- what matches what ---------------------------------------------------------------------


def offsets(terminal: Terminal, deal: Any) -> tuple[list[Any], list[Any]]:
    answer = terminal.ask(
        m.ProtoOADealOffsetListReq(ctidTraderAccountId=ACCOUNT, dealId=deal.dealId)
    )
    return list(answer.offsetBy), list(answer.offsetting)


def test_closing_deals_offset_the_oldest_opening_deals_first() -> None:
    terminal = ready_terminal()
    first = opened(terminal, volume=200_000)
    second = opened(terminal, volume=200_000, positionId=first.positionId)
    one = close(terminal, first.positionId, 300_000)
    two = close(terminal, first.positionId, 100_000)
    by_first, _ = offsets(terminal, first)
    assert [(found.dealId, found.volume) for found in by_first] == [(one.dealId, 200_000)]
    by_second, nothing = offsets(terminal, second)
    assert [(found.dealId, found.volume) for found in by_second] == [
        (one.dealId, 100_000),
        (two.dealId, 100_000),
    ]
    assert nothing == []
    nothing, of_one = offsets(terminal, one)
    assert [(found.dealId, found.volume) for found in of_one] == [
        (first.dealId, 200_000),
        (second.dealId, 100_000),
    ]
    assert nothing == []
    assert of_one[0].executionPrice == first.executionPrice
    assert of_one[0].executionTimestamp == first.executionTimestamp


def test_a_deal_that_is_not_there_has_no_offsets() -> None:
    request = m.ProtoOADealOffsetListReq(ctidTraderAccountId=ACCOUNT, dealId=1)
    assert ready_terminal().ask(request).errorCode == "ENTITY_NOT_FOUND"


# -- windows, order, freshness -------------------------------------------------------------


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_deals_of_a_position_come_in_the_order_of_the_profile(*, newest_first: bool) -> None:
    terminal = ready_terminal(deals_of_position_newest_first=newest_first)
    first = opened(terminal)
    second = close(terminal, first.positionId, 100_000)
    answer = terminal.ask(
        m.ProtoOADealListByPositionIdReq(ctidTraderAccountId=ACCOUNT, positionId=first.positionId)
    )
    expected = [second.dealId, first.dealId] if newest_first else [first.dealId, second.dealId]
    assert [one.dealId for one in answer.deal] == expected


def test_a_deal_can_be_missing_from_the_history_for_a_while() -> None:
    terminal = ready_terminal(deal_delay=5.0)
    opened(terminal)
    terminal.at_ms += 4_999
    assert list(deals(terminal).deal) == []
    terminal.at_ms += 1
    assert len(deals(terminal).deal) == 1


@pytest.mark.parametrize(
    ("told", "days", "code"),
    [
        ("truncated", 100, ""),
        ("INCORRECT_BOUNDARIES", 8, "INCORRECT_BOUNDARIES"),
        ("INCORRECT_BOUNDARIES", 7, ""),
        ("INVALID_REQUEST", 31, "INVALID_REQUEST"),
        ("INVALID_REQUEST", 30, ""),
    ],
)
def test_a_list_whose_window_is_too_wide(told: str, days: int, code: str) -> None:
    terminal = ready_terminal(too_wide_window=type(NO_LIMITS.too_wide_window)(told))
    window = {"fromTimestamp": START_MS - days * 86_400_000, "toTimestamp": START_MS}
    orders = terminal.ask(m.ProtoOAOrderListReq(ctidTraderAccountId=ACCOUNT, **window))
    assert getattr(deals(terminal, **window), "errorCode", "") == code
    assert getattr(orders, "errorCode", "") == code


@pytest.mark.parametrize(("width", "code"), [(WEEK_MS, ""), (WEEK_MS + 1, "INCORRECT_BOUNDARIES")])
def test_cash_flow_is_told_for_a_week_at_most(width: int, code: str) -> None:
    answer = ready_terminal().ask(
        m.ProtoOACashFlowHistoryListReq(
            ctidTraderAccountId=ACCOUNT, fromTimestamp=START_MS, toTimestamp=START_MS + width
        )
    )
    assert getattr(answer, "errorCode", "") == code
