"""Settings: the brief's variables, frozen, without secrets in sight, errors with a cure."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from fxpool.errors import SettingsError
from fxpool.settings import Settings, unread_variables


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("CTRADER_") or name == "LOG_LEVEL":
            monkeypatch.delenv(name)


def test_the_defaults_are_those_that_callers_expect() -> None:
    settings = Settings.from_environment()
    assert (settings.pool_host, settings.pool_port) == ("127.0.0.1", 8088)
    assert settings.redirect_uri == "http://localhost:8080/api/ctrader/callback"
    assert (settings.test_account, settings.env) == ("12345", "demo")
    assert (settings.demo_host, settings.demo_port) == ("demo.ctraderapi.com", 5035)
    assert (settings.live_host, settings.live_port) == ("live.ctraderapi.com", 5035)
    assert settings.client_url == "http://localhost:8088"


def test_the_first_url_variable_wins_over_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTRADER_POOL_URL", "http://second:1/")
    assert Settings.from_environment().client_url == "http://second:1"
    monkeypatch.setenv("CTRADER_POOL_API_URL", "http://first:1")
    assert Settings.from_environment().client_url == "http://first:1"


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CTRADER_CLIENT_SECRET", "CTRADER_ACCESS_TOKEN", "CTRADER_POOL_API_KEY"):
        monkeypatch.setenv(name, "planted-secret")
    settings = Settings.from_environment()
    assert "planted-secret" not in repr(settings)
    assert settings.access_token.get_secret_value() == "planted-secret"


def test_each_of_several_addresses_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTRADER_ALERT_URLS", "json://me:planted-word@h/x  planted-token-alone")
    told = set(Settings.from_environment().secrets())
    assert {"json://me:planted-word@h/x", "planted-word", "planted-token-alone"} <= told


def test_a_password_in_any_address_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DXTRADE_POOL_API_URL", "https://me:planted-word@h/x")
    assert "planted-word" in set(Settings.from_environment().secrets())


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTRADER_POOL_PORT", "")
    assert Settings.from_environment().pool_port == 8088


def test_an_error_names_the_variable_and_never_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTRADER_POOL_PORT", "eighty")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment()
    assert "CTRADER_POOL_PORT" in str(caught.value)
    assert "LOG_LEVEL" in str(caught.value)
    assert "eighty" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CTRADER_ORDER_SETTLE_SECONDS", "inf"),
        ("METAAPI_POLL_SECONDS", "nan"),
        ("METAAPI_SETTLE_SECONDS", "inf"),
        ("VAULT_ADDR", "127.0.0.1:8200"),
        ("CTRADER_TOKEN_URL", "openapi.ctrader.com/apps/token"),
    ],
)
def test_a_value_that_could_never_work_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^{variable}: "):
        Settings.from_environment()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().pool_port = 1  # type: ignore[misc] # the point of the test


def test_a_misspelt_variable_is_told_with_the_one_that_was_meant() -> None:
    names = ["CTRADER_POOL_APIKEY", "CTRADER_POOL_PORT", "LOG_LEVEL", "PATH", "CTRADER_XYZZY"]
    assert list(unread_variables(names)) == [
        "CTRADER_POOL_APIKEY is read by nobody; did you mean CTRADER_POOL_API_KEY?",
        "CTRADER_XYZZY is read by nobody",
    ]
