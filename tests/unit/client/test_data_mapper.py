"""DataMapper, contract 15.7: Open API messages in the older mapper's shapes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fxpool.client.data_mapper import DataMapper
from fxpool.domain.accounts import AccountTotals
from fxpool.domain.quotes import LiveQuote
from fxpool.errors import MappingError, NoQuote, SymbolNotFound
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto import model_pb2 as model
from fxpool.platforms.base import PlatformError
from harness.values import EUR, EURUSD, NOON, USD, light, symbol

TRADE = {
    "symbolId": EURUSD,
    "volume": 1_000_000,
    "tradeSide": model.BUY,
    "openTimestamp": 1_772_442_927_481,
    "label": "77",
    "comment": "Copy_4_L10",
}


def mapper() -> DataMapper:
    assets = {EUR: "EUR", USD: "USD"}
    return DataMapper([symbol(light(name="EUR/USD"))], account="alpha", asset_names=assets)


def quote() -> LiveQuote:
    newest = LiveQuote(EURUSD)
    newest.bid, newest.ask, newest.timestamp_ms = 112_560, 112_570, 1_772_442_927_481
    return newest


def position(**more: Any) -> model.ProtoOAPosition:
    known = {
        "positionId": 500,
        "tradeData": model.ProtoOATradeData(**TRADE),
        "positionStatus": model.POSITION_STATUS_OPEN,
        "swap": -200,
        "commission": -120,
        "price": 1.1257,
        "moneyDigits": 2,
    }
    return model.ProtoOAPosition(**known | more)


def test_a_position_has_the_callers_names_and_both_times() -> None:
    """Contract 15.7, mapPosition."""
    row = mapper().mapPosition(position(stopLoss=1.12), quote(), Decimal("-1.00"))
    assert (row["id"], row["symbol"], row["volume"]) == ("500", "EURUSD", 0.1)
    assert (row["stopLoss"], row["takeProfit"], row["swap"]) == (1.12, None, -2.0)
    assert row["time"] == row["openTime"] == "2026-03-02T09:15:27.481Z"
    assert (row["magic"], row["comment"]) == (77, "Copy_4_L10")
    with pytest.raises(MappingError, match="symbol 9"):
        mapper().map_position(position(tradeData=model.ProtoOATradeData(**TRADE | {"symbolId": 9})))


def test_an_order_and_its_state() -> None:
    """Contract 15.7, mapOrder and mapOrderState."""
    row = mapper().mapOrder(
        model.ProtoOAOrder(
            orderId=600,
            tradeData=model.ProtoOATradeData(**TRADE),
            orderType=model.LIMIT,
            orderStatus=model.ORDER_STATUS_ACCEPTED,
            limitPrice=1.1,
            timeInForce=model.GOOD_TILL_CANCEL,
        )
    )
    assert (row["type"], row["openPrice"]) == ("ORDER_TYPE_BUY_LIMIT", 1.1)
    words = [mapper().mapOrderState(number).removeprefix("ORDER_STATE_") for number in range(1, 6)]
    assert words == ["PLACED", "FILLED", "REJECTED", "EXPIRED", "CANCELED"]
    with pytest.raises(MappingError, match="9 is no order status"):
        mapper().map_order_state(9)


def test_a_word_that_is_no_action_is_never_a_sell() -> None:
    """Contract 15.7, mapOrderRequest, and 2.7."""
    fields = {"symbol": "EURUSD", "volume": 0.1}
    assert mapper().mapOrderRequest({**fields, "side": "SELL"}).action == "SELL"
    with pytest.raises(PlatformError, match="HOLD"):
        mapper().mapOrderRequest({**fields, "side": "HOLD"})


def test_an_account_needs_what_it_is_worth() -> None:
    """Contract 15.7, mapAccountInfo."""
    trader = model.ProtoOATrader(
        ctidTraderAccountId=1,
        balance=1_000_000,
        depositAssetId=USD,
        leverageInCents=3_000,
        moneyDigits=2,
        traderLogin=2,
        totalMarginCalculationType=model.MAX,
        accessRights=model.FULL_ACCESS,
        accountType=model.HEDGED,
    )
    nothing = Decimal(0)
    worth = Decimal(10_000)
    totals = AccountTotals(worth, nothing, nothing, worth, nothing, worth, None, nothing, nothing)
    row = mapper().mapAccountInfo(trader, totals, environment="demo", open_positions=0, at=NOON)
    assert (row["id"], row["balance"], row["equity"]) == ("alpha", 10_000.0, 10_000.0)
    assert (row["currency"], row["marginLevel"]) == ("USD", None)


def test_a_symbols_keys() -> None:
    """Contract 15.7, mapSymbolInfo: its keys."""
    row = mapper().mapSymbolInfo(EURUSD, quote())
    keys = """
        symbol tickSize minVolume maxVolume volumeStep contractSize pipPosition digits
        spreadFloating bid ask profitCurrency
    """
    assert list(row) == keys.split()
    assert (row["symbol"], row["tickSize"], row["contractSize"]) == ("EURUSD", 0.00001, 100_000.0)
    assert (row["bid"], row["ask"], row["profitCurrency"]) == (1.1256, 1.1257, "USD")


def test_an_executions_keys() -> None:
    """Contract 15.7, mapExecutionEvent: its keys."""
    event = wire.ProtoOAExecutionEvent(
        ctidTraderAccountId=1,
        executionType=model.ORDER_FILLED,
        deal=model.ProtoOADeal(
            dealId=700,
            orderId=600,
            positionId=500,
            symbolId=EURUSD,
            volume=1_000_000,
            filledVolume=1_000_000,
            createTimestamp=1_772_442_927_481,
            executionTimestamp=1_772_442_927_481,
            tradeSide=model.BUY,
            dealStatus=model.FILLED,
            executionPrice=1.1257,
            moneyDigits=2,
        ),
    )
    row = mapper().mapExecutionEvent(event)
    keys = """
        id type symbol magic orderId positionId volume price
        commission swap profit time clientId comment
    """
    assert list(row) == keys.split()
    assert (row["id"], row["type"], row["positionId"]) == ("700", "POSITION_OPEN", "500")
    assert (row["volume"], row["price"], row["profit"]) == (0.1, 1.1257, 0.0)


def test_prices_and_names() -> None:
    """Contract 15.7, mapPriceData, getSymbolMapping and getAllSymbols."""
    price = mapper().mapPriceData(quote(), now=1.0, at=NOON)
    assert (price["symbol"], price["bid"], price["spread"]) == ("EURUSD", 1.1256, 0.0001)
    with pytest.raises(NoQuote):
        mapper().map_price_data(LiveQuote(EURUSD), now=1.0, at=NOON)
    assert mapper().getSymbolMapping("EURUSD") == "EUR/USD"
    assert mapper().getAllSymbols() == ["EURUSD"]
    with pytest.raises(SymbolNotFound):
        mapper().get_symbol_mapping("NOSUCH")
