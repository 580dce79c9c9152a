"""How an account stands: what changes it, and what does not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.account.book import AccountBook
from fxpool.account.standing import standing_of
from fxpool.errors import NotReady
from harness.values import at, live_book, position


def test_an_account_on_which_nothing_happened_stands_as_before() -> None:
    before = standing_of(live_book(position(stop_loss=Decimal("1.1")), balance_version=2))
    moved = position(stop_loss=Decimal("1.1000"), swap=Decimal("-0.3"), updated_at=at(9))
    assert standing_of(live_book(moved, balance_version=2)) == before


def test_what_was_opened_closed_or_changed_is_another_standing() -> None:
    books = [
        live_book(balance_version=2),
        live_book(balance_version=3),  # a position came and went
        live_book(position(), balance_version=2),
        live_book(position(stop_loss=Decimal("1.1")), balance_version=2),
        live_book(position(volume_cents=1), balance_version=2),
    ]
    assert len(set(map(standing_of, books))) == len(books)


def test_an_account_that_was_never_read_stands_nowhere() -> None:
    with pytest.raises(NotReady):
        standing_of(AccountBook())
