"""Each line of `fxpool doctor` on a real good case and a real bad one."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from fxpool.cli import checkups, service_checkups
from fxpool.cli.checkups import Verdict
from fxpool.cli.exits import Exit
from fxpool.settings import Settings
from fxpool.simulator import Simulator, SimulatorOptions
from fxpool.simulator.certificates import certificates_in
from fxpool.store.access import SqlAccessStore
from fxpool.tls import client_context
from harness.commands import command
from harness.openbao import ROOT_TOKEN, running_openbao

LIFETIME = timedelta(days=397)
"""How long a certificate of the simulator is good."""


def settings(folder: Path, **more: object) -> Settings:
    return Settings(data_dir=folder, **more)  # type: ignore[arg-type]  # a test's own fields


async def test_a_database_that_is_not_there_yet_is_fine_where_it_can_be_made(
    tmp_path: Path,
) -> None:
    found = await checkups.database(settings(tmp_path / "data"))
    assert found.verdict is Verdict.PASS
    assert not os.listdir(tmp_path), "looking made something"
    assert "will be made at the first start" in found.text


async def test_a_database_says_where_its_tables_stand(tmp_path: Path) -> None:
    file = tmp_path / "fxpool.sqlite3"
    store = SqlAccessStore(SecretStr(f"sqlite:///{file}"))
    await store.keys()
    await store.close()
    assert (await checkups.database(settings(tmp_path))).verdict is Verdict.PASS

    for revision, verdict, words in (
        ("0003", Verdict.PASS, "the next start brings them to"),
        ("9999", Verdict.FAIL, "made by a newer fxpool"),
    ):
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.close()
        found = await checkups.database(settings(tmp_path))
        assert (found.verdict, words in found.text) == (verdict, True), found


async def test_a_database_that_does_not_answer_fails_without_its_password(tmp_path: Path) -> None:
    url = SecretStr("postgresql+asyncpg://pool:planted-canary@127.0.0.1:1/fxpool")
    found = await checkups.database(settings(tmp_path, database_url=url))
    assert found.verdict is Verdict.FAIL
    assert "check CTRADER_DATABASE_URL" in found.text
    assert "planted" not in found.text


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (0, Verdict.PASS, "agrees with"),
        (-30, Verdict.WARN, "s ahead of"),
        (600, Verdict.FAIL, "s behind"),
    ],
)
async def test_the_clock_is_compared_with_the_token_services(
    seconds: int, verdict: Verdict, words: str, tmp_path: Path
) -> None:
    async with telling(datetime.now(UTC) + timedelta(seconds=seconds)) as url:
        found = await checkups.token_service_clock(settings(tmp_path, token_url=url))
    assert (found.what, found.verdict, words in found.text) == ("clock", verdict, True), found


async def test_a_token_service_that_does_not_answer_is_a_warning(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/apps/token"
    found = await checkups.token_service_clock(settings(tmp_path, token_url=url))
    assert (found.what, found.verdict) == ("token service", Verdict.WARN)
    assert "CTRADER_TOKEN_URL" in found.text


@pytest.mark.parametrize(
    ("uri", "verdict", "words"),
    [
        ("localhost/callback", Verdict.FAIL, "is no web address"),
        ("https://pool.example/back", Verdict.FAIL, "must end with /callback"),
        ("http://pool.example/callback", Verdict.WARN, "in the clear"),
        ("https://127.0.0.2:1/callback", Verdict.PASS, "must list it exactly"),
        ("https://nowhere.invalid/callback", Verdict.WARN, "nothing answers there yet"),
    ],
)
def test_a_redirect_uri_is_looked_at_as_a_browser_would(
    uri: str, verdict: Verdict, words: str, tmp_path: Path
) -> None:
    found = checkups.redirect_uri(settings(tmp_path, redirect_uri=uri, pool_port=1))
    assert (found.verdict, words in found.text) == (verdict, True), found


def test_a_loopback_redirect_uri_needs_its_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        uri = f"http://localhost:{port}/api/ctrader/callback"
        found = checkups.redirect_uri(settings(tmp_path, redirect_uri=uri))
        assert (found.verdict, "is taken" in found.text) == (Verdict.WARN, True)
    assert checkups.redirect_uri(settings(tmp_path, redirect_uri=uri)).verdict is Verdict.PASS


def test_files_that_others_may_read_are_named_with_the_command(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert checkups.file_permissions(settings(tmp_path)).verdict is Verdict.PASS
    tmp_path.chmod(0o755)
    assert checkups.file_permissions(settings(tmp_path)).verdict is Verdict.WARN
    key = tmp_path / "secrets.key"
    key.write_text("k")
    os.chmod(key, 0o644)
    found = checkups.file_permissions(settings(tmp_path))
    assert (found.verdict, f"chmod 600 {key}" in found.text) == (Verdict.FAIL, True)


GUARDED = '{"accounts": {"mt": {"platform": "mt5", "guards": {"dailyLoss": {"money": 5}}}}}'


@pytest.mark.parametrize("content", ["{", GUARDED], ids=["broken", "limits of MetaTrader"])
async def test_a_configuration_that_cannot_be_served_is_a_line_and_not_the_end(
    tmp_path: Path, content: str
) -> None:
    routing = tmp_path / "routing-config.json"
    routing.write_text(content)
    done = await command(
        "doctor",
        "--json",
        CTRADER_DATA_DIR=str(tmp_path / "data"),
        CTRADER_ROUTING_CONFIG=str(routing),
        CTRADER_TOKEN_URL="http://127.0.0.1:1/apps/token",
        VAULT_ADDR="",
        REDIS_URL="",
    )
    assert done.code == 1
    found = {one["what"]: one for one in done.json()["findings"]}
    assert found["configuration"]["verdict"] == "FAIL"
    assert str(routing) in found["configuration"]["text"]
    assert found["database"]["verdict"] == "PASS"


@pytest.mark.parametrize(
    ("left", "verdict", "words"),
    [
        (timedelta(days=5, hours=1), Verdict.WARN, "5 days left; its owner has to renew it"),
        (timedelta(days=300), Verdict.PASS, "certificate trusted until"),
    ],
)
async def test_a_certificate_that_ends_soon_is_a_warning(
    left: timedelta, verdict: Verdict, words: str, tmp_path: Path
) -> None:
    made = certificates_in(tmp_path, datetime.now(UTC) + left - LIFETIME)

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(leave, "127.0.0.1", 0, ssl=made.server_context()) as up:
        port = up.sockets[0].getsockname()[1]
        _, link = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client_context(made.ca_file, variable="a test")
        )
        found, text = checkups.certificate(link.get_extra_info("ssl_object"))
        link.close()
    assert (found, words in text) == (verdict, True), text


async def test_a_vault_that_is_sealed_or_forbids_is_named_with_the_cure(tmp_path: Path) -> None:
    with running_openbao() as server:
        at_vault = {
            "CTRADER_DATA_DIR": str(tmp_path / "data"),
            "CTRADER_TOKEN_URL": "http://127.0.0.1:1/apps/token",
            "VAULT_ADDR": server.address,
            "REDIS_URL": "",
        }
        refused = await findings_of(**at_vault, VAULT_TOKEN="planted-canary")
        server.seal()
        sealed = await findings_of(**at_vault, VAULT_TOKEN=ROOT_TOKEN)
    assert refused["secret store"]["verdict"] == sealed["secret store"]["verdict"] == "FAIL"
    assert "VAULT_TOKEN" in refused["secret store"]["text"]
    assert "planted-canary" not in str(refused)
    assert "unseal" in sealed["secret store"]["text"]
    assert refused["protobuf runtime"]["verdict"] == "PASS"


async def test_an_account_whose_token_is_dead_is_told_to_connect_again(tmp_path: Path) -> None:
    routing = tmp_path / "routing-config.json"
    routing.write_text(
        json.dumps({"accounts": {"12345": {"platform": "ctrader", "environment": "demo"}}})
    )
    async with Simulator(SimulatorOptions(ticks_per_second=0)) as simulator:
        token = simulator.grant.access_token
        simulator.invalidate_token(token)
        found = await findings_of(
            CTRADER_CLIENT_ID=simulator.credentials.client_id,
            CTRADER_CLIENT_SECRET=simulator.credentials.client_secret,
            CTRADER_ACCESS_TOKEN=token,
            CTRADER_DEMO_HOST=simulator.host,
            CTRADER_DEMO_PORT=str(simulator.port),
            CTRADER_CA_FILE=str(simulator.ca_file),
            CTRADER_ROUTING_CONFIG=str(routing),
            CTRADER_DATA_DIR=str(tmp_path / "data"),
            CTRADER_TOKEN_URL="http://127.0.0.1:1/apps/token",
            VAULT_ADDR="",
            REDIS_URL="",
        )
    assert found["demo: application login"]["verdict"] == "PASS"
    account = found["account 12345"]
    assert account["verdict"] == "FAIL"
    assert "fxpool connect 12345" in account["text"]
    assert token not in str(found)


async def test_a_slow_protobuf_runtime_is_told_in_one_line_and_nothing_starts() -> None:
    done = await command("doctor", PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="python")
    assert (done.code, done.out) == (Exit.CONFIG, "")
    (line,) = done.err.splitlines()
    assert "reinstall the protobuf package" in line


async def findings_of(**environment: str) -> dict[str, dict[str, str]]:
    """Run the doctor, which must not be content; return what it found by what it looked at."""
    done = await command("doctor", "--json", **environment)
    assert done.code == 1, done
    return {one["what"]: one for one in done.json()["findings"]}


@asynccontextmanager
async def telling(at: datetime) -> AsyncIterator[str]:
    """Yield the address of a service that believes it is ``at``."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        date = format_datetime(at, usegmt=True)
        writer.write(
            f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/apps/token"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("what", "wrong", "verdict", "words"),
    [
        ("symbol names", {"symbols_file": "BROKEN"}, "FAIL", "is not JSON"),
        ("gateway TLS", {"pool_tls_cert": "BROKEN"}, "FAIL", "CTRADER_POOL_TLS_CERT"),
        ("callers", {"pool_jwks_url": "http://x"}, "FAIL", "https://"),
        ("callers", {"pool_trusted_proxies": "abc"}, "FAIL", "CTRADER_POOL_TRUSTED_PROXIES"),
        ("callers", {"pool_host": "192.0.2.1"}, "WARN", "CTRADER_POOL_API_KEY"),
        ("alerts", {"alert_urls": "planted"}, "FAIL", "CTRADER_ALERT_URLS"),
        ("alerts", {"telegram_bot_token": "planted"}, "FAIL", "TELEGRAM_CHAT_ID"),
    ],
)
async def test_what_serve_would_refuse_is_found_before(
    tmp_path: Path, what: str, wrong: dict[str, str], verdict: str, words: str
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("{")
    fields = {name: broken if value == "BROKEN" else value for name, value in wrong.items()}
    good = await service_checkups.all_of(settings(tmp_path))
    assert [one.verdict for one in good] == [Verdict.PASS] * 4
    found = {one.what: one for one in await service_checkups.all_of(settings(tmp_path, **fields))}
    assert found[what].verdict == verdict
    assert words in found[what].text
    assert "planted" not in found[what].text
    assert sum(one.verdict is Verdict.PASS for one in found.values()) == 3
