"""Who may call."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from fxpool.errors import SettingsError
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.access import Access
from harness.hub_platform import HubPlatform

KEYED = Access(SecretStr("planted-key"))
OPEN = Access(None)


def code(access: Access, path: str = "/accounts", **headers: str) -> str | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    refusal = access.refusal(path, Headers(named))
    return refusal and refusal.code


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer planted-key"},
        {"authorization": "bearer planted-key"},
        {"x_api_key": "planted-key"},
    ],
)
def test_the_key_opens_in_either_header(headers: dict[str, str]) -> None:
    assert code(KEYED, **headers) is None


def test_no_key_and_a_wrong_key_are_told_apart_without_showing_it() -> None:
    assert code(KEYED) == "KEY_MISSING"
    assert code(KEYED, x_api_key="planted-kez") == "KEY_WRONG"
    assert code(KEYED, authorization="Basic planted-key") == "KEY_MISSING"
    refusal = KEYED.refusal("/accounts", Headers({"x-api-key": "x"}))
    assert refusal is not None
    assert "planted" not in refusal.detail


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/callback"])
def test_health_is_open_without_a_key(path: str) -> None:
    assert code(KEYED, path) is None


@pytest.mark.parametrize(
    "origin", ["http://localhost:8080", "http://127.0.0.1", "https://pool.example:444"]
)
def test_a_page_of_this_host_may_call_without_a_key(origin: str) -> None:
    assert code(OPEN, origin=origin, host="pool.example") is None


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_a_page_of_another_site_may_not_call_without_a_key(origin: str) -> None:
    assert code(OPEN, origin=origin, host="127.0.0.1:8088") == "FOREIGN_ORIGIN"


ANY_ADDRESS = "0.0.0.0"  # noqa: S104 (refused or prepared, never bound)


@pytest.mark.parametrize("host", [ANY_ADDRESS, "::", "10.0.0.7", "pool.example"])
def test_a_reachable_address_without_a_key_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="CTRADER_POOL_API_KEY"):
        GatewayServer(create_app(HubPlatform()), host=host)


def test_a_reachable_address_with_a_key_is_taken() -> None:
    GatewayServer(create_app(HubPlatform(), api_key=SecretStr("k")), host=ANY_ADDRESS)
