"""``fxpool sim`` and ``fxpool serve``: two processes, one configured by the other's ready line."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fxpool.cli.exits import Exit
from harness.commands import command, interrupted, line_where, started

ROUTING = {"accounts": {"12345": {"platform": "ctrader", "environment": "demo"}}}


@pytest.fixture
async def broker() -> AsyncIterator[dict[str, Any]]:
    """The ready line of a running simulator."""
    async with started("sim", "--seed", "3") as process:
        yield json.loads(await line_where(process.stdout, lambda line: line.startswith("{")))


def configured(broker: dict[str, Any], folder: Path) -> dict[str, str]:
    routing = folder / "routing-config.json"
    routing.write_text(json.dumps(ROUTING))
    return {
        "CTRADER_CLIENT_ID": broker["client_id"],
        "CTRADER_CLIENT_SECRET": broker["client_secret"],
        "CTRADER_ACCESS_TOKEN": broker["access_token"],
        "CTRADER_DEMO_HOST": broker["host"],
        "CTRADER_DEMO_PORT": str(broker["protobuf_port"]),
        "CTRADER_CA_FILE": broker["ca_file"],
        "CTRADER_ROUTING_CONFIG": str(routing),
        "CTRADER_DATA_DIR": str(folder / "data"),
    }


def test_the_ready_line_says_all_that_a_client_needs(broker: dict[str, Any]) -> None:
    assert broker["host"] == "127.0.0.1"
    assert broker["protobuf_port"] > 0
    assert Path(broker["ca_file"]).is_absolute()
    for name in ("client_id", "client_secret", "access_token"):
        assert broker[name]
    assert "12345" in [account["login"] for account in broker["accounts"]]


async def test_the_simulator_prints_one_line_and_ends_cleanly_on_ctrl_c() -> None:
    async with started("sim") as process:
        await line_where(process.stdout, lambda line: line.startswith("{"))
        done = await interrupted(process)

    assert (done.code, done.out, done.err) == (Exit.OK, "", "")


async def test_chosen_credentials_are_used() -> None:
    async with started("sim", "--client-id", "mine", "--access-token", "token") as process:
        ready = json.loads(await line_where(process.stdout, lambda line: line.startswith("{")))

    assert (ready["client_id"], ready["access_token"]) == ("mine", "token")


async def test_the_gateway_serves_an_account_of_the_simulator(
    broker: dict[str, Any], tmp_path: Path
) -> None:
    environment = configured(broker, tmp_path)
    async with started("serve", "--port", "0", **environment) as process:
        line = await line_where(process.stderr, lambda line: "gateway listens" in line)
        url = json.loads(line)["url"]
        watch = started("watch", "12345", "--symbol", "EURUSD", "--json", "--url", url)
        async with watch as watching:
            first = json.loads(await line_where(watching.stdout, lambda line: True))
            price = json.loads(await line_where(watching.stdout, lambda line: '"price"' in line))
            quiet = await interrupted(watching)
        stopped = await interrupted(process)

    assert (first["type"], first["account"]["login"]) == ("snapshot", "12345")
    assert price["bid"] < price["ask"]
    assert (quiet.code, quiet.err) == (Exit.OK, "")
    assert stopped.code == Exit.OK
    for secret in ("client_secret", "access_token"):
        assert broker[secret] not in line + stopped.err


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"CTRADER_POOL_PORT": "many"}, "CTRADER_POOL_PORT"),
        ({"CTRADER_POOL_HOST": "192.0.2.1"}, "CTRADER_POOL_API_KEY"),
        ({"CTRADER_ROUTING_CONFIG": "/nowhere/routing.json"}, "/nowhere/routing.json"),
    ],
)
async def test_a_wrong_setting_is_named_with_its_cure(
    environment: dict[str, str], named: str, tmp_path: Path
) -> None:
    data = {"CTRADER_DATA_DIR": str(tmp_path)}
    done = await command("serve", "--port", "0", **data, **environment)

    assert done.code == Exit.CONFIG
    assert named in done.err
    assert "Traceback" not in done.err


async def test_tables_of_a_newer_version_are_named_and_not_touched(
    broker: dict[str, Any], tmp_path: Path
) -> None:
    environment = configured(broker, tmp_path)
    journal = tmp_path / "data" / "fxpool.sqlite3"
    journal.parent.mkdir()
    with closing(sqlite3.connect(journal)) as database, database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    done = await command("serve", "--port", "0", **environment)

    assert done.code == Exit.CONFIG
    assert "a newer fxpool" in done.err
    assert "Traceback" not in done.err
