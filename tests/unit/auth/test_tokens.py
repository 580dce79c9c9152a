"""Pairs of tokens: every spelling that stores hold, and when a pair is renewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fxpool.auth.tokens import TokenPair, fields_of, pair_from, pair_given, with_pair
from fxpool.errors import SecretUnreadable

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
IN_A_MONTH = AT + timedelta(seconds=2_628_000)


@pytest.mark.parametrize(
    "fields",
    [
        {"access_token": "a", "refresh_token": "r", "expires_at": IN_A_MONTH.isoformat()},
        {"access_token": "a", "refresh_token": "r", "expires_at": "2026-02-04T19:00:00Z"},
        {"accessToken": "a", "refreshToken": "r", "expiresAt": "2026-02-04T19:00:00"},
        {
            "access_token": "a",
            "refresh_token": "r",
            "expires_in": "2628000",
            "obtained_at": str(int(AT.timestamp() * 1000)),
        },
    ],
)
def test_a_pair_is_read_in_every_spelling(fields: dict[str, str]) -> None:
    pair = pair_from(fields, source="x")
    assert pair is not None
    assert (pair.access_token, pair.refresh_token, pair.expires_at) == ("a", "r", IN_A_MONTH)


def test_a_pair_without_an_end_is_a_pair_and_an_entry_without_a_token_is_none() -> None:
    pair = pair_from({"access_token": "a", "expires_in": "60"}, source="x")
    assert pair is not None
    assert pair.expires_at is None
    assert pair_from({"refresh_token": "r"}, source="x") is None


def test_a_field_that_makes_no_sense_is_named_and_not_shown() -> None:
    with pytest.raises(SecretUnreadable, match="x: expires_at") as caught:
        pair_from({"access_token": "canary", "expires_at": "canary"}, source="x")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_at": "9" * 30},
        {"expires_at": "9" * 400},
        {"expires_in": "nan", "obtained_at": "1767603600000"},
        {"expires_in": "1e300", "obtained_at": "1767603600000"},
    ],
)
def test_an_end_beyond_all_dates_is_named_and_no_internal_error(fields: dict[str, str]) -> None:
    with pytest.raises(SecretUnreadable, match=r"^x: expires_"):
        pair_from({"access_token": "planted", **fields}, source="x")


def test_a_new_pair_replaces_the_old_one_in_all_spellings_and_nothing_else() -> None:
    old = {"accessToken": "a", "expires_in": "60", "obtained_at": "1", "acc_num": "7"}
    fields = with_pair(old, pair_given("b", "s", 60.0, AT))
    assert fields["acc_num"] == "7"
    assert "accessToken" not in fields
    assert pair_from(fields, source="x") == pair_given("b", "s", 60.0, AT)
    assert fields_of(TokenPair("only")) == {"access_token": "only"}


def test_a_pair_is_renewed_days_before_its_end_and_not_all_pairs_at_once() -> None:
    pair = pair_given("a", "r", 2_628_000.0, AT)
    assert pair.renewed_at(0.0) == IN_A_MONTH - timedelta(days=3)
    assert pair.renewed_at(1.0) == IN_A_MONTH - timedelta(days=4)


def test_a_short_life_is_not_renewed_all_the_time() -> None:
    assert pair_given("a", "r", 60.0, AT).renewed_at(0.0) == AT + timedelta(seconds=45)


def test_a_pair_shows_nothing_of_itself() -> None:
    pair = TokenPair("canary-access", "canary-refresh")
    assert "canary" not in repr(pair) + pair.fingerprint
    assert pair.fingerprint != TokenPair("canary-access", "another").fingerprint
