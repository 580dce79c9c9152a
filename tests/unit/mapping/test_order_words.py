from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.domain.protection import Units
from fxpool.domain.trades import Side, TimeInForce
from fxpool.errors import InvalidOrder, TradeRefused
from fxpool.mapping.order_words import (
    parse_units,
    parse_validity,
    slippage_of_stop_limit,
)
from harness.values import symbol


@pytest.mark.parametrize(
    ("word", "validity"),
    [
        ("gtc", TimeInForce.GOOD_TILL_CANCEL),
        ("ORDER_TIME_SPECIFIED", TimeInForce.GOOD_TILL_DATE),
        ("ORDER_FILLING_FOK", TimeInForce.FILL_OR_KILL),
        (" IOC ", TimeInForce.IMMEDIATE_OR_CANCEL),
        ("MARKET_ON_OPEN", TimeInForce.MARKET_ON_OPEN),
    ],
)
def test_a_time_in_force_has_many_words(word: str, validity: TimeInForce) -> None:
    assert parse_validity(word) is validity


def test_every_time_in_force_is_known_by_its_own_name() -> None:
    assert all(parse_validity(validity.name) is validity for validity in TimeInForce)


@pytest.mark.parametrize("word", ["DAY", "ORDER_TIME_DAY", "order_time_specified_day"])
def test_metatraders_day_is_refused_with_the_cure(word: str) -> None:
    with pytest.raises(InvalidOrder, match="GTD with the expiration"):
        parse_validity(word)


@pytest.mark.parametrize("word", ["TOMORROW", "", 1, None])
def test_an_unknown_word_is_refused_by_name(word: object) -> None:
    with pytest.raises(InvalidOrder, match="timeInForce"):
        parse_validity(word)


def test_units_are_metaapis_words() -> None:
    assert parse_units("relative_pips") is Units.PIPS


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, "1.1012"), (Side.SELL, "1.0988")])
def test_a_limit_past_the_stop_is_a_slippage(side: Side, limit: str) -> None:
    points = slippage_of_stop_limit(side, Decimal("1.1"), Decimal(limit), symbol())
    assert points == 120


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, "1.0999"), (Side.SELL, "1.1001")])
def test_a_limit_on_the_better_side_is_refused_by_name(side: Side, limit: str) -> None:
    with pytest.raises(TradeRefused, match="better side") as refused:
        slippage_of_stop_limit(side, Decimal("1.1"), Decimal(limit), symbol())
    assert refused.value.code == "ORDER_TYPE_NOT_SUPPORTED"
