"""Lists of the broker with entries that make no sense."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from fxpool.account.book import AccountBook
from fxpool.account.reader import BookReader
from fxpool.account.reads import AccountReads
from fxpool.account.telling import Telling
from fxpool.errors import MappingError
from fxpool.openapi.proto import messages_pb2 as wire
from harness.channel import AnsweringChannel
from harness.values import EUR, EURUSD, USD, light, position, trader

NAMELESS = 900
"""A symbol whose entry has no name."""


def reads() -> AccountReads:
    listed = wire.ProtoOASymbolsListRes(ctidTraderAccountId=1)
    listed.symbol.add(symbolId=EURUSD, symbolName="EURUSD", baseAssetId=EUR, quoteAssetId=USD)
    listed.symbol.add(symbolId=NAMELESS, baseAssetId=EUR, quoteAssetId=USD)
    details = wire.ProtoOASymbolByIdRes(ctidTraderAccountId=1)
    for symbol_id in (EURUSD, 77):
        details.symbol.add(symbolId=symbol_id, digits=5, pipPosition=4, lotSize=10_000_000)
    return AccountReads(
        AnsweringChannel(
            {
                wire.ProtoOAAssetListReq: wire.ProtoOAAssetListRes(ctidTraderAccountId=1),
                wire.ProtoOASymbolsListReq: listed,
                wire.ProtoOASymbolByIdReq: details,
            }
        )
    )


async def test_a_symbol_without_a_name_is_left_out_and_named_in_the_log() -> None:
    with capture_logs() as logs:
        listed = await reads().symbols()
    assert [symbol.name for symbol in listed.symbols] == ["EURUSD"]
    assert "symbolName" in listed.unreadable[NAMELESS]
    assert [(entry["log_level"], entry["count"]) for entry in logs] == [("warning", 1)]
    assert list(logs[0]["symbols"]) == [NAMELESS]


async def test_an_account_with_a_position_on_such_a_symbol_fails_with_the_reason() -> None:
    book = AccountBook()
    reader = BookReader("alpha", book, Telling(book, lambda events: None))
    book.load_trader(trader())
    await reader.read_lists(reads())
    book.begin_reconcile()
    book.reconcile([position(symbol_id=NAMELESS)], [])
    with pytest.raises(MappingError, match=rf"symbol id {NAMELESS} .*symbolName is absent"):
        await reader.meet_needs(reads())


async def test_parameters_that_nobody_asked_for_are_ignored() -> None:
    found = await reads().details([light()])
    assert [symbol.symbol_id for symbol in found] == [EURUSD]
