"""What the broker does not let an account do, with the code that says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from fxpool.simulator.engine.accounts import AccessRights, AccountType
from fxpool.simulator.engine.commands import (
    CancelOrder,
    ClosePosition,
    Command,
    PlaceOrder,
)
from fxpool.simulator.engine.model import OrderKind, Side
from fxpool.simulator.engine.symbols import Holiday, TradingMode
from fxpool.simulator.refusal import Refusal
from harness.trader import EURUSD, START_MS, Trader, words

BUY = PlaceOrder(EURUSD, OrderKind.MARKET, Side.BUY, 100_000)
SELL = replace(BUY, side=Side.SELL)
PENDING = replace(BUY, kind=OrderKind.LIMIT, limit_price=112_000)
MONDAY = date(2020, 9, 14).toordinal() - date(1970, 1, 1).toordinal()


def code(trader: Trader, command: Command) -> str:
    with pytest.raises(Refusal) as refusal:
        trader.submit(command)
    return refusal.value.code


def amend_account(trader: Trader, **changes: Any) -> None:
    trader.engine.amend_account(replace(trader.book.spec, **changes), trader.at_ms)


@pytest.mark.parametrize("rights", [AccessRights.NO_TRADING, AccessRights.NO_LOGIN])
def test_an_account_without_rights_does_nothing(rights: AccessRights) -> None:
    trader = Trader()
    position = trader.open()
    trader.submit(PENDING)
    (order_id,) = trader.book.orders
    amend_account(trader, access_rights=rights)
    for command in (BUY, CancelOrder(order_id), ClosePosition(position.position_id, 100_000)):
        assert code(trader, command) == "TRADING_NOT_ALLOWED"


def test_a_close_only_account_reduces_and_cancels() -> None:
    trader = Trader()
    position = trader.open()
    trader.submit(PENDING)
    (order_id,) = trader.book.orders
    amend_account(trader, access_rights=AccessRights.CLOSE_ONLY)
    assert code(trader, BUY) == code(trader, PENDING) == "TRADING_NOT_ALLOWED"
    assert words(trader.submit(CancelOrder(order_id))) == ["C id"]
    assert words(trader.close(position.position_id, 100_000)) == ["A id", "F id"]


def test_a_pending_order_of_a_close_only_account_is_rejected_when_it_fills() -> None:
    trader = Trader()
    trader.submit(PENDING)
    amend_account(trader, access_rights=AccessRights.CLOSE_ONLY)
    assert words(trader.tick(111_900, 111_910)) == ["X srv"]


@pytest.mark.parametrize(
    ("mode", "opens", "closes", "fills"),
    [
        (TradingMode.ENABLED, True, True, True),
        (TradingMode.CLOSE_ONLY, False, True, True),
        (TradingMode.DISABLED_WITH_PENDINGS_EXECUTION, False, False, True),
        (TradingMode.DISABLED_WITHOUT_PENDINGS_EXECUTION, False, False, False),
    ],
)
def test_a_trading_mode_says_what_goes(
    mode: TradingMode, *, opens: bool, closes: bool, fills: bool
) -> None:
    trader = Trader()
    position_id = trader.open(relative_stop_loss=500).position_id
    symbol = trader.engine.symbols[EURUSD]
    trader.engine.symbols[EURUSD] = replace(symbol, trading_mode=mode)
    if opens:
        assert words(trader.submit(SELL)) == ["A id", "F id"]
    else:
        assert code(trader, SELL) == "TRADING_DISABLED"
    if not closes:
        assert code(trader, ClosePosition(position_id, 100_000)) == "TRADING_DISABLED"
    assert bool(trader.tick(112_000, 112_010)) is fills
    assert (position_id not in trader.book.positions) is fills


@pytest.mark.parametrize(
    ("holiday", "is_on"),
    [
        (Holiday(1, "whole day", MONDAY), True),
        (Holiday(1, "yesterday", MONDAY - 1), False),
        (Holiday(1, "each year", MONDAY - 366, is_recurring=True), True),
        (Holiday(1, "a year ago", MONDAY - 366), False),
        (Holiday(1, "morning", MONDAY, start_second=0, end_second=3600), True),
        (Holiday(1, "afternoon", MONDAY, start_second=43_200), False),
        (Holiday(1, "elsewhere", MONDAY, time_zone="America/New_York"), False),
    ],
)
def test_a_holiday_closes_its_symbol(holiday: Holiday, *, is_on: bool) -> None:
    trader = Trader(symbol={"holidays": (holiday,)})
    assert trader.engine.symbols[EURUSD].is_open(START_MS) is not is_on
    if is_on:
        assert code(trader, BUY) == "SYMBOL_HAS_HOLIDAY"
    else:
        assert words(trader.submit(BUY)) == ["A id", "F id"]


def test_short_selling_may_be_forbidden_but_closing_is_not() -> None:
    trader = Trader(symbol={"enables_short_selling": False})
    position = trader.open()
    assert code(trader, SELL) == "SHORT_SELLING_NOT_ALLOWED"
    reducing = replace(SELL, position_id=position.position_id)
    assert words(trader.submit(reducing)) == ["A id", "F id"]


def test_no_more_positions_than_the_account_may_have() -> None:
    trader = Trader(account={"max_positions": 1})
    position = trader.open()
    assert code(trader, BUY) == "TOO_MANY_POSITIONS"
    growing = replace(BUY, position_id=position.position_id)
    assert words(trader.submit(growing)) == ["A id", "F id"]


def test_exposure_of_a_symbol_has_a_limit() -> None:
    trader = Trader(symbol={"max_exposure": 230_000})  # 2,300.00 dollars
    trader.open()
    trader.open(Side.SELL)
    assert code(trader, BUY) == "MAX_EXPOSURE_REACHED"


def test_spread_betting_calls_a_bad_volume_a_bad_stake() -> None:
    trader = Trader(account={"account_type": AccountType.SPREAD_BETTING})
    assert code(trader, replace(BUY, volume=150_000)) == "TRADING_BAD_STAKE"
    first, second = trader.open(), trader.open(Side.SELL)
    assert set(trader.book.positions) == {first.position_id, second.position_id}


def test_a_symbol_without_a_quote_does_not_trade() -> None:
    trader = Trader()
    unquoted = replace(trader.engine.symbols[EURUSD], symbol_id=99)
    trader.engine.symbols[99] = unquoted
    assert code(trader, replace(BUY, symbol_id=99)) == "NO_QUOTES"


def test_a_refusal_leaves_no_trace() -> None:
    trader = Trader(account={"balance": 100})
    before = (dict(trader.book.history), list(trader.book.deals), trader.book.ledger.balance)
    assert code(trader, BUY) == "NOT_ENOUGH_MONEY"
    assert (trader.book.history, trader.book.deals, trader.book.ledger.balance) == before
