"""Settings into accounts, symbol names, endpoints and credentials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from fxpool.errors import SettingsError
from fxpool.mapping.symbols_file import parse_symbols
from fxpool.platforms.ctrader_setup import (
    accounts_from,
    credentials_from,
    endpoints_from,
    symbol_rules_from,
)
from fxpool.pool import Environment
from fxpool.settings import Settings

SHIPPED = Path(__file__).parents[3] / "config"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is configured by the folder that the tests run in."""
    monkeypatch.chdir(tmp_path)


def routing_file(tmp_path: Path) -> Path:
    path = tmp_path / "routing.json"
    entry = {"platform": "ctrader", "environment": "demo", "accountId": "12345"}
    path.write_text(json.dumps({"accounts": {"alpha": entry, "12345": entry}}))
    return path


def test_without_any_file_there_are_no_accounts_and_no_rules() -> None:
    assert accounts_from(Settings()) == []
    assert symbol_rules_from(Settings()) == []


def test_a_file_in_the_usual_place_is_read_without_being_named(tmp_path: Path) -> None:
    (tmp_path / "config").symlink_to(SHIPPED)
    assert [account.key for account in accounts_from(Settings())] == ["12345"]
    assert {rule.mt_name for rule in symbol_rules_from(Settings())} >= {"EURUSD", "XAUUSD"}


def test_the_demo_file_names_its_account_closer_than_the_routing_file(tmp_path: Path) -> None:
    settings = Settings(routing_config=routing_file(tmp_path), demo_config=SHIPPED / "demo.json")
    alpha, demo = accounts_from(settings)
    assert (alpha.key, demo.key) == ("alpha", "12345")
    assert demo.symbols == ("EURUSD", "GBPUSD", "XAUUSD", "BTCUSD")


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        accounts_from(Settings(routing_config=tmp_path / "none.json"))
    with pytest.raises(SettingsError, match="cannot be read"):
        symbol_rules_from(Settings(symbols_file=tmp_path / "none.json"))


def test_the_shipped_symbol_file_has_the_names_of_the_brief() -> None:
    path = SHIPPED / "symbols.json"
    names = {rule.mt_name: rule.broker_name for rule in parse_symbols(path.read_bytes(), source="")}
    assert names["EURUSD"] == "EUR/USD"
    assert names["XAUUSD"] == "GOLD"
    assert names["BTCUSD"] == "Bitcoin"


def test_each_environment_has_its_own_endpoint() -> None:
    endpoints = endpoints_from(Settings(demo_host="a.example", live_port=1))
    assert str(endpoints[Environment.DEMO]) == "a.example:5035"
    assert str(endpoints[Environment.LIVE]) == "live.ctraderapi.com:1"


def test_missing_credentials_are_named_and_present_ones_not_shown() -> None:
    with pytest.raises(SettingsError, match="CTRADER_CLIENT_SECRET not set"):
        credentials_from(Settings(client_id="an-id"))
    complete = Settings(
        client_id="an-id", client_secret=SecretStr("planted"), access_token=SecretStr("planted")
    )
    assert "planted" not in repr(credentials_from(complete))


def test_an_account_that_says_no_environment_has_that_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "routing.json"
    silent = {"platform": "ctrader", "accountId": "12345"}
    loud = {"platform": "ctrader", "accountId": "12346", "environment": "demo"}
    path.write_text(json.dumps({"accounts": {"silent": silent, "loud": loud}}))
    found = accounts_from(Settings(routing_config=path, env="live"))
    assert [each.environment for each in found] == [Environment.LIVE, Environment.DEMO]
    assert accounts_from(Settings(routing_config=path))[0].environment is Environment.DEMO
