"""Numbers, ids, times and lists as callers write them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxpool.gateway.values import exact_number, identifier, iso_time, label, word_list


@pytest.mark.parametrize("value", [Decimal("0.29"), "0.29", " 0.29 "])
def test_a_number_keeps_its_digits(value: object) -> None:
    assert str(exact_number(value)) == "0.29"


@given(st.decimals(min_value=-1_000_000, max_value=1_000_000, places=8))
def test_every_plain_decimal_survives_as_text_and_as_number(value: Decimal) -> None:
    assert exact_number(value) == exact_number(str(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "Infinity",
        Decimal("NaN"),
        Decimal("-Infinity"),
        "1e999999",
        Decimal("1E+400"),
        "1e-400",
        "9" * 30,
        "1_000",
        "٣",
        "0x10",
        "",
        True,
        None,
        [1],
        0.29,
    ],
)
def test_what_is_no_exact_number_of_a_trade_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"must be a number|not a decimal number|out of range"):
        exact_number(value)


@pytest.mark.parametrize("value", ["287314502", 287314502, " 287314502 "])
def test_an_id_may_be_a_string_or_a_number(value: object) -> None:
    assert identifier(value) == "287314502"


@pytest.mark.parametrize("value", ["", "  ", True, 1.5, None, ["a"]])
def test_what_is_no_id_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="non-empty string"):
        identifier(value)


def test_a_comment_stays_as_it_was_written() -> None:
    assert label(" Copy_40021877_L10 ") == " Copy_40021877_L10 "


def test_a_numeric_label_becomes_text() -> None:
    assert label(77) == "77"


def test_a_time_keeps_its_instant() -> None:
    assert iso_time("2026-03-02T10:15:27.481+01:00") == iso_time("2026-03-02T09:15:27.481Z")


@pytest.mark.parametrize("value", ["2026-03-02T09:15:27", "tomorrow", 1772442927481, None])
def test_a_time_without_an_offset_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"offset|ISO 8601"):
        iso_time(value)


@pytest.mark.parametrize("value", ["a,b", ["a", "b"], "b,a,", ["b", "a", ""]])
def test_a_list_may_be_an_array_or_a_text_with_commas(value: object) -> None:
    assert word_list(value) == {"a", "b"}


@pytest.mark.parametrize("value", [None, "", []])
def test_an_empty_list_means_no_limit(value: object) -> None:
    assert word_list(value) is None


@pytest.mark.parametrize("read", [identifier, label])
def test_a_text_that_a_database_cannot_keep_is_refused(read: Callable[[object], str]) -> None:
    with pytest.raises(ValueError, match="NUL"):
        read("Copy_1\0")
