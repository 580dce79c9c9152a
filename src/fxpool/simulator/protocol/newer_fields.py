"""Fields that live servers send and the public schema does not know yet (SW-60). Pure.

Seen in recordings: deal 19, trader 23, symbol 41, and one in the answer to a spot subscription.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from google.protobuf.message import Message

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOADealListByPositionIdRes,
    ProtoOADealListRes,
    ProtoOAExecutionEvent,
    ProtoOAOrderDetailsRes,
    ProtoOASubscribeSpotsRes,
    ProtoOASymbolByIdRes,
    ProtoOATraderRes,
)

_DEAL_19_EMPTY: Final = b"\x9a\x01\x00"
_TRADER_23_IS_4: Final = b"\xb8\x01\x04"
_SYMBOL_41_IS_1: Final = b"\xc8\x02\x01"
_ANSWER_15_IS_1: Final = b"\x78\x01"


def _to_deal(event: Any) -> None:
    if event.HasField("deal"):
        event.deal.MergeFromString(_DEAL_19_EMPTY)


def _to_deals(answer: Any) -> None:
    for deal in answer.deal:
        deal.MergeFromString(_DEAL_19_EMPTY)


def _to_trader(answer: Any) -> None:
    answer.trader.MergeFromString(_TRADER_23_IS_4)


def _to_symbols(answer: Any) -> None:
    for symbol in answer.symbol:
        symbol.MergeFromString(_SYMBOL_41_IS_1)


def _to_answer(answer: Any) -> None:
    answer.MergeFromString(_ANSWER_15_IS_1)


_ADDED: Final[dict[type[Message], Callable[[Any], None]]] = {
    ProtoOAExecutionEvent: _to_deal,
    ProtoOADealListRes: _to_deals,
    ProtoOADealListByPositionIdRes: _to_deals,
    ProtoOAOrderDetailsRes: _to_deals,
    ProtoOATraderRes: _to_trader,
    ProtoOASymbolByIdRes: _to_symbols,
    ProtoOASubscribeSpotsRes: _to_answer,
}


def with_newer_fields(message: Message) -> Message:
    """Return a copy with the fields that a live server adds, or the message where it adds none."""
    add = _ADDED.get(type(message))
    if add is None:
        return message
    copy = type(message)()
    copy.CopyFrom(message)
    add(copy)
    return copy
