from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from fxpool.domain.accounts import AccessRights, AccountTotals, AccountType, Trader
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbols import TickValues
from fxpool.domain.trades import CloseReason, OrderStatus, OrderType, Side
from fxpool.errors import MappingError, NoQuote, NotReady
from fxpool.mapping import metaapi
from fxpool.mapping.formats import AccountInformation, OrderInfo, PositionInfo, PriceInfo
from fxpool.mapping.instants import iso, iso_ms, ms_from_instant
from harness.values import (
    at,
    closing_deal,
    deal,
    limit_order,
    order,
    position,
    protection,
    symbol,
    trader,
)

SYMBOL = symbol()
QUOTE = LiveQuote(1)
QUOTE.bid, QUOTE.ask, QUOTE.timestamp_ms, QUOTE.received_at = 112560, 112570, 1_772_452_800_001, 5.0
TICKS = TickValues(Decimal(1), Decimal("1.001"))
TOTALS = AccountTotals(
    balance=Decimal("48211.37"),
    gross=Decimal("-110.00"),
    net=Decimal("-116.35"),
    equity=Decimal("48095.02"),
    margin=Decimal("1320.50"),
    free_margin=Decimal("46774.52"),
    margin_level=Decimal("3642.1825"),
    swap=Decimal("-2.05"),
    commission=Decimal("-1.20"),
)


def account_row(
    totals: AccountTotals = TOTALS, of: Trader | None = None, *, investor_mode: bool = False
) -> AccountInformation:
    return metaapi.account_information(
        shown_id="ct-demo-alpha",
        name="Alpha demo",
        environment="demo",
        simulated=False,
        broker="ExampleMarkets",
        login="5120934",
        currency="EUR",
        trader=of or trader(leverage=Decimal(30)),
        totals=totals,
        open_positions=2,
        investor_mode=investor_mode,
        halted=False,
        at=at(0),
    )


def position_row(
    gross: str | None = "96.90", realised: str | None = "0", **more: object
) -> PositionInfo:
    return metaapi.position_info(
        position(swap=Decimal("-2.00"), commission=Decimal("-1.20"), **more),
        SYMBOL,
        account="ct-demo-alpha",
        symbol_name="EURUSD",
        quote=QUOTE,
        gross=None if gross is None else Decimal(gross),
        realised=None if realised is None else Decimal(realised),
        ticks=TICKS,
    )


def order_row(**more: object) -> OrderInfo:
    told = metaapi.told_order(
        limit_order(**more), SYMBOL, account="a", symbol_name="EURUSD", quote=QUOTE
    )
    return metaapi.order_info(told)


def price_row(quote: LiveQuote = QUOTE) -> PriceInfo:
    return metaapi.price_info(
        quote,
        SYMBOL,
        account="a",
        symbol_name="EURUSD",
        ticks=TICKS,
        now=5.079,
        at=at(0),
        stale=False,
    )


def test_an_account_row_has_every_key_of_its_shape() -> None:
    row = account_row()
    only_while_reading = {"history"}
    assert row.keys() == AccountInformation.__annotations__.keys() - only_while_reading
    assert (row["id"], row["ctidTraderAccountId"], row["login"]) == (
        "ct-demo-alpha",
        "1",
        "5120934",
    )
    assert (row["balance"], row["equity"], row["margin"]) == (48211.37, 48095.02, 1320.5)
    assert (row["freeMargin"], row["marginLevel"]) == (46774.52, 3642.18)
    assert (row["leverage"], row["unrealizedProfit"]) == (30, -116.35)
    assert (row["accessRights"], row["accountType"]) == ("FULL_ACCESS", "HEDGED")
    assert row["brokerTime"] == "2026-03-02T12:00:00.000Z"


def test_an_account_without_margin_has_no_margin_level() -> None:
    idle = replace(TOTALS, margin=Decimal(0), margin_level=None)
    assert account_row(idle)["marginLevel"] is None


@pytest.mark.parametrize("unknown", ["net", "equity", "margin", "free_margin"])
def test_an_account_of_unknown_equity_has_no_row(unknown: str) -> None:
    with pytest.raises(NotReady):
        account_row(replace(TOTALS, **{unknown: None}))


@pytest.mark.parametrize(
    ("rights", "investor", "allowed"),
    [
        (AccessRights.FULL_ACCESS, False, True),
        (AccessRights.CLOSE_ONLY, False, True),
        (AccessRights.NO_TRADING, False, False),
        (AccessRights.FULL_ACCESS, True, False),
    ],
)
def test_trading_is_allowed_by_rights_and_token(
    rights: AccessRights, investor: bool, allowed: bool
) -> None:
    row = account_row(of=trader(access_rights=rights), investor_mode=investor)
    assert row["tradeAllowed"] is allowed


def test_a_position_row_has_every_key_of_its_shape() -> None:
    row = position_row(comment="Copy_40021877_L10", label="42", stop_loss=Decimal("1.12"))
    assert row.keys() == PositionInfo.__annotations__.keys()
    assert (row["id"], row["type"], row["volume"]) == ("500", "POSITION_TYPE_BUY", 0.02)
    assert (row["openPrice"], row["currentPrice"]) == (1.12569, 1.1256)
    assert (row["stopLoss"], row["takeProfit"]) == (1.12, None)
    assert (row["profit"], row["unrealizedProfit"], row["netProfit"]) == (96.9, 96.9, 93.7)
    assert (row["magic"], row["clientId"], row["comment"]) == (42, "42", "Copy_40021877_L10")
    assert row["time"] == row["openTime"] == "2026-03-02T12:00:00.000Z"
    assert row["currentTickValue"] == 1.0


def test_profit_is_the_open_part_and_what_partial_closes_realised() -> None:
    row = position_row(gross="-10.00", realised="4.50")
    assert (row["profit"], row["realizedProfit"], row["unrealizedProfit"]) == (-5.5, 4.5, -10.0)
    assert row["currentTickValue"] == 1.001


def test_what_is_unknown_is_null() -> None:
    row = position_row(gross=None)
    assert (row["profit"], row["unrealizedProfit"], row["netProfit"]) == (None, None, None)
    assert row["currentTickValue"] is None
    row = position_row(realised=None)
    assert (row["profit"], row["realizedProfit"], row["unrealizedProfit"]) == (None, None, 96.9)


def test_an_average_entry_is_not_rounded() -> None:
    assert position_row(price=Decimal("1.1198733333333332"))["openPrice"] == 1.1198733333333332


def test_a_sell_closes_at_the_ask() -> None:
    row = position_row(side=Side.SELL)
    assert (row["type"], row["currentPrice"]) == ("POSITION_TYPE_SELL", 1.1257)


def test_a_position_without_an_opening_time_is_not_shown_with_an_invented_one() -> None:
    with pytest.raises(MappingError):
        position_row(opened_at=None)


def test_lots_are_divided_by_the_factor_and_tick_values_multiplied() -> None:
    assert metaapi.lots(3_000, symbol(lot_size_cents=100), Decimal(100)) == 0.3
    row = metaapi.position_info(
        position(),
        SYMBOL,
        account="a",
        symbol_name="X",
        quote=None,
        gross=Decimal(1),
        realised=None,
        ticks=TICKS,
        multiplier=Decimal(10),
    )
    assert (row["volume"], row["currentTickValue"], row["currentPrice"]) == (0.002, 10.0, None)


def test_an_order_row_has_every_key_of_its_shape() -> None:
    row = order_row(executed_volume_cents=50_000, client_order_id="x", label="ui-77")
    assert row.keys() == OrderInfo.__annotations__.keys() - {"stopLimitPrice"}
    assert (row["type"], row["state"]) == ("ORDER_TYPE_BUY_LIMIT", "ORDER_STATE_PARTIAL")
    assert (row["volume"], row["currentVolume"]) == (0.02, 0.015)
    assert (row["openPrice"], row["currentPrice"]) == (1.12, 1.1257)
    assert (row["clientId"], row["magic"], row["positionId"]) == ("ui-77", 0, "500")
    assert row["expirationTime"] is None
    assert "positionId" not in order_row(position_id=None)


def test_a_stop_limit_order_shows_how_far_past_its_stop_it_fills() -> None:
    order = {"type": OrderType.STOP_LIMIT, "stop_price": Decimal("1.12"), "slippage_points": 20}
    buy, sell = order_row(**order), order_row(**order, side=Side.SELL)
    assert (buy["stopLimitPrice"], sell["stopLimitPrice"]) == (1.1202, 1.1198)


def test_relative_protection_of_an_order_is_shown_as_prices() -> None:
    distances = {"relative_stop_loss": Decimal("0.001"), "relative_take_profit": Decimal("0.002")}
    buy = order_row(**distances)
    assert (buy["stopLoss"], buy["takeProfit"]) == (1.119, 1.122)
    sell = order_row(side=Side.SELL, **distances)
    assert (sell["stopLoss"], sell["takeProfit"]) == (1.121, 1.118)
    assert order_row(stop_loss=Decimal("1.1"))["stopLoss"] == 1.1


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (OrderStatus.ACCEPTED, "ORDER_STATE_PLACED"),
        (OrderStatus.FILLED, "ORDER_STATE_FILLED"),
        (OrderStatus.CANCELLED, "ORDER_STATE_CANCELED"),
        (OrderStatus.EXPIRED, "ORDER_STATE_EXPIRED"),
        (OrderStatus.REJECTED, "ORDER_STATE_REJECTED"),
    ],
)
def test_order_states_have_metaapis_words(status: OrderStatus, state: str) -> None:
    assert metaapi.order_state(order(status=status)) == state


def test_a_protection_order_has_no_word() -> None:
    hidden = protection()
    with pytest.raises(MappingError):
        metaapi.order_type(hidden.side, hidden.type)
    assert metaapi.order_type(Side.SELL, OrderType.STOP_LIMIT) == "ORDER_TYPE_SELL_STOP_LIMIT"


def test_a_price_row_has_every_key_of_its_shape() -> None:
    row = price_row()
    assert row.keys() == PriceInfo.__annotations__.keys() - {"polledEverySeconds"}
    assert (row["bid"], row["ask"], row["spread"]) == (1.1256, 1.1257, 0.0001)
    assert (row["ageMs"], row["stale"]) == (79, False)
    assert row["time"] == row["brokerTime"] == "2026-03-02T12:00:00.001Z"
    assert (row["profitTickValue"], row["lossTickValue"]) == (1.0, 1.001)


def test_a_quote_without_the_brokers_time_has_the_time_of_its_arrival() -> None:
    quote = LiveQuote(1)
    quote.bid, quote.ask, quote.received_at = 112560, 112570, 5.0
    assert price_row(quote)["time"] == "2026-03-02T11:59:59.921Z"


def test_one_side_is_no_price() -> None:
    quote = LiveQuote(1)
    quote.bid = 112560
    with pytest.raises(NoQuote):
        price_row(quote)


def test_deal_rows_add_up_to_the_change_of_the_balance() -> None:
    rows = [
        metaapi.deal_info(each, SYMBOL, account="a", symbol_name="EURUSD")
        for each in (deal(), closing_deal())
    ]
    opening, closing = rows
    assert (opening["entryType"], closing["entryType"]) == ("DEAL_ENTRY_IN", "DEAL_ENTRY_OUT")
    assert (opening["type"], closing["type"]) == ("DEAL_TYPE_BUY", "DEAL_TYPE_SELL")
    assert (opening["commission"], opening["accruedCommission"]) == (0.0, -0.06)
    total = sum(row["profit"] + row["swap"] + row["commission"] for row in rows)
    assert total == pytest.approx(0.88)


def test_a_close_says_why_when_and_with_what_result() -> None:
    assert metaapi.close_info(closing_deal(), CloseReason.STOP_LOSS) == {
        "reason": "STOP_LOSS",
        "closePrice": 1.12569,
        "closeTime": "2026-03-02T12:01:00.000Z",
        "profit": 0.88,
        "dealId": "701",
    }


@pytest.mark.parametrize(("label", "number"), [("77", 77), ("", 0), ("ui-7", 0), ("٣", 0)])
def test_a_magic_number_is_a_numeric_label(label: str, number: int) -> None:
    assert metaapi.magic(label) == number


def test_times_are_utc_with_milliseconds() -> None:
    elsewhere = timezone(timedelta(hours=3))
    assert iso(datetime(2026, 3, 2, 12, 15, 27, 481_999, elsewhere)) == "2026-03-02T09:15:27.481Z"
    assert iso_ms(1_772_442_927_481) == "2026-03-02T09:15:27.481Z"
    assert ms_from_instant(at(0)) == 1_772_452_800_000


def test_costs_are_stated_apart_from_the_result_and_the_closing_side_is_an_estimate() -> None:
    row = account_row()
    assert (row["swap"], row["commission"]) == (-2.05, -1.2)
    assert row["closingCommissionEstimate"] == -1.2
    assert row["unrealizedProfit"] == float(TOTALS.net or 0)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (AccountType.HEDGED, "ACCOUNT_MARGIN_MODE_RETAIL_HEDGING"),
        (AccountType.NETTED, "ACCOUNT_MARGIN_MODE_RETAIL_NETTING"),
        (AccountType.SPREAD_BETTING, "ACCOUNT_MARGIN_MODE_RETAIL_HEDGING"),
    ],
)
def test_an_account_has_the_margin_mode_that_its_type_means(kind: AccountType, word: str) -> None:
    row = account_row(of=trader(account_type=kind, bonus=Decimal("25.50")))
    assert (row["marginMode"], row["credit"], row["currencyDigits"]) == (word, 25.5, 2)
