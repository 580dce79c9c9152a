"""A symbol in MetaApi's words: what the schema names, and what the broker told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fxpool.domain.accounts import MarginMode
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbol_terms import DistanceUnit, SwapType, SymbolGroup, Weekday
from fxpool.domain.symbols import Asset, CommissionType, Symbol, TickValues, TradingMode
from fxpool.mapping.specification import SpecificationContext, symbol_specification
from fxpool.mapping.symbol_formats import SymbolSpecification
from fxpool.mapping.symbols import symbol_from
from fxpool.openapi.proto import messages_pb2 as wire
from harness.recorded import recorded_message
from harness.values import EUR, NOON, USD, light, symbol, terms, trader

ASSETS = {EUR: Asset(EUR, "EUR", 2), USD: Asset(USD, "USD", 2)}


def specification(of: Symbol | None = None, **context: Any) -> SymbolSpecification:
    known: dict[str, Any] = {
        "shown_name": "EURUSD",
        "account": "alpha",
        "multiplier": Decimal(1),
        "trader": trader(),
        "assets": ASSETS,
        "group": SymbolGroup("Majors", "Forex"),
        "quote": None,
        "ticks": None,
        "at": NOON,
    }
    return symbol_specification(of or symbol(), SpecificationContext(**(known | context)))


def test_sizes_are_in_the_lots_that_callers_count() -> None:
    row = specification(multiplier=Decimal(10))
    assert (row["minVolume"], row["volumeStep"]) == (0.001, 0.001)
    assert row["contractSize"] == 1_000_000
    assert (row["digits"], row["tickSize"], row["pipSize"]) == (5, 0.00001, 0.0001)
    assert (row["baseCurrency"], row["profitCurrency"], row["marginCurrency"]) == (
        "EUR",
        "USD",
        "EUR",
    )
    assert row["path"] == "Forex\\Majors"


def test_tick_values_are_of_one_lot_and_null_while_a_price_is_missing() -> None:
    assert specification()["profitTickValue"] is None
    row = specification(ticks=TickValues(Decimal(1), Decimal("1.01")), multiplier=Decimal(10))
    assert (row["profitTickValue"], row["lossTickValue"]) == (10, 10.1)


@pytest.mark.parametrize(
    ("kind", "mode", "swap"),
    [
        (SwapType.PIPS, "SYMBOL_SWAP_MODE_POINTS", -25.0),
        (SwapType.POINTS, "SYMBOL_SWAP_MODE_POINTS", -2.5),
        (SwapType.PERCENTAGE, "SYMBOL_SWAP_MODE_INTEREST_CURRENT", -2.5),
    ],
)
def test_swaps_are_in_the_unit_of_their_mode(kind: SwapType, mode: str, swap: float) -> None:
    row = specification(symbol(terms=terms(swap_type=kind, swap_long=Decimal("-2.5"))))
    assert (row["swapMode"], row["swapLong"], row["swapShort"]) == (mode, swap, None)
    assert (row["swapRollover3Days"], row["ctrader"]["swapLong"]) == ("WEDNESDAY", -2.5)


def test_an_account_without_swaps_has_none() -> None:
    assert specification(trader=trader(swap_free=True))["swapMode"] == "SYMBOL_SWAP_MODE_DISABLED"


def test_distances_are_points_and_a_share_of_the_price_needs_a_price() -> None:
    points = symbol(stop_loss_distance=30, take_profit_distance=20)
    assert specification(points)["stopsLevel"] == 30
    percent = replace(points, terms=terms(distance_unit=DistanceUnit.PERCENTAGE))
    assert specification(percent)["stopsLevel"] is None
    quote = LiveQuote(1)
    quote.bid, quote.ask = 119_990, 120_000
    assert specification(percent, quote=quote)["stopsLevel"] == 360  # 0.3 % of 1.2


@pytest.mark.parametrize(
    ("mode", "short", "word"),
    [
        (TradingMode.ENABLED, True, "FULL"),
        (TradingMode.ENABLED, None, "FULL"),
        (TradingMode.ENABLED, False, "LONGONLY"),
        (TradingMode.CLOSE_ONLY, True, "CLOSEONLY"),
        (TradingMode.DISABLED_WITH_PENDINGS_EXECUTION, True, "DISABLED"),
        (TradingMode.DISABLED_WITHOUT_PENDINGS_EXECUTION, True, "DISABLED"),
    ],
)
def test_the_trade_mode_is_what_may_be_done(
    mode: TradingMode, short: bool | None, word: str
) -> None:
    row = specification(symbol(trading_mode=mode, short_selling=short))
    assert row["tradeMode"] == f"SYMBOL_TRADE_MODE_{word}"


@pytest.mark.parametrize(
    ("mode", "hedged"), [(MarginMode.NET, 0.0), (MarginMode.MAX, 100_000.0), (MarginMode.SUM, None)]
)
def test_the_margin_of_opposite_positions_follows_the_margin_mode(
    mode: MarginMode, hedged: float | None
) -> None:
    row = specification(trader=trader(margin_mode=mode))
    assert row.get("hedgedMargin") == hedged
    assert ("hedgedMarginUsesLargerLeg" in row) == (mode is MarginMode.MAX)


def test_what_is_not_told_is_not_invented() -> None:
    bare = symbol(of=light(base=99, quote=98), min_volume_cents=None)
    row = specification(bare, group=None)
    assert {"path", "baseCurrency", "profitCurrency"}.isdisjoint(row)
    assert row["minVolume"] is None
    assert row["tradeSessions"] is None  # not closed all week: unknown
    assert row["priceCalculationMode"] == "SYMBOL_CALC_MODE_UNKNOWN"


def test_the_recorded_symbols_are_told_whole() -> None:
    message = recorded_message("symspecs")
    assert isinstance(message, wire.ProtoOASymbolByIdRes)
    for full in message.symbol:
        known = symbol_from(light(full.symbolId), full)
        row = specification(known)
        told = row["ctrader"]
        assert (told["swapLong"], told["swapShort"]) == (full.swapLong, full.swapShort)
        assert row["tradeSessions"], known.name
        assert row["swapRollover3Days"] == Weekday(full.swapRollover3Days).name
        if known.commission_type is CommissionType.PERCENTAGE_OF_VALUE:
            assert told["commissionRate"] == 0.0007
