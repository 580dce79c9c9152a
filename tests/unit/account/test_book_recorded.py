"""A recorded conversation of a live server, fed to a book."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from fxpool.account.book import AccountBook
from fxpool.account.events import BalanceChanged, BookEvent, PositionClosed, PositionOpened
from fxpool.domain.money import round_money
from fxpool.domain.symbols import Asset, LeverageTier
from fxpool.domain.trades import CloseReason
from fxpool.mapping.from_wire import execution_from, trader_from
from fxpool.mapping.symbols import light_symbol_from, symbol_from
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAExecutionEvent,
    ProtoOASymbolByIdRes,
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


def test_the_recorded_margin_and_costs_follow_from_the_recorded_parameters() -> None:
    """Where the broker had not said the margin: 1,000 * 1.12569 / 100 is its 11.26."""
    book = recorded_book()
    book.load_assets([Asset(15, "USD", 2)])
    specifications = recorded_message("symspecs")
    assert isinstance(specifications, ProtoOASymbolByIdRes)
    for full in specifications.symbol:
        if (listed := book.light_symbols.get(full.symbolId)) is not None:
            book.add_symbol(symbol_from(listed, full))
    message = recorded_message("S2 2 fill")
    assert isinstance(message, ProtoOAExecutionEvent)
    message.position.ClearField("usedMargin")
    book.apply_execution(execution_from(message))
    # Its tiers were not recorded; the margin shows that the account's own leverage counted.
    (leverage_id,) = book.leverages_wanted()
    book.add_leverage(leverage_id, (LeverageTier(Decimal(10**6), Decimal(100)),))
    assert {position.used_margin for position in book.positions.values()} == {Decimal("11.26")}

    (position,) = book.positions.values()
    (symbol,) = book.symbols.values()
    per_side = symbol.lots(position.volume_cents) * symbol.precise_commission_rate / 10**8
    assert position.commission == -round_money(per_side, 2) == Decimal("-0.03")
    closing = recorded_message("S2 7 close fill")
    assert isinstance(closing, ProtoOAExecutionEvent)
    deal = execution_from(closing).deal
    assert deal is not None
    assert deal.close is not None
    assert deal.close.commission == 2 * position.commission  # our estimate of the closing side
