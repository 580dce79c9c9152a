"""``fxpool demo`` as a newcomer runs it, and the commands against it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from fxpool.cli.exits import Exit
from harness.commands import Done, command, interrupted, line_where, started

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACCOUNT = "12345"
Ask = Callable[..., Awaitable[Done]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    """The gateway of a demo whose walk is over; it takes seconds, so one serves all tests."""
    async with started("demo", "--port", "0") as process:
        line = await line_where(process.stdout, lambda line: "/health" in line)
        yield line.split()[1].removesuffix("/health")
        done = await interrupted(process)
    assert done.code == Exit.OK, "Ctrl-C ends a demo that serves"
    assert "Traceback" not in done.err


@pytest.fixture
def ask(url: str) -> Ask:
    """Run a command against the demo."""

    async def ask(*arguments: str) -> Done:
        return await command(*arguments, "--url", url)

    return ask


async def test_the_check_walks_from_the_account_to_the_realised_result() -> None:
    done = await command("demo", "--check", "--seed", "7")

    assert done.code == Exit.OK, done.err
    assert "SIMULATED" in done.out
    steps = [line for line in done.out.splitlines() if line.startswith("▸")]
    assert len(steps) == 6
    for words in ("balance", "bid", "filled at", "protection set", "profit", "realised"):
        assert words in done.out


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A file of EURUSD quotes, one a second for an hour."""
    path = tmp_path / "eurusd-recorded.csv"
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [
        f"{begin + timedelta(seconds=second)},1.120{second % 7}0,1.121{second % 7}0\n"
        for second in range(3600)
    ]
    path.write_text("timestamp,bid,ask\n" + "".join(rows))
    return path


async def test_the_check_replays_recorded_quotes(recorded: Path) -> None:
    done = await command("demo", "--check", "--replay", str(recorded), "--speed", "50")

    assert done.code == Exit.OK, done.err
    assert "replays recorded quotes" in done.out
    assert "1.12" in done.out


async def test_a_taken_port_is_named_with_the_cure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = await command("demo", "--check", "--port", port)

    assert done.code == Exit.USAGE
    assert port in done.err
    assert "--port" in done.err
    assert "Traceback" not in done.err


async def test_ctrl_c_ends_the_demo_in_the_middle_of_its_walk() -> None:
    async with started("demo", "--port", "0") as process:
        await line_where(process.stdout, lambda line: "Its profit" in line)
        done = await interrupted(process)

    assert done.code == Exit.OK
    assert done.err == ""


async def test_a_trade_is_placed_protected_and_closed_by_commands(ask: Ask) -> None:
    placed = (await ask("trade", ACCOUNT, "buy", "EURUSD", "0.10", "--json")).json()
    assert placed["outcome"] == "executed"
    position = placed["positionId"]

    modified = await ask("modify", ACCOUNT, position, "--sl", "1.0")
    assert modified.code == Exit.OK, modified.err

    listing = (await ask("positions", ACCOUNT, "--json")).json()
    assert [row["id"] for row in listing["positions"]] == [position]
    assert listing["positions"][0]["stopLoss"] == 1.0

    part = await ask("close", ACCOUNT, position, "0.04")
    assert "0.06 lots stay open" in part.out

    closed = await ask("close", ACCOUNT, position)
    assert closed.code == Exit.OK
    assert "realised" in closed.out
    assert "no open positions" in (await ask("positions", ACCOUNT)).out


async def test_a_pending_order_is_placed_shown_and_cancelled(ask: Ask) -> None:
    placed = await ask("trade", ACCOUNT, "buy", "EURUSD", "0.1", "--limit", "1.0", "--json")
    order = placed.json()["orderId"]

    shown = await ask("orders", ACCOUNT)
    assert order in shown.out
    assert "buy limit" in shown.out

    assert (await ask("cancel", ACCOUNT, order)).code == Exit.OK
    assert (await ask("orders", ACCOUNT, "--json")).json()["orders"] == []


async def test_reads_print_tables_and_json(ask: Ask) -> None:
    table = await ask("account", ACCOUNT)
    assert "SIMULATED" in table.out
    assert "10,0" in table.out or "9,9" in table.out

    info = (await ask("account", ACCOUNT, "--json")).json()
    assert (info["login"], info["simulated"]) == (ACCOUNT, True)

    quote = (await ask("price", "GBPUSD", "--json")).json()
    assert quote["bid"] < quote["ask"]


async def test_a_refused_trade_ends_with_1_and_the_brokers_reason(ask: Ask) -> None:
    done = await ask("trade", ACCOUNT, "buy", "EURUSD", "100")

    assert done.code == Exit.REFUSED
    assert "not enough money" in done.err.lower()


async def test_an_unknown_account_ends_with_1(ask: Ask) -> None:
    done = await ask("account", "nobody", "--json")

    assert done.code == Exit.REFUSED
    assert done.json()["code"] == "ACCOUNT_NOT_FOUND"
