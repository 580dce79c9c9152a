"""What a failure that another pool tells in words leaves open."""

from __future__ import annotations

import pytest

from fxpool.platforms.pool_results import is_unsure


@pytest.mark.parametrize(
    ("text", "unsure"),
    [
        ("Request timed out", True),
        ("Timeout after 30 s", True),
        ("Unknown error", True),
        ("outcome unknown", True),
        ("Unknown symbol NOPE", False),
        ("unknown account 7", False),
        ("unknown symbol: connection lost", True),
        ("Not enough money", False),
    ],
)
def test_a_thing_that_is_not_known_is_a_refusal_and_an_unknown_end_is_none(
    text: str, unsure: bool
) -> None:
    assert is_unsure(text) is unsure
