"""The names of one field: what agrees is folded, what does not is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.errors import InvalidCall
from fxpool.mapping.spellings import SPELLINGS, fold, missing, names_of


@pytest.mark.parametrize("field", [field for field in SPELLINGS if field != "action"])
def test_each_spelling_of_a_field_means_the_field(field: str) -> None:
    for name in SPELLINGS[field]:
        assert fold({name: 7}, names_of([field])) == {field: 7}


def test_spellings_that_agree_may_be_mixed() -> None:
    data = {"account_id": 12345, "accountId": "12345", "lots": "0.10", "volume": Decimal("0.1")}
    folded = fold(data, names_of(["account_id", "volume"]))
    assert folded == {"account_id": 12345, "volume": Decimal("0.1")}


def test_spellings_that_disagree_are_refused_by_name() -> None:
    with pytest.raises(InvalidCall) as caught:
        fold({"stop_loss": 1.05, "stopLoss": "1.06"}, names_of(["stop_loss"]))
    assert str(caught.value) == (
        "stop_loss: stop_loss=1.05, stopLoss=1.06 contradict each other; send one of them"
    )


def test_a_null_spelling_does_not_contradict() -> None:
    assert fold({"stop_loss": None, "stopLoss": 1}, names_of(["stop_loss"])) == {"stop_loss": 1}


def test_the_words_of_an_action_keep_their_names() -> None:
    data = {"action": "BUY", "side": "SELL", "type": None}
    assert fold(data, names_of(["action"])) == {"action": {"action": "BUY", "side": "SELL"}}


def test_of_two_contradictions_the_first_field_is_told_whatever_came_first() -> None:
    data = {"takeProfit": 3, "take_profit": 4, "stopLoss": 1, "stop_loss": 2}
    with pytest.raises(InvalidCall, match="stop_loss: stop_loss=2, stopLoss=1 "):
        fold(data, names_of(["stop_loss", "take_profit"]))


def test_a_missing_field_is_told_with_its_spellings() -> None:
    assert missing("account_id") == "account_id: missing; send account_id or accountId"
    assert missing("comment") == "comment: missing; send comment"
