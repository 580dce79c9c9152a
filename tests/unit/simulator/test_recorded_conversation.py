"""The same trade at the same prices as one recorded from a real server: the same fields."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE
from fxpool.openapi.proto import messages_pb2 as m
from harness.terminal import ACCOUNT, EURUSD, LOT, START_MS, Terminal, make_venue, ready_terminal

_SCRUBBED = {
    "ctidTraderAccountId",
    "positionId",
    "orderId",
    "dealId",
    "label",
    "comment",
    "clientOrderId",
    "balanceHistoryId",
    "externalNote",
    "brokerName",
    "registrationTimestamp",
    "traderLogin",
    "fairStopOut",
}


def _recorded() -> dict[str, Message]:
    folder = os.environ.get("FXPOOL_TEST_DATA")
    if not folder:
        pytest.skip("FXPOOL_TEST_DATA is not set: no recorded frames to compare with")
    frames = json.loads((Path(folder) / "recorded-frames.json").read_text())
    return {
        frame["note"]: MESSAGE_BY_PAYLOAD_TYPE[frame["payloadType"]].FromString(
            base64.b64decode(frame["payload"])
        )
        for frame in frames
    }


def _comparable(message: Message) -> Any:
    """Return a message's fields, with ids, times and texts as mere presence."""
    return _without_values(MessageToDict(message))


def _without_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "present"
            if key in _SCRUBBED or key.endswith("Timestamp")
            else _without_values(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_without_values(inner) for inner in value]
    return value


@pytest.fixture
def terminal() -> Terminal:
    """An account with the recorded balance at its sixth version, and the recorded prices."""
    venue = make_venue(funded_elsewhere=True)
    for delta in (1_476_545_460, 1, 1, 1, 1):
        venue.deposit(ACCOUNT, delta, START_MS)
    venue.tick(EURUSD, 112_568, 112_569, START_MS)
    return ready_terminal(venue)


def _amend(terminal: Terminal, position_id: int, **levels: float) -> Any:
    return terminal.ask(
        m.ProtoOAAmendPositionSLTPReq(ctidTraderAccountId=ACCOUNT, positionId=position_id, **levels)
    )


def test_a_recorded_trade_is_repeated_field_by_field(terminal: Terminal) -> None:
    recorded = _recorded()
    texts = {"label": "ours", "comment": "ours", "clientOrderId": "ours"}
    opened = terminal.order(relativeStopLoss=100, relativeTakeProfit=100, **texts)
    position_id = opened[0][0].position.positionId
    amended = _amend(terminal, position_id, stopLoss=1.1247, takeProfit=1.1267)
    _amend(terminal, position_id, stopLoss=1.1247)  # not recorded: it leaves the levels as recorded
    closed = terminal.ask_all(
        m.ProtoOAClosePositionReq(
            ctidTraderAccountId=ACCOUNT, positionId=position_id, volume=LOT // 100
        )
    )
    ours = [message for message, _ in opened] + [amended] + [message for message, _ in closed]
    notes = [note for note in recorded if note.startswith("S2 ")]
    assert len(ours) == len(notes) == 7
    for message, note in zip(ours, notes, strict=True):
        assert _comparable(message) == _comparable(recorded[note]), note


def _close(terminal: Terminal, position_id: int, volume: int) -> list[Any]:
    answers = terminal.ask_all(
        m.ProtoOAClosePositionReq(
            ctidTraderAccountId=ACCOUNT, positionId=position_id, volume=volume
        )
    )
    return [message for message, _ in answers]


def test_recorded_lists_are_repeated_field_by_field(terminal: Terminal) -> None:
    """A second trade, closed in two parts, as the recorded lists of orders and deals tell it."""
    recorded, venue = _recorded(), terminal.venue
    texts = {"label": "ours", "comment": "ours", "clientOrderId": "ours"}
    first = terminal.order(**texts)[0][0].position.positionId
    _close(terminal, first, LOT // 100)
    since_ms = terminal.at_ms = START_MS + 60_000
    venue.tick(EURUSD, 112_567, 112_568, since_ms)
    levels = {"relativeStopLoss": 99, "relativeTakeProfit": 101}
    opened = terminal.order(volume=LOT // 50, **levels, **texts)[0][0].position.positionId
    _amend(terminal, opened, stopLoss=1.12384, takeProfit=1.12669)
    terminal.at_ms += 1
    _close(terminal, opened, LOT // 100)
    terminal.at_ms += 1
    venue.tick(EURUSD, 112_564, 112_565, terminal.at_ms)
    _close(terminal, opened, LOT // 100)
    window = {"fromTimestamp": since_ms, "toTimestamp": terminal.at_ms}
    orders = terminal.ask(m.ProtoOAOrderListReq(ctidTraderAccountId=ACCOUNT, **window))
    assert _comparable(orders)["order"] == _comparable(recorded["order list"])["order"]
    deals = terminal.ask(m.ProtoOADealListReq(ctidTraderAccountId=ACCOUNT, maxRows=1, **window))
    assert _comparable(deals)["deal"] == _comparable(recorded["deal list"])["deal"]


def test_a_recorded_cash_flow_is_repeated_field_by_field() -> None:
    """The first money of an account."""
    venue = make_venue(funded_elsewhere=True)
    venue.deposit(ACCOUNT, 5_122_402_964, START_MS, "a note")
    window = {"fromTimestamp": START_MS, "toTimestamp": START_MS}
    ours = ready_terminal(venue).ask(
        m.ProtoOACashFlowHistoryListReq(ctidTraderAccountId=ACCOUNT, **window)
    )
    assert _comparable(ours) == _comparable(_recorded()["cashflow"])


def test_a_trader_record_has_the_recorded_fields(terminal: Terminal) -> None:
    recorded = _comparable(_recorded()["trader"])
    ours = _comparable(terminal.ask(m.ProtoOATraderReq(ctidTraderAccountId=ACCOUNT)))
    added = {"brokerName", "registrationTimestamp", "traderLogin", "fairStopOut"}
    assert {k: v for k, v in ours["trader"].items() if k not in added} == recorded["trader"]


def test_a_conversion_chain_has_the_recorded_fields(terminal: Terminal) -> None:
    recorded = _comparable(_recorded()["conv"])["symbol"]
    ours = _comparable(
        terminal.ask(
            m.ProtoOASymbolsForConversionReq(
                ctidTraderAccountId=ACCOUNT, firstAssetId=5, lastAssetId=15
            )
        )
    )["symbol"]
    assert [sorted(one) for one in ours] == [sorted(one) for one in recorded]
    assert [one["symbolName"] for one in ours] == ["EURUSD"]


def test_a_symbol_has_the_recorded_limits_and_costs(terminal: Terminal) -> None:
    recorded = MessageToDict(_recorded()["symspecs"])["symbol"][-1]
    (ours,) = MessageToDict(
        terminal.ask(m.ProtoOASymbolByIdReq(ctidTraderAccountId=ACCOUNT, symbolId=[EURUSD]))
    )["symbol"]
    differs = {"schedule", "scheduleTimeZone", "pnlConversionFeeRate", "leverageId", "maxExposure"}
    differs |= {"swapPeriod"} - set(ours)
    assert {k: v for k, v in ours.items() if k not in differs} == {
        k: v for k, v in recorded.items() if k not in differs
    }
