"""Which account a name means."""

from __future__ import annotations

import pytest

from fxpool.platforms.base import PlatformError
from fxpool.platforms.directory import AccountNames, find_account

ALPHA = AccountNames("alpha", alias="5120934", ctid=28841907, login=5120934)
BETA = AccountNames("beta", alias="12345", ctid=111, login=12345)
KNOWN = [ALPHA, BETA]


@pytest.mark.parametrize("name", ["alpha", "5120934", "28841907"])
def test_an_account_answers_to_each_of_its_names(name: str) -> None:
    assert find_account(name, KNOWN) == "alpha"


def test_a_stronger_kind_of_name_wins() -> None:
    named_like_a_login = AccountNames("12345", alias="999", ctid=None, login=None)
    assert find_account("12345", [*KNOWN, named_like_a_login]) == "12345"
    numbered_like_an_alias = AccountNames("gamma", alias=None, ctid=12345, login=None)
    assert find_account("12345", [*KNOWN, numbered_like_an_alias]) == "beta"


def test_a_login_at_two_brokers_is_never_guessed() -> None:
    twin = AccountNames("twin", alias="12345", ctid=112, login=12345)
    with pytest.raises(PlatformError, match="beta, twin") as caught:
        find_account("12345", [*KNOWN, twin])
    assert caught.value.status == 409


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(PlatformError, match="Account not found: omega") as caught:
        find_account("omega", KNOWN)
    assert (caught.value.status, caught.value.code) == (404, "ACCOUNT_NOT_FOUND")
