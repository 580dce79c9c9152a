"""What ``from fxpool import UnifiedPoolClient`` costs, and the names it offers."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import pytest

import fxpool
from fxpool import SyncPoolClient, UnifiedPoolClient
from fxpool.errors import SettingsError
from fxpool.platforms.remote import RemotePlatform

IMPORT_AND_LIST = "import sys; from fxpool import UnifiedPoolClient; print(*sys.modules)"


def test_the_client_is_imported_without_the_web_framework_and_the_wire() -> None:
    run = [sys.executable, "-c", IMPORT_AND_LIST]
    loaded = set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())  # noqa: S603 (our own interpreter)
    assert not loaded & {"fastapi", "uvicorn", "google.protobuf", "pydantic"}


def test_every_call_has_its_camel_case_name() -> None:
    calls = {
        name
        for name, value in inspect.getmembers(UnifiedPoolClient)
        if re.match(
            r"(get|has|execute|place|modify|close|cancel|subscribe|unsubscribe|wait|init"
            r"|health|register|record|should|send)\w*_",
            name,
        )
        and callable(value)
    }
    assert len(calls) > 40
    for name in calls:
        first, *rest = name.split("_")
        alias = first + "".join(part.capitalize() for part in rest)
        assert getattr(UnifiedPoolClient, alias) is getattr(UnifiedPoolClient, name)


def test_every_call_can_be_made_without_await_too() -> None:
    calls = {
        name
        for name, value in inspect.getmembers(UnifiedPoolClient, inspect.isfunction)
        if not name.startswith("_")
    }
    streams = {"get_streaming_connection", "getStreamingConnection"}  # adds listeners directly
    assert calls - streams - {"direct"} <= set(dir(SyncPoolClient))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="NoSuchName"):
        fxpool.NoSuchName  # noqa: B018 (the access is what is tested)


async def test_the_url_comes_from_the_first_variable_that_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CTRADER_POOL_API_URL", raising=False)
    monkeypatch.setenv("CTRADER_POOL_URL", "http://second:1/")
    assert await url_of_a_new_client() == "http://second:1"
    monkeypatch.setenv("CTRADER_POOL_API_URL", "http://first:1")
    assert await url_of_a_new_client() == "http://first:1"
    monkeypatch.delenv("CTRADER_POOL_API_URL")
    monkeypatch.delenv("CTRADER_POOL_URL")
    assert await url_of_a_new_client() == "http://localhost:8088"


async def url_of_a_new_client() -> str:
    client = UnifiedPoolClient.connect()
    try:
        (platform,) = client._platforms.values()
        assert isinstance(platform, RemotePlatform)
        return platform.base_url
    finally:
        await client.close()


def test_an_address_without_a_scheme_is_refused_with_the_cure() -> None:
    with pytest.raises(SettingsError, match="use http://host:port"):
        UnifiedPoolClient.connect("localhost:8088")


async def test_an_id_that_took_the_place_of_the_region_is_found_at_once() -> None:
    client = UnifiedPoolClient.connect("http://127.0.0.1:1", api_key="k")
    with pytest.raises(TypeError, match="position_id is missing"):
        await client.close_position("12345", "287314502")
    await client.close()


async def test_a_trade_is_given_once() -> None:
    client = UnifiedPoolClient.connect("http://127.0.0.1:1", api_key="k")
    with pytest.raises(TypeError, match="not as both"):
        await client.execute_trade("12345", None, {"symbol": "EURUSD"}, action="BUY")
    await client.close()
