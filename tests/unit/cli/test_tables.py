"""Tables in 80 and in 120 columns."""

from __future__ import annotations

from typing import Any, cast

import pytest
from rich.console import Console, RenderableType

from fxpool.cli import tables
from harness import pool_rows

DIGITS = {"EURUSD": 5, "XAUUSD": 2}


def shown(renderable: RenderableType, width: int) -> list[str]:
    console = Console(width=width, highlight=False, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get().splitlines()


def positions(rows: list[dict[str, Any]], width: int) -> list[str]:
    table = tables.positions_table(cast("Any", rows), "USD", DIGITS, width)
    return shown(table, width)


def line_with(word: str, lines: list[str]) -> str:
    return next(line for line in lines if word in line)


def test_no_open_positions_is_said_in_words() -> None:
    assert positions([], 80) == ["no open positions"]


def test_no_pending_orders_is_said_in_words() -> None:
    assert shown(tables.orders_table([], DIGITS, 80), 80) == ["no pending orders"]


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_of_a_large_position_is_cut(width: int) -> None:
    large = pool_rows.position(
        id="1287314502",
        symbol="US100.cash",
        volume=10.25,
        openPrice=20911.4,
        stopLoss=21891.0,
        takeProfit=19000.0,
        profit=-11184.4,
    )

    line = line_with("1287314502", positions([large], width))

    for word in ("US100.cash", "10.25", "20911.4", "21891", "19000", "-11,184.40"):
        assert word in line
    assert "…" not in line


def test_prices_have_the_symbols_digits() -> None:
    line = line_with("287314502", positions([pool_rows.position()], 80))

    assert "1.12569" in line
    assert "1.12570" in line
    assert "1.12000" in line


def test_the_total_row_adds_the_profits_up_exactly() -> None:
    rows = [pool_rows.position(profit=0.1), pool_rows.position(profit=0.2)]

    assert line_with("total", positions(rows, 80)).endswith("+0.30")


def test_the_total_is_not_known_while_one_profit_is_not() -> None:
    rows = [pool_rows.position(profit=0.1), pool_rows.position(profit=None)]

    assert line_with("total", positions(rows, 80)).endswith("-")


@pytest.mark.parametrize("halted", [True, False])
def test_an_account_that_may_only_close_is_called_halted(halted: bool) -> None:
    info = cast("Any", pool_rows.account() | {"halted": halted})
    assert ("HALTED" in shown(tables.account_title(info), 80)[0]) == halted


def test_a_simulated_broker_is_called_simulated() -> None:
    info = cast("Any", pool_rows.account())

    assert "SIMULATED" in shown(tables.account_title(info), 80)[0]


def test_a_real_broker_is_not_called_simulated() -> None:
    info = cast("Any", pool_rows.account(simulated=False, broker="ExampleMarkets"))

    assert "SIMULATED" not in shown(tables.account_title(info), 80)[0]


def test_a_margin_level_without_positions_is_a_dash() -> None:
    info = cast("Any", pool_rows.account(marginLevel=None))

    assert "-" in line_with("margin level", shown(tables.account_table(info), 80)).split()


def test_a_stale_price_is_called_stale() -> None:
    quote = cast("Any", pool_rows.price(stale=True))

    assert "stale" in line_with("EURUSD", shown(tables.prices_table([quote]), 80))
