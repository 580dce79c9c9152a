"""What positions are worth: examples worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.domain.accounts import MarginMode
from fxpool.domain.trades import Side
from fxpool.errors import MappingError
from harness.values import (
    EUR,
    EURUSD,
    GBPJPY,
    JPY,
    LIGHTS,
    USD,
    USDJPY,
    light,
    limit_order,
    live_book,
    position,
)

EURUSD_LIGHT, USDJPY_LIGHT, GBPJPY_LIGHT = LIGHTS


def test_a_buy_is_worth_the_bid_and_a_sell_the_ask() -> None:
    book = live_book(position(), position(501, side=Side.SELL))
    book.apply_quote(EURUSD, 112669, 112679, None, 0.0)
    assert book.gross(500) == Decimal("2.00")
    assert book.gross(501) == Decimal("-2.20")


def test_without_a_quote_nothing_is_worth_anything_known() -> None:
    book = live_book(position())
    assert book.gross(500) is None
    totals = book.totals()
    assert (totals.gross, totals.net, totals.equity) == (None, None, None)
    assert (totals.free_margin, totals.margin_level) == (None, None)
    assert totals.balance == Decimal("1000.00")
    book.apply_quote(EURUSD, None, 112679, None, 0.0)
    assert book.gross(500) is None
    book.apply_quote(EURUSD, 112669, None, None, 0.0)
    assert book.gross(500) == Decimal("2.00")


def test_an_absent_side_keeps_its_last_value() -> None:
    book = live_book()
    book.apply_quote(EURUSD, 112669, 112679, 1_000, 5.0)
    book.apply_quote(EURUSD, None, 112680, None, 6.0)
    quote = book.quotes[EURUSD]
    assert (quote.bid, quote.ask) == (112669, 112680)
    assert (quote.timestamp_ms, quote.received_at) == (1_000, 6.0)


def test_a_price_of_zero_is_no_price() -> None:
    book = live_book(position())
    book.apply_quote(EURUSD, 112669, 112679, None, 0.0)
    book.apply_quote(EURUSD, 0, None, None, 1.0)
    assert book.gross(500) is None
    assert book.totals().equity is None
    assert not book.quotes[EURUSD].is_complete
    book.apply_quote(EURUSD, 112669, None, None, 2.0)
    assert book.gross(500) == Decimal("2.00")


def test_a_position_placed_after_the_quote_is_valued_at_once() -> None:
    book = live_book()
    book.apply_quote(EURUSD, 112669, 112679, None, 0.0)
    book.begin_reconcile()
    book.reconcile([position()], [])
    assert book.gross(500) == Decimal("2.00")


def test_an_average_price_with_many_decimals_is_not_rounded_first() -> None:
    entry = Decimal("1.1198733333333332")
    book = live_book(position(price=entry, volume_cents=300_000_000))
    book.apply_quote(EURUSD, 111987, 111988, None, 0.0)
    assert book.gross(500) == Decimal("-10.00")


@pytest.mark.parametrize(
    ("side", "bid", "ask", "expected"),
    [
        # 2,000 units of GBP: the result is in JPY, which costs USD at the ask of USDJPY when it is
        # a profit to be sold, and at the bid when it is a loss to be paid.
        (Side.BUY, 19_100_000, 19_102_000, Decimal("13.33")),  # 2,000 JPY / 150.02
        (Side.BUY, 18_900_000, 18_902_000, Decimal("-13.33")),  # -2,000 JPY / 150.00
        (Side.SELL, 18_898_000, 18_900_000, Decimal("13.33")),
    ],
)
def test_a_conversion_divides_where_the_money_is_the_quote_asset(
    side: Side, bid: int, ask: int, expected: Decimal
) -> None:
    book = live_book(position(symbol_id=GBPJPY, side=side, price=Decimal(190)))
    assert book.conversions_wanted() == {(JPY, USD)}
    book.set_conversion(JPY, USD, [USDJPY_LIGHT])
    assert book.quotes_wanted() == {GBPJPY, USDJPY}
    book.apply_quote(GBPJPY, bid, ask, None, 0.0)
    assert book.gross(500) is None
    book.apply_quote(USDJPY, 15_000_000, 15_002_000, None, 0.0)
    assert book.gross(500) == expected


def test_a_chain_of_two_steps_reaches_the_accounts_currency() -> None:
    book = live_book(
        position(symbol_id=GBPJPY, price=Decimal(190)), deposit_asset_id=EUR, money_digits=4
    )
    book.set_conversion(JPY, EUR, [USDJPY_LIGHT, EURUSD_LIGHT])
    book.apply_quote(GBPJPY, 19_100_000, 19_102_000, None, 0.0)
    book.apply_quote(USDJPY, 15_000_000, 15_002_000, None, 0.0)
    book.apply_quote(EURUSD, 110_000, 110_010, None, 0.0)
    assert book.gross(500) == Decimal("12.1185")  # 2,000 / 150.02 / 1.1001
    book.apply_quote(EURUSD, None, 120_000, None, 0.0)
    assert book.gross(500) == Decimal("11.1096")


def test_a_conversion_multiplies_where_the_money_is_the_base_asset() -> None:
    usd_jpy_account = live_book(position(), deposit_asset_id=JPY, money_digits=0)
    assert usd_jpy_account.conversions_wanted() == {(USD, JPY)}
    usd_jpy_account.set_conversion(USD, JPY, [USDJPY_LIGHT])
    usd_jpy_account.apply_quote(USDJPY, 15_000_000, 15_002_000, None, 0.0)
    usd_jpy_account.apply_quote(EURUSD, 112669, 112679, None, 0.0)
    assert usd_jpy_account.gross(500) == 300
    usd_jpy_account.apply_quote(EURUSD, 112469, 112479, None, 0.0)
    assert usd_jpy_account.gross(500) == -300


def test_eight_money_digits_are_exact() -> None:
    book = live_book(position(volume_cents=100, money_digits=8), money_digits=8)
    book.apply_quote(EURUSD, 112570, 112571, None, 0.0)
    assert book.gross(500) == Decimal("0.00001")


def test_a_chain_that_leads_elsewhere_is_refused() -> None:
    book = live_book()
    with pytest.raises(MappingError):
        book.set_conversion(JPY, USD, [EURUSD_LIGHT])
    with pytest.raises(MappingError):
        book.set_conversion(JPY, USD, [light(9, "EURJPY", EUR, JPY)])
    with pytest.raises(MappingError):
        book.set_conversion(JPY, EUR, [USDJPY_LIGHT])


def test_an_empty_chain_leaves_the_result_unknown_and_is_not_asked_for_again() -> None:
    book = live_book(position(symbol_id=GBPJPY, price=Decimal(190)))
    book.set_conversion(JPY, USD, [])
    book.apply_quote(GBPJPY, 19_100_000, 19_102_000, None, 0.0)
    assert book.gross(500) is None
    assert book.conversions_wanted() == set()


def test_orders_and_quotes_are_wanted_for_what_is_in_use() -> None:
    book = live_book(orders=(limit_order(symbol_id=USDJPY),))
    assert book.quotes_wanted() == {USDJPY}
    assert book.conversions_wanted() == {(JPY, USD)}
    assert book.symbols_wanting_details() == set()
    book.symbols.clear()
    assert book.symbols_wanting_details() == {USDJPY}


def test_equity_holds_swap_and_commission_and_free_margin_what_is_left() -> None:
    book = live_book(position(swap=Decimal("-1.50")))
    book.apply_quote(EURUSD, 112669, 112679, None, 0.0)
    totals = book.totals()
    assert totals.net == Decimal("0.44")
    assert totals.equity == Decimal("1000.44")
    assert totals.free_margin == Decimal("977.93")
    assert totals.margin_level == Decimal("1000.44") / Decimal("22.51") * 100


def test_without_margin_there_is_no_margin_level() -> None:
    totals = live_book().totals()
    assert (totals.margin, totals.free_margin) == (0, Decimal("1000.00"))
    assert totals.margin_level is None


def test_an_unknown_margin_is_not_zero() -> None:
    book = live_book(position(used_margin=None, margin_rate=None))
    book.apply_quote(EURUSD, 112669, 112679, None, 0.0)
    totals = book.totals()
    assert totals.equity is not None
    assert (totals.margin, totals.free_margin, totals.margin_level) == (None, None, None)
    book.apply_margin(500, Decimal("22.51"))
    assert book.totals().margin == Decimal("22.51")


@pytest.mark.parametrize(
    ("mode", "expected"), [(MarginMode.SUM, 45), (MarginMode.MAX, 35), (MarginMode.NET, 25)]
)
def test_margin_combines_the_sides_of_each_symbol(mode: MarginMode, expected: int) -> None:
    positions = [
        position(1, used_margin=Decimal(20)),
        position(2, used_margin=Decimal(10), side=Side.SELL),
        position(3, used_margin=Decimal(15), symbol_id=USDJPY, side=Side.SELL),
    ]
    assert live_book(*positions, margin_mode=mode).totals().margin == expected


def test_a_tick_is_worth_more_in_a_loss_where_money_is_converted() -> None:
    book = live_book()
    eurusd = book.tick_values(EURUSD)
    assert eurusd is not None
    assert (eurusd.profit, eurusd.loss) == (1, 1)
    assert book.tick_values(USDJPY) is None
    book.set_conversion(JPY, USD, [USDJPY_LIGHT])
    book.apply_quote(USDJPY, 12_500_000, 16_000_000, None, 0.0)
    usdjpy = book.tick_values(USDJPY)
    assert usdjpy is not None
    assert (usdjpy.profit, usdjpy.loss) == (Decimal("0.625"), Decimal("0.8"))


def test_a_floor_calls_at_the_quote_that_reaches_it_and_at_no_other() -> None:
    calls: list[int] = []
    book = live_book(position(), position(501, side=Side.SELL, volume_cents=100_000))
    book.set_floor(Decimal("-1.00"), lambda: calls.append(book.quotes[EURUSD].bid or 0))
    for bid in (112569, 112669, 112500, 112479):
        book.apply_quote(EURUSD, bid, bid, None, 0.0)  # 1,000 units net long from 1.12569
    assert calls == []
    book.apply_quote(EURUSD, 112469, 112469, None, 0.0)
    assert calls == [112469]
    book.set_floor(None, lambda: None)
    book.apply_quote(EURUSD, 100000, 100000, None, 0.0)
    assert calls == [112469]


def test_a_floor_counts_positions_that_come_and_go() -> None:
    calls: list[None] = []
    book = live_book()
    book.apply_quote(EURUSD, 112469, 112469, None, 0.0)
    book.set_floor(Decimal("-1.00"), lambda: calls.append(None))
    for held in ([position()], [position(volume_cents=50_000)], []):
        book.begin_reconcile()
        book.reconcile(held, [])
        book.apply_quote(EURUSD, 112468, 112468, None, 0.0)
        book.apply_quote(EURUSD, 112469, 112469, None, 0.0)
    assert len(calls) == 2, "only while the whole position was open"
