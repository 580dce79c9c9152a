"""The words of an action: agreement, the type a call is for, and refusal of all else."""

from __future__ import annotations

import pytest

from fxpool.domain.trades import OrderType, Side
from fxpool.errors import InvalidCall, InvalidOrder
from fxpool.mapping.actions import WORDS, Action, agreed_action, parse_action


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("BUY", Action(Side.BUY, OrderType.MARKET)),
        ("sell", Action(Side.SELL, OrderType.MARKET)),
        ("ORDER_TYPE_BUY", Action(Side.BUY, OrderType.MARKET)),
        ("order_type_sell_limit", Action(Side.SELL, OrderType.LIMIT)),
        ("Buy_Stop", Action(Side.BUY, OrderType.STOP)),
        (" ORDER_TYPE_SELL_STOP_LIMIT ", Action(Side.SELL, OrderType.STOP_LIMIT)),
    ],
)
def test_an_action_is_read_in_any_case(word: str, action: Action) -> None:
    assert parse_action(word) == action


@pytest.mark.parametrize("word", WORDS)
def test_every_word_means_what_it_says(word: str) -> None:
    action = parse_action(word.lower())
    assert word in {action.word, action.order_type}


@pytest.mark.parametrize(
    "word",
    [
        "HOLD",
        "",
        "BUYY",
        "LONG",
        "LIMIT",
        "BUY LIMIT",
        "ORDER_TYPE_",
        "ORDER_TYPE_CLOSE_BY",
        "POSITION_TYPE_SELL",
        0,
        1,
        True,
        None,
    ],
)
def test_an_unknown_word_is_refused_and_never_becomes_a_sale(word: object) -> None:
    with pytest.raises(InvalidOrder, match=r"^side=.* is an unknown action; send BUY"):
        parse_action(word, "side")


def test_both_vocabularies_agree_by_meaning() -> None:
    given = {"action": "BUY", "actionType": "ORDER_TYPE_BUY"}
    assert agreed_action(given).order_type == "ORDER_TYPE_BUY"


@pytest.mark.parametrize(
    "given",
    [
        {"action": "BUY", "actionType": "ORDER_TYPE_SELL"},
        {"action": "BUY", "actionType": "ORDER_TYPE_BUY_LIMIT"},
        {"side": "SELL", "actionType": "ORDER_TYPE_BUY_LIMIT"},
        {"action": "BUY_STOP", "type": "BUY_LIMIT"},
    ],
)
def test_words_that_contradict_each_other_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(InvalidCall, match="contradict each other; send one of them"):
        agreed_action(given)


def test_a_plain_side_leaves_the_type_to_the_other_field() -> None:
    given = {"side": "SELL", "actionType": "ORDER_TYPE_SELL_STOP"}
    assert agreed_action(given) == Action(Side.SELL, OrderType.STOP)


def test_a_plain_word_means_the_type_that_the_call_is_for() -> None:
    given = {"action": "BUY", "actionType": "ORDER_TYPE_BUY"}
    assert agreed_action(given, OrderType.LIMIT).word == "BUY_LIMIT"


def test_a_word_of_another_type_than_the_call_is_refused() -> None:
    with pytest.raises(InvalidOrder, match="BUY_STOP is not a limit order"):
        agreed_action({"actionType": "ORDER_TYPE_BUY_STOP"}, OrderType.LIMIT)


def test_no_word_at_all_is_refused() -> None:
    with pytest.raises(InvalidCall, match="action: missing; send action or actionType"):
        agreed_action({})
