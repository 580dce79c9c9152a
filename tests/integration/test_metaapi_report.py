"""The report of a MetaTrader account: what its deals tell, and nothing that has no source."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from fxpool.cli.exits import Exit
from fxpool.gateway import GatewayServer, create_app
from fxpool.mapping.instants import instant_from_ms
from fxpool.platforms.base import CloseRequest, Platform, TradeRequest
from harness.commands import command
from harness.metaapi_server import running_metaapi
from harness.metaapi_stack import ALPHA, open_metaapi, rest_way
from harness.metatrader import Terminal
from harness.stack import healthy

ACCOUNT = "alpha"


async def traded(platform: Platform, terminal: Terminal) -> None:
    """Close 0.04 of 0.10 lots with 40 of profit, and pay a fee."""
    terminal.quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"))
    request = TradeRequest("EURUSD", "BUY", Decimal("0.10"), comment="=cmd()")
    position_id = (await platform.execute(ACCOUNT, request))["positionId"]
    terminal.quote("EURUSD", Decimal("1.11010"), Decimal("1.11020"))
    part = CloseRequest(position_id, Decimal("0.04"))
    assert (await platform.close_position(ACCOUNT, part))["success"]
    terminal.balance -= 5
    terminal._deal("DEAL_TYPE_CHARGE", profit=Decimal(-5), comment="data feed")


async def test_the_figures_are_those_of_the_deals_and_equity_has_no_curve() -> None:
    async with (
        running_metaapi("alpha") as server,
        open_metaapi(rest_way(server.url), [ALPHA]) as platform,
    ):
        await healthy(platform)
        terminal = server.terminals[ACCOUNT]
        await traded(platform, terminal)
        report = await platform.report(ACCOUNT, days=2)
    summary = report["summary"]
    assert (summary["closings"], summary["profit"], summary["commission"]) == (1, 39.72, -0.28)
    assert (summary["deposits"], summary["charges"], summary["lots"]) == (10_000.0, -5.0, 0.04)
    moved = summary["profit"] + summary["charges"] + summary["deposits"] - summary["withdrawals"]
    assert summary["closingBalance"] - summary["openingBalance"] == pytest.approx(moved)
    assert report["balanceCurve"][-1]["value"] == summary["closingBalance"]
    assert (report["equityCurve"], summary["drawdownSource"]) == ([], "balance")
    assert report["equityRecording"]["percent"] == 0.0
    assert [row["operation"] for row in report["cashFlows"]] == [
        "DEAL_TYPE_CHARGE",
        "DEAL_TYPE_BALANCE",
    ]
    assert [row["isTransfer"] for row in report["cashFlows"]] == [False, True]
    (closing,) = report["closings"]
    assert (closing["symbol"], closing["volume"], closing["comment"]) == ("EURUSD", 0.04, "=cmd()")
    assert [row["name"] for row in report["bySymbol"]] == ["EURUSD"]
    assert report["proven"]
    assert (report["account"]["platform"], report["account"]["simulated"]) == ("mt5", False)
    assert [note.split(":")[0] for note in report["notes"]] == [
        "Equity was not recorded in this period",
        "0.21 USD of commission was taken for open positions",
    ]
    assert float(terminal.balance) == pytest.approx(summary["closingBalance"] - 0.21)


async def test_a_period_of_the_past_knows_nothing_of_now_and_an_empty_one_is_empty() -> None:
    async with (
        running_metaapi("alpha") as server,
        open_metaapi(rest_way(server.url), [ALPHA]) as platform,
    ):
        await healthy(platform)
        await traded(platform, server.terminals[ACCOUNT])
        first, last = (instant_from_ms(at * 86_400_000) for at in (20_000, 20_010))
        report = await platform.report(ACCOUNT, begin=first, end=last)
    assert (report["summary"]["closings"], report["summary"]["equity"]) == (0, None)
    assert (report["summary"]["openingBalance"], report["summary"]["closingBalance"]) == (0.0, 0.0)
    assert (report["closings"], report["bySymbol"], report["cashFlows"]) == ([], [], [])
    assert "No trade was closed in this period." in report["notes"]
    assert not any("open positions" in note for note in report["notes"][2:])


async def test_the_command_writes_it_in_each_form(tmp_path: Path) -> None:
    async with (
        running_metaapi("alpha") as server,
        open_metaapi(rest_way(server.url), [ALPHA]) as platform,
        GatewayServer(create_app(platform), port=0, drain_seconds=1) as gateway,
    ):
        await healthy(platform)
        await traded(platform, server.terminals[ACCOUNT])
        for form, begin in (("html", "<!doctype html>"), ("csv", "record,time,id"), ("json", "{")):
            file = tmp_path / f"report.{form}"
            done = await command(
                "report", ACCOUNT, "--format", form, "--output", str(file), "--url", gateway.url
            )
            assert done.code == Exit.OK, done.err
            assert file.read_text().startswith(begin)
    assert "'=cmd()" in (tmp_path / "report.csv").read_text()
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["closings"] == 1
    assert "Equity was not recorded" in (tmp_path / "report.html").read_text()
