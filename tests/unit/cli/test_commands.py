"""Arguments and exit codes of commands, as far as they end without a gateway."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fxpool.cli.app import app
from fxpool.cli.exits import Exit

COMMANDS = [
    "demo",
    "serve",
    "sim",
    "account",
    "positions",
    "orders",
    "price",
    "watch",
    "trade",
    "modify",
    "amend",
    "close",
    "cancel",
    "halt",
    "resume",
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def closed_url() -> Iterator[str]:
    """An address of this machine on which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = run(command, "--help")

    assert result.exit_code == Exit.OK
    assert "Usage:" in result.output


def test_help_names_every_command() -> None:
    output = run("--help").output

    assert all(command in output for command in COMMANDS)


def test_help_loads_no_server_and_no_client() -> None:
    """It answers at once because each command imports only what it needs."""
    code = (
        "import sys; from fxpool.cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "loaded = {'fastapi', 'httpx', 'google.protobuf', 'fxpool.simulator'} & set(sys.modules)\n"
        "sys.exit(', '.join(loaded) or 0)"
    )
    done = subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["trade", "12345", "buy", "EURUSD"], "--risk"),
        (["trade", "12345", "buy", "EURUSD", "a lot"], "VOLUME"),
        (["trade", "12345", "buy", "EURUSD", "NaN"], "VOLUME"),
        (["trade", "12345", "buy", "EURUSD", "0.1", "--sl-in", "miles"], "--sl-in"),
        (["amend", "12345", "9"], "--price"),
        (["close", "12345", "--all", "--allow-unsynchronized"], "one position"),
        (["trade", "12345", "buy", "EURUSD", "0.1", "--sl", "-1"], "--sl"),
        (["trade", "12345", "hold", "EURUSD", "0.1"], "hold"),
        (["modify", "12345", "7"], "--sl"),
        (["watch", "12345"], "--json"),
        (["account", "12345", "--url", "localhost:8088"], "http://host:port"),
    ],
)
def test_a_wrong_call_ends_with_2_and_the_reason(arguments: list[str], reason: str) -> None:
    result = run(*arguments)

    assert result.exit_code == Exit.USAGE
    assert reason in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["account", "12345"],
        ["positions", "12345"],
        ["orders", "12345"],
        ["price", "EURUSD"],
        ["trade", "12345", "buy", "EURUSD", "0.1"],
        ["close", "12345", "7"],
        ["close", "12345", "--all"],
        ["halt", "12345"],
        ["resume", "--all"],
        ["watch", "12345", "--json"],
    ],
)
def test_a_pool_that_is_not_there_ends_with_3_and_the_cure(
    command: list[str], closed_url: str
) -> None:
    result = run(*command, "--url", closed_url)

    assert result.exit_code == Exit.UNREACHABLE
    assert "fxpool serve" in result.output


def test_with_json_an_error_is_the_apis_body(closed_url: str) -> None:
    result = run("trade", "12345", "buy", "EURUSD", "0.1", "--json", "--url", closed_url)

    assert result.exit_code == Exit.UNREACHABLE
    body = json.loads(result.stdout)
    assert body["code"] == "POOL_UNREACHABLE"
    assert body["outcome"] == "not_executed"
    assert body["detail"] == body["error"]


@pytest.mark.parametrize(
    "command",
    [
        ["close", "12345"],
        ["close", "12345", "7", "--all"],
        ["close", "12345", "--all", "--symbol", "EURUSD"],
        ["halt"],
        ["halt", "12345", "--all"],
        ["resume"],
    ],
)
def test_what_would_strike_many_must_be_said(command: list[str], closed_url: str) -> None:
    result = run(*command, "--url", closed_url)

    assert result.exit_code == Exit.USAGE
    assert "--all" in result.output


@pytest.mark.parametrize("head", ["5", "5:", "5:ab12", "x:" + "0" * 64])
def test_a_piece_of_an_audit_logs_head_is_no_tampered_log(
    head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CTRADER_DATA_DIR", str(tmp_path))
    done = run("audit", "verify", "--head", head)

    assert done.exit_code != Exit.OK
    assert "use NUMBER:DIGEST, all of it" in " ".join(done.stderr.split())
    assert "FAIL" not in done.stdout
