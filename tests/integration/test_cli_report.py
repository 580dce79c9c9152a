"""``fxpool report``: a page, JSON or CSV of an account, in a file."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from fxpool.cli.exits import Exit
from fxpool.platforms.base import CloseRequest, TradeRequest
from harness.commands import command
from harness.stack import Stack, running_stack


async def closed_trade(stack: Stack) -> None:
    stack.simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
    request = TradeRequest("EURUSD", "BUY", Decimal("0.10"), comment="=cmd()")
    position_id = (await stack.platform.execute("alpha", request))["positionId"]
    assert (await stack.platform.close_position("alpha", CloseRequest(position_id)))["success"]


async def test_a_report_is_written_to_a_file_in_each_form(tmp_path: Path) -> None:
    async with running_stack() as stack:
        await closed_trade(stack)
        url = ("--url", stack.url)
        for form, begin in (("html", "<!doctype html>"), ("csv", "record,time,id"), ("json", "{")):
            file = tmp_path / f"report.{form}"
            done = await command(
                "report", "alpha", "--format", form, "--output", str(file), "--days", "2", *url
            )
            assert done.code == Exit.OK, done.err
            assert done.out.strip() == str(file)
            assert file.read_text().startswith(begin)
        assert "'=cmd()" in (tmp_path / "report.csv").read_text()
        printed = await command("report", "alpha", "--format", "json", "--output", "-", *url)
        assert json.loads(printed.out)["summary"]["closings"] == 1


async def test_what_cannot_be_written_or_read_says_why(tmp_path: Path) -> None:
    async with running_stack() as stack:
        url = ("--url", stack.url)
        folder = tmp_path / "missing" / "report.html"
        wrong = await command("report", "alpha", "--output", str(folder), *url)
        assert (wrong.code, "cannot be written" in wrong.err) == (Exit.USAGE, True)
        nobody = await command("report", "nobody", "--output", str(tmp_path / "x.html"), *url)
        assert nobody.code == Exit.REFUSED
        both = await command("report", "alpha", "--open", "--output", "-", *url)
        assert (both.code, "--open needs a file" in both.err) == (Exit.USAGE, True)
