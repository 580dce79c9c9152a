"""Configured accounts against the token's list: matched exactly, or refused with the cure."""

from __future__ import annotations

import pytest

from fxpool.platforms.routing import AccountConfig
from fxpool.platforms.token_accounts import AccountMismatch, TokenAccount, match_account
from fxpool.pool import Environment


def opened(
    ctid: int, login: int, environment: Environment = Environment.DEMO, broker: str = "Example"
) -> TokenAccount:
    return TokenAccount(ctid, login, environment, broker, is_view_only=False)


def config(
    login: str | None = None, ctid: int | None = None, broker: str = "", live: bool = False
) -> AccountConfig:
    environment = Environment.LIVE if live else Environment.DEMO
    return AccountConfig("alpha", environment, login=login, ctid=ctid, broker=broker)


LIST = [opened(1, 100), opened(2, 200), opened(3, 300, Environment.LIVE)]


def test_an_account_is_found_by_its_ctid_or_by_its_login() -> None:
    assert match_account(config(ctid=2), LIST).login == 200
    assert match_account(config(login="100"), LIST).ctid == 1


def test_an_account_that_is_not_listed_is_never_replaced_by_another() -> None:
    with pytest.raises(AccountMismatch, match="login 999 is not in the token's list of 3"):
        match_account(config(login="999"), LIST)


def test_an_account_of_the_other_environment_is_refused_with_the_cure() -> None:
    with pytest.raises(AccountMismatch, match="is a live account, the configuration says demo"):
        match_account(config(login="300"), LIST)


def test_equal_logins_are_told_apart_by_environment_and_by_broker() -> None:
    twins = [opened(1, 100), opened(2, 100, broker="Other"), opened(3, 100, Environment.LIVE)]
    assert match_account(config(login="100", broker="other"), twins).ctid == 2
    assert match_account(config(login="100", live=True), twins).ctid == 3
    with pytest.raises(AccountMismatch, match="set ctidTraderAccountId"):
        match_account(config(login="100"), twins)
