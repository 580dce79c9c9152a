"""The examples that callers are shown, made of the broker's values by the mapping: the whole JSON.

Each comes out twice: in the pool's format as ``examples.json`` shows it, and in MetaApi's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fxpool.domain.accounts import AccountTotals
from fxpool.domain.depth import DepthLevel
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbols import TickValues
from fxpool.domain.trades import CloseReason, OrderStatus, OrderType, Side
from fxpool.gateway.examples import examples
from fxpool.mapping import metaapi, metaapi_history, metaapi_rows
from fxpool.mapping.formats import AccountInformation, OrderInfo, PositionInfo, PriceInfo
from fxpool.mapping.history_formats import BarInfo
from fxpool.mapping.instants import ms_from_instant
from harness.values import closing_deal, light, limit_order, order, position, symbol, trader

ALPHA = "ct-demo-alpha"
OPENED = datetime(2026, 3, 2, 9, 15, 27, 481_000, UTC)
PLACED = datetime(2026, 3, 2, 7, 0, 2, 118_000, UTC)
QUOTED = datetime(2026, 3, 2, 9, 15, 27, 402_000, UTC)
LOT = 10_000
XAUUSD = symbol(
    light(41, "XAUUSD", 8, 2),
    digits=2,
    pip_position=1,
    lot_size_cents=LOT,
    min_volume_cents=100,
    step_volume_cents=100,
)
EURUSD = symbol()
TICKS = TickValues(Decimal(1), Decimal(1))


def example(call: str) -> Any:
    return examples()[call]["answer"]


def quote(bid: int, ask: int) -> LiveQuote:
    made = LiveQuote(41)
    made.bid, made.ask, made.received_at = bid, ask, 5.0
    made.timestamp_ms = ms_from_instant(QUOTED)
    return made


def account_row() -> AccountInformation:
    totals = AccountTotals(
        balance=Decimal("48211.37"),
        gross=Decimal("-113.15"),
        net=Decimal("-116.35"),
        equity=Decimal("48095.02"),
        margin=Decimal("1320.50"),
        free_margin=Decimal("46774.52"),
        margin_level=Decimal("3642.1825"),
        swap=Decimal("-2.00"),
        commission=Decimal("-1.20"),
    )
    return metaapi.account_information(
        shown_id=ALPHA,
        name="Alpha demo",
        environment="demo",
        simulated=False,
        broker="ExampleMarkets",
        login="5120934",
        currency="EUR",
        trader=trader(account_id=28841907, leverage=Decimal(30)),
        totals=totals,
        open_positions=2,
        investor_mode=False,
        halted=False,
        at=OPENED,
    )


def position_row() -> PositionInfo:
    return metaapi.position_info(
        position(
            287314502,
            symbol_id=41,
            volume_cents=3 * LOT // 10,
            price=Decimal("2911.40"),
            stop_loss=Decimal("2891.00"),
            take_profit=Decimal("2950.00"),
            swap=Decimal("-2.00"),
            commission=Decimal("-1.20"),
            used_margin=Decimal("880.20"),
            comment="Copy_40021877_L10",
            opened_at=OPENED,
            updated_at=OPENED.replace(microsecond=512_000),
        ),
        XAUUSD,
        account=ALPHA,
        symbol_name="XAUUSD",
        quote=quote(291_490_000, 291_518_000),
        gross=Decimal("96.90"),
        realised=Decimal(0),
        ticks=TICKS,
    )


def order_row() -> OrderInfo:
    told = metaapi.told_order(
        limit_order(
            91550213,
            position_id=5000002,
            side=Side.SELL,
            volume_cents=4_000_000,
            limit_price=Decimal("1.0921"),
            relative_stop_loss=Decimal("0.0039"),
            relative_take_profit=Decimal("0.0071"),
            comment="fade the open",
            label="ui-77",
            opened_at=PLACED,
            updated_at=PLACED,
        ),
        EURUSD,
        account=ALPHA,
        symbol_name="EURUSD",
        quote=quote(108_740, 108_748),
    )
    return metaapi.order_info(told)


def price_row() -> PriceInfo:
    return metaapi.price_info(
        quote(291_112_000, 291_140_000),
        XAUUSD,
        account=ALPHA,
        symbol_name="XAUUSD",
        ticks=TICKS,
        now=5.079,
        at=OPENED,
        stale=False,
    )


def test_an_account_is_its_example_and_metaapis() -> None:
    row = account_row()
    assert row == example("GET /account/{account_id}")
    assert metaapi_rows.account_information(row) == {
        "platform": "mt5",
        "broker": "ExampleMarkets",
        "currency": "EUR",
        "server": "ExampleMarkets-cTrader-Demo",
        "balance": 48211.37,
        "equity": 48095.02,
        "margin": 1320.5,
        "freeMargin": 46774.52,
        "leverage": 30,
        "marginLevel": 3642.18,
        "tradeAllowed": True,
        "investorMode": False,
        "marginMode": "ACCOUNT_MARGIN_MODE_RETAIL_HEDGING",
        "name": "Alpha demo",
        "login": 5120934,
        "credit": 0.0,
        "type": "ACCOUNT_TRADE_MODE_DEMO",
        "currencyDigits": 2,
        "ctrader": {
            "platform": "ctrader",
            "environment": "demo",
            "simulated": False,
            "ctidTraderAccountId": "28841907",
            "accountType": "HEDGED",
            "accessRights": "FULL_ACCESS",
            "halted": False,
        },
    }


def test_a_position_is_its_example_and_metaapis() -> None:
    row = position_row()
    (shown,) = example("GET /positions/{account_id}")["positions"]
    assert row == shown
    assert metaapi_rows.position(row) == {
        "id": "287314502",
        "platform": "mt5",
        "type": "POSITION_TYPE_BUY",
        "symbol": "XAUUSD",
        "magic": 0,
        "time": "2026-03-02T09:15:27.481Z",
        "brokerTime": "2026-03-02 09:15:27.481",
        "updateTime": "2026-03-02T09:15:27.512Z",
        "openPrice": 2911.4,
        "currentPrice": 2914.9,
        "currentTickValue": 1.0,
        "stopLoss": 2891.0,
        "takeProfit": 2950.0,
        "volume": 0.3,
        "swap": -2.0,
        "realizedSwap": 0.0,
        "unrealizedSwap": -2.0,
        "commission": -1.2,
        "realizedCommission": 0.0,
        "unrealizedCommission": -1.2,
        "profit": 96.9,
        "realizedProfit": 0.0,
        "unrealizedProfit": 96.9,
        "comment": "Copy_40021877_L10",
        "reason": "POSITION_REASON_UNKNOWN",
        "ctrader": {
            "label": "",
            "guaranteedStopLoss": False,
            "usedMargin": 880.2,
            "closingCommissionEstimate": -1.2,
        },
    }


def test_a_pending_order_is_its_example_and_metaapis() -> None:
    row = order_row()
    (shown,) = example("GET /orders/{account_id}")["orders"]
    assert row == shown
    assert metaapi_rows.pending_order(row) == {
        "id": "91550213",
        "platform": "mt5",
        "type": "ORDER_TYPE_SELL_LIMIT",
        "state": "ORDER_STATE_PLACED",
        "symbol": "EURUSD",
        "magic": 0,
        "time": "2026-03-02T07:00:02.118Z",
        "brokerTime": "2026-03-02 07:00:02.118",
        "openPrice": 1.0921,
        "currentPrice": 1.0874,
        "stopLoss": 1.096,
        "takeProfit": 1.085,
        "volume": 0.4,
        "currentVolume": 0.4,
        "positionId": "5000002",
        "comment": "fade the open",
        "clientId": "ui-77",
        "reason": "ORDER_REASON_UNKNOWN",
        "fillingMode": "ORDER_FILLING_RETURN",
        "expirationType": "ORDER_TIME_GTC",
        "ctrader": {"label": "ui-77"},
    }


def test_a_price_is_its_example_and_metaapis() -> None:
    row = price_row()
    assert row == example("GET /prices/{symbol}")
    assert metaapi_rows.price(row) == {
        "symbol": "XAUUSD",
        "bid": 2911.12,
        "ask": 2911.4,
        "profitTickValue": 1.0,
        "lossTickValue": 1.0,
        "time": "2026-03-02T09:15:27.402Z",
        "brokerTime": "2026-03-02 09:15:27.402",
    }


CLOSED = datetime(2026, 3, 2, 9, 15, 27, 470_000, UTC)
STOPPED = closing_deal(
    611300990,
    gross="-609.20",
    commission="-3.20",
    balance="47599.00",
    order_id=91561120,
    position_id=287314502,
    symbol_id=41,
    side=Side.SELL,
    filled_volume_cents=3 * LOT // 10,
    price=Decimal("2891.00"),
    executed_at=CLOSED,
)


def test_a_close_is_told_as_its_event_shows() -> None:
    assert metaapi.close_info(STOPPED, CloseReason.STOP_LOSS) == {
        "reason": "STOP_LOSS",
        "closePrice": 2891.0,
        "closeTime": "2026-03-02T09:15:27.470Z",
        "profit": -612.4,
        "dealId": "611300990",
    }


def test_a_closing_deal_has_the_opposite_side_and_its_ledger() -> None:
    opening = order(5, label="TE_XAUUSD_1", comment="Copy_40021877_L10")
    found = metaapi_history.deal_entity(
        STOPPED,
        symbol="XAUUSD",
        lots=Decimal("0.3"),
        order=None,
        opening=opening,
        reason=CloseReason.STOP_LOSS,
    )
    assert found == {
        "id": "611300990",
        "platform": "mt5",
        "type": "DEAL_TYPE_SELL",
        "entryType": "DEAL_ENTRY_OUT",
        "symbol": "XAUUSD",
        "magic": 0,
        "time": "2026-03-02T09:15:27.470Z",
        "brokerTime": "2026-03-02 09:15:27.470",
        "volume": 0.3,
        "price": 2891.0,
        "commission": -3.2,
        "swap": 0.0,
        "profit": -609.2,
        "positionId": "287314502",
        "orderId": "91561120",
        "comment": "Copy_40021877_L10",
        "clientId": "TE_XAUUSD_1",
        "reason": "DEAL_REASON_SL",
        "ctrader": {"balance": 47599.0, "conversionFee": 0.0, "balanceVersion": 2},
    }


def test_an_order_of_the_past_is_metaapis_history_order() -> None:
    done = order(
        91561120,
        position_id=287314502,
        symbol_id=41,
        side=Side.SELL,
        type=OrderType.STOP_LOSS_TAKE_PROFIT,
        status=OrderStatus.FILLED,
        execution_price=Decimal("2891.00"),
        stop_price=Decimal("2891.00"),
        is_closing=True,
        opened_at=OPENED,
        updated_at=OPENED.replace(microsecond=512_000),
    )
    found = metaapi_history.order_entity(
        done,
        symbol="XAUUSD",
        lots=Decimal("0.3"),
        left=Decimal(0),
        tick_size=Decimal("0.01"),
        reason=CloseReason.STOP_LOSS,
    )
    assert found == {
        "id": "91561120",
        "platform": "mt5",
        "type": "ORDER_TYPE_SELL",
        "state": "ORDER_STATE_FILLED",
        "symbol": "XAUUSD",
        "magic": 0,
        "time": "2026-03-02T09:15:27.481Z",
        "brokerTime": "2026-03-02 09:15:27.481",
        "doneTime": "2026-03-02T09:15:27.512Z",
        "doneBrokerTime": "2026-03-02 09:15:27.512",
        "openPrice": 2891.0,
        "volume": 0.3,
        "currentVolume": 0.0,
        "positionId": "287314502",
        "reason": "ORDER_REASON_SL",
        "fillingMode": "ORDER_FILLING_IOC",
        "expirationType": "ORDER_TIME_GTC",
        "ctrader": {"label": "", "closingOrder": True},
    }


def test_candles_ticks_and_books_are_metaapis() -> None:
    bar = {
        "time": ms_from_instant(OPENED.replace(minute=0, second=0, microsecond=0)),
        "open": 2911.4,
        "high": 2914.9,
        "low": 2909.1,
        "close": 2912.0,
        "volume": 431,
    }
    assert metaapi_rows.candle(BarInfo(**bar), "XAUUSD", "1h") == {
        "symbol": "XAUUSD",
        "timeframe": "1h",
        "time": "2026-03-02T09:00:00.000Z",
        "brokerTime": "2026-03-02 09:00:00.000",
        "open": 2911.4,
        "high": 2914.9,
        "low": 2909.1,
        "close": 2912.0,
        "tickVolume": 431,
        "spread": 0,
        "volume": 0,
    }
    assert metaapi_rows.current_tick(price_row()) == {
        "symbol": "XAUUSD",
        "time": "2026-03-02T09:15:27.402Z",
        "brokerTime": "2026-03-02 09:15:27.402",
        "bid": 2911.12,
        "ask": 2911.4,
    }
    level = DepthLevel(7, Side.BUY, 291_112_000, 30_000)
    assert metaapi_history.book_level(level, price=2911.12, lots=Decimal("3")) == {
        "type": "BOOK_TYPE_BUY",
        "price": 2911.12,
        "volume": 3.0,
    }


def test_the_time_of_the_server_is_metaapis() -> None:
    assert metaapi_rows.server_time(OPENED, "2026-03-02T09:15:20.000Z") == {
        "time": "2026-03-02T09:15:27.481Z",
        "brokerTime": "2026-03-02 09:15:27.481",
        "lastQuoteTime": "2026-03-02T09:15:20.000Z",
        "lastQuoteBrokerTime": "2026-03-02 09:15:20.000",
    }
