"""A recorded conversation of a live server, fed to a book."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from fxpool.account.book import AccountBook
from fxpool.account.events import BalanceChanged, BookEvent, PositionClosed, PositionOpened
from fxpool.domain.trades import CloseReason
from fxpool.mapping.from_wire import execution_from, light_symbol_from, trader_from
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAExecutionEvent,
    ProtoOASymbolsForConversionRes,
    ProtoOATraderRes,
)
from harness.recorded import recorded_frames, recorded_message


def recorded_book() -> AccountBook:
    record = recorded_message("trader")
    assert isinstance(record, ProtoOATraderRes)
    symbols = recorded_message("conv")
    assert isinstance(symbols, ProtoOASymbolsForConversionRes)
    book = AccountBook()
    book.load_trader(trader_from(record.trader))
    book.load_symbols([light_symbol_from(each) for each in symbols.symbol])
    book.begin_reconcile()
    book.reconcile([], [])
    return book


def feed(book: AccountBook, note: str) -> list[BookEvent]:
    message = recorded_message(note)
    assert isinstance(message, ProtoOAExecutionEvent)
    return book.apply_execution(execution_from(message))


def test_the_recorded_trade_gives_the_recorded_account() -> None:
    book = recorded_book()
    assert book.trader.balance == Decimal("14765454.64")
    assert feed(book, "S2 1 open accept") == []

    opened = [event for event in feed(book, "S2 2 fill") if isinstance(event, PositionOpened)]
    (position,) = book.positions.values()
    assert [event.position for event in opened] == [position]
    assert position.price == Decimal("1.12569")
    assert position.commission == Decimal("-0.03")
    assert position.used_margin == Decimal("11.26")
    assert position.opened_at == datetime(2020, 9, 13, 12, 27, 34, 356000, UTC)

    book.apply_quote(1, 112565, 112567, None, 0.0)
    totals = book.totals()
    assert totals.gross == Decimal("-0.04")
    assert totals.net == Decimal("-0.07")
    assert totals.equity == Decimal("14765454.57")
    assert totals.margin == Decimal("11.26")

    feed(book, "S2 3 prot accept")
    feed(book, "S2 4 amend")
    (position,) = book.positions.values()
    assert (position.stop_loss, position.take_profit) == (Decimal("1.1247"), Decimal("1.1267"))
    assert book.orders == {}

    feed(book, "S2 6 close accept")
    (position,) = book.positions.values()
    assert (position.stop_loss, position.take_profit) == (Decimal("1.1247"), None)

    events = feed(book, "S2 7 close fill")
    (closed,) = (event for event in events if isinstance(event, PositionClosed))
    assert closed.reason is CloseReason.MANUAL
    assert closed.realised == Decimal("-0.07")
    assert BalanceChanged(Decimal("14765454.64"), Decimal("14765454.57"), None) in events
    assert feed(book, "S2 8 prot cancel") == []
    assert book.positions == {}
    assert book.trader.balance_version == 7
    assert book.totals().equity == book.trader.balance


def test_the_recorded_trade_twice_is_the_recorded_trade() -> None:
    book = recorded_book()
    executions = [
        execution_from(message)
        for frame in recorded_frames()
        if isinstance(message := frame.message(), ProtoOAExecutionEvent)
    ]
    for execution in executions:
        book.apply_execution(execution)
    assert [event for each in executions for event in book.apply_execution(each)] == []
