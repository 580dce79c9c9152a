"""The connection to a real Redis: passwords, TLS, going down and coming back."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from fxpool.errors import RedisDown, RedisRefused, SettingsError
from fxpool.settings import Settings
from fxpool.simulator.certificates import certificates_in
from fxpool.store.redis import RedisAddress
from fxpool.store.redis.presence import Presence
from harness.fast_clock import FastClock
from harness.redis import PASSWORD, RedisServer, connected, running_redis, tls_front
from harness.wait import wait_until


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


async def test_a_command_is_answered(redis: RedisServer) -> None:
    async with connected(redis.address) as connection:
        assert connection.is_up
        await connection.command("SET", "ctrader:test", "1")
        assert await connection.command("GET", "ctrader:test") == b"1"


async def test_a_wrong_password_is_named_with_its_cure_and_not_shown(redis: RedisServer) -> None:
    address = replace(redis.address, password="planted-canary")
    async with connected(address) as connection:
        assert not connection.is_up
        assert "REDIS_PASSWORD" in connection.error
        with pytest.raises(RedisDown) as caught:
            await connection.command("PING")
        assert "planted-canary" not in str(caught.value) + repr(address) + connection.error


async def test_databases_are_kept_apart(redis: RedisServer) -> None:
    async with (
        connected(redis.address) as first,
        connected(replace(redis.address, database=3)) as third,
    ):
        await third.command("SET", "ctrader:apart", "1")
        assert await first.command("GET", "ctrader:apart") is None


async def test_a_command_that_redis_refuses_is_named(redis: RedisServer) -> None:
    async with connected(redis.address) as connection:
        with pytest.raises(RedisRefused, match="refused a command"):
            await connection.command("NO-SUCH-COMMAND")


async def test_redis_goes_down_and_comes_back_by_itself(redis: RedisServer) -> None:
    async with connected(redis.address) as connection:
        told: list[str] = []
        connection.came_back.append(lambda: told.append("back"))
        redis.stop()
        try:
            await wait_until(lambda: not connection.is_up)
            with pytest.raises(RedisDown, match="cannot be reached"):
                await connection.command("PING")
        finally:
            redis.start()
        await wait_until(lambda: connection.is_up)
        assert told == ["back"]
        assert await connection.command("PING") in {b"PONG", True}


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    ],
)
async def test_a_redis_that_takes_no_writes_is_down_until_it_does(
    redis: RedisServer, begin: str, end: str
) -> None:
    async with connected(redis.address) as connection:
        told: list[str] = []
        connection.came_back.append(lambda: told.append("back"))
        assert redis.ask(begin) == b"+OK"
        try:
            with pytest.raises(RedisRefused):
                await connection.command("SET", "ctrader:test", "1")
            since = connection.since
            for _ in range(3):
                await connection._look()
            assert (connection.is_up, connection.since, told) == (False, since, [])
            assert "refused a command" in connection.error
        finally:
            assert redis.ask(end) == b"+OK"
        await wait_until(lambda: connection.is_up)


async def test_a_listener_that_fails_does_not_end_the_looking(redis: RedisServer) -> None:
    async with connected(redis.address) as connection:
        told: list[str] = []

        def stumble() -> None:
            told.append("back")
            if len(told) == 1:
                raise LookupError("a defect")

        connection.came_back.append(stumble)
        redis.stop()
        try:
            await wait_until(lambda: not connection.is_up)
        finally:
            redis.start()
        await wait_until(lambda: told and not connection.is_up)
        assert connection.error == "an internal error: LookupError"
        await wait_until(lambda: connection.is_up)
        assert told == ["back", "back"]


async def test_a_cancellation_that_redis_py_turns_into_an_error_is_one_all_the_same(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(redis.address) as connection:
        asked = asyncio.Event()

        async def swallow(*_: object) -> None:
            asked.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ConnectionError("Connection closed by server") from None

        monkeypatch.setattr(connection._client, "execute_command", swallow)
        await asked.wait()
        await asyncio.wait_for(connection.close(), 5)


@pytest.mark.parametrize("is_linked", [True, False])
async def test_a_cancellation_counts_in_whichever_turn_of_the_loop_it_comes(
    redis: RedisServer, *, is_linked: bool
) -> None:
    async with connected(redis.address) as connection:
        for turns in range(30):
            if not is_linked:
                await connection._client.connection_pool.disconnect()
            asking = asyncio.create_task(connection.command("PING"))
            for _ in range(turns):
                await asyncio.sleep(0)
            is_answered = asking.done()
            asking.cancel()
            await asyncio.wait([asking])
            assert asking.cancelled() is not is_answered, turns


async def test_who_serves_the_accounts_is_told_again_after_an_error(redis: RedisServer) -> None:
    states = iter([LookupError("a defect"), {"alpha": {"state": "live"}}])

    def told() -> dict[str, dict[str, str]]:
        state = next(states, {"alpha": {"state": "live"}})
        if isinstance(state, Exception):
            raise state
        return state

    async with connected(redis.address) as connection:
        presence = Presence(connection, "gateway", clock=FastClock(0.0, 100.0))
        with structlog.testing.capture_logs() as logs:
            task = asyncio.create_task(presence.run(told))
            key = "ctrader:conn:alpha"
            while not await connection.command("EXISTS", key):
                assert not task.done()
        assert [log["event"] for log in logs] == ["telling who serves the accounts"]
        task.cancel()
        await asyncio.wait([task])
        assert not await connection.command("EXISTS", key)


async def test_tls_trusts_the_given_authority_and_nobody_else(
    redis: RedisServer, tmp_path: Path
) -> None:
    certificates = certificates_in(tmp_path, datetime.now(UTC))
    async with tls_front(redis.port, certificates.server_context()) as port:
        address = replace(redis.address, host="127.0.0.1", port=port, is_tls=True)
        async with connected(replace(address, ca_file=certificates.ca_file)) as trusting:
            assert trusting.is_up, trusting.error
        async with connected(address) as strange:
            assert not strange.is_up
            assert "REDIS_CACERT" in strange.error


async def test_tls_older_than_1_2_is_refused(redis: RedisServer, tmp_path: Path) -> None:
    certificates = certificates_in(tmp_path, datetime.now(UTC))
    old = certificates.server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with tls_front(redis.port, old) as port:
        address = replace(redis.address, port=port, is_tls=True, ca_file=certificates.ca_file)
        async with connected(address) as connection:
            assert not connection.is_up


def test_without_an_address_there_is_no_redis() -> None:
    assert RedisAddress.from_settings(Settings()) is None


def test_the_url_goes_before_the_single_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "rediss://user:p%40ss@redis.example:6380/2")
    monkeypatch.setenv("REDIS_HOST", "elsewhere")
    address = RedisAddress.from_settings(Settings.from_environment())
    assert address == RedisAddress("redis.example", 6380, 2, "user", "p@ss", is_tls=True)


def test_the_single_settings_say_where_redis_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_HOST", "redis.example")
    monkeypatch.setenv("REDIS_PASSWORD", PASSWORD)
    monkeypatch.setenv("REDIS_DB", "4")
    monkeypatch.setenv("REDIS_TLS", "true")
    address = RedisAddress.from_settings(Settings.from_environment())
    assert address == RedisAddress("redis.example", 6379, 4, "", PASSWORD, is_tls=True)


@pytest.mark.parametrize(
    "url", ["http://redis", "redis://", "redis://h:canary@host:port", "redis://h/0?ssl=canary"]
)
def test_a_wrong_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL") as caught:
        RedisAddress.from_settings(Settings(redis_url=url))  # type: ignore[arg-type] # pydantic wraps it
    assert "canary" not in str(caught.value)


def test_a_wrong_number_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PORT", "many")
    with pytest.raises(SettingsError, match=r"^REDIS_PORT: "):
        Settings.from_environment()
