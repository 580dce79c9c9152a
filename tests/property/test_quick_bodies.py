"""Bodies of orders that are read quickly are the bodies that their models read, and no others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fxpool.gateway.quick_bodies import QuickReader
from fxpool.gateway.schemas import (
    AccountBody,
    LimitOrderBody,
    OrderBody,
    OrderCancelBody,
    OrderModifyBody,
    PoolBody,
    PositionCloseBody,
    PositionModifyBody,
    StopOrderBody,
    SymbolCloseBody,
)
from fxpool.mapping.spellings import spellings

GOOD: dict[str, Any] = {
    "account_id": "12345",
    "symbol": "EURUSD",
    "action": "BUY",
    "volume": Decimal("0.10"),
    "open_price": Decimal("1.1"),
    "position_id": 7,
    "order_id": "8",
}
"""A good value for whatever a body may need."""

MODELS: tuple[type[PoolBody], ...] = (
    AccountBody,
    OrderBody,
    LimitOrderBody,
    StopOrderBody,
    OrderCancelBody,
    OrderModifyBody,
    PositionCloseBody,
    PositionModifyBody,
    SymbolCloseBody,
)

PLAIN = ("", " ", "EURUSD", " x ", "0.1", "-1", "1e3", "demo", "LOTS", "true", "no", "\x00")
LONG = ("x" * 100, "x" * 101, "x" * 513)
SPECIAL = ("SELL", "buy_limit", "ORDER_TYPE_SELL_STOP", "RELATIVE_PIPS", "GTC", "IOC")
TIMES = ("2026-03-02T09:15:27.481Z", "2026-03-02T09:15:27")
WORDS = st.sampled_from([*PLAIN, *LONG, *SPECIAL, *TIMES])
NUMBERS = st.sampled_from([0, 1, -1, 7, 2**31, 10**16, 101])
DECIMALS = st.sampled_from(["0", "0.10", "-0.1", "1.5", "100.0", "100.1", "1E+16"]).map(Decimal)
OBJECTS = st.sampled_from(
    [[], {}, ["x"], {"distance": Decimal("0.1")}, {"distance": {"distance": 1}}]
)
VALUES = st.one_of(WORDS, NUMBERS, DECIMALS, st.booleans(), st.none(), OBJECTS)


@st.composite
def bodies(draw: st.DrawFn, model: type[PoolBody]) -> dict[str, Any]:
    """Draw a body that is good but for a few fields, in any spellings."""
    names = [name for field in model.model_fields for name in spellings(field)]
    body = {name: value for name, value in GOOD.items() if name in model.model_fields}
    for name in draw(st.lists(st.sampled_from([*names, "magic"]), max_size=4)):
        body[name] = draw(VALUES)
    for name in draw(st.lists(st.sampled_from(sorted(body)), max_size=1)):
        del body[name]
    return body


def judged(model: type[PoolBody], content: object) -> PoolBody | None:
    try:
        return model.model_validate(content)
    except ValidationError:
        return None


@pytest.mark.parametrize("model", MODELS)
@given(data=st.data())
def test_a_body_that_is_read_quickly_is_what_its_model_reads(
    model: type[PoolBody], data: st.DataObject
) -> None:
    content = data.draw(bodies(model))
    quick, whole = QuickReader(model).read(content), judged(model, content)
    if quick is None:
        return
    assert whole is not None
    # By their text: Decimal("0.1") equals Decimal("0.10"), and True equals 1.
    assert {name: repr(value) for name, value in quick} == {
        name: repr(value) for name, value in whole
    }
    assert quick == whole
    assert quick.model_fields_set == whole.model_fields_set


@pytest.mark.parametrize("model", MODELS)
def test_a_plain_body_is_read_quickly(model: type[PoolBody]) -> None:
    content = {name: value for name, value in GOOD.items() if name in model.model_fields}
    more = {"environment": "demo", "allow_unsynchronized": True, "stop_loss": Decimal("1.05")}
    for given_too in ({}, {name: more[name] for name in more if name in model.model_fields}):
        quick = QuickReader(model).read(content | given_too)
        assert quick is not None
        assert quick == model.model_validate(content | given_too)


@pytest.mark.parametrize("content", [None, [], "x", 1, b"{}", {}])
def test_what_is_no_body_is_left_to_the_model(content: object) -> None:
    assert QuickReader(OrderBody).read(content) is None


def test_models_have_no_rules_that_quick_reading_does_not_know() -> None:
    """A validator of another kind must make a body unfit for it, or be known to it."""
    for model in MODELS:
        rules = model.__pydantic_decorators__
        assert rules.model_validators.keys() <= {"_fold_spellings", "_check_together"}, model
        for rule in rules.field_validators.values():
            for field in rule.info.fields:
                assert model.model_fields[field].validate_default, (model, field)
        assert not rules.validators, model
        assert not rules.root_validators, model
