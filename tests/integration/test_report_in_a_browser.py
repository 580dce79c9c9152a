"""The report as a person sees it: an empty, a small and a large history, opened in a browser."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from fxpool.gateway import GatewayServer, create_app
from fxpool.mapping.report_formats import AccountReport
from fxpool.platforms.base import PlatformError, TradeRequest
from fxpool.reports import html_of
from fxpool.simulator.tokens import Scope
from harness.browser import browser, opened
from harness.past_platform import past_platform
from harness.platforms import Served
from harness.reports import made, results, shown


async def report_of(served: Served, days: int) -> AccountReport:
    """The report, asked for until the past is read."""
    for _ in range(6):
        try:
            return await served.platform.report("alpha", days=days, limit=500)
        except PlatformError as error:
            if "of the account's history is read" not in error.detail:
                raise
    raise AssertionError("the past was not read in a minute")


async def seen(page: str, folder: Path, name: str, width: int = 1280) -> str:
    """Open a page; return its text, and check that the browser had nothing to complain about."""
    file = folder / f"{name}.html"
    file.write_text(page)
    document, complaints = await opened(file, width=width)
    assert complaints == ""
    assert document.rstrip().endswith("</html>")
    return document


@pytest.mark.timeout(180)
async def test_an_empty_and_a_small_history_are_shown_as_they_are(tmp_path: Path) -> None:
    browser()
    async with past_platform(ago=timedelta(days=3), steps=0) as served:
        empty = await report_of(served, 10)
        document = await seen(html_of(empty), tmp_path, "empty")
        assert document.count("No trade was closed in this period.") >= 3
        assert "Simulated." in document
    async with past_platform(ago=timedelta(days=8), steps=60) as served:
        small = await report_of(served, 10)
        document = await seen(html_of(small), tmp_path, "small", width=390)
        assert small["summary"]["closings"] > 5
        rows = re.search(r'<table class="closings">.*?</table>', document, re.DOTALL)
        assert rows is not None
        assert rows.group().count("<tr>") == small["summary"]["closings"] + 1
        assert document.count('<path class="balance"') == 1
        total = sum(row["profit"] for row in small["byHour"])
        assert total == pytest.approx(small["summary"]["profit"])


@pytest.mark.timeout(180)
async def test_a_large_history_is_one_page_that_says_what_it_leaves_out(tmp_path: Path) -> None:
    browser()
    report = shown(made(results(9_000)))
    assert report["summary"]["closings"] > 5_000
    page = html_of(report)
    assert len(page) < 400_000
    document = await seen(page, tmp_path, "large")
    assert f"500 of {report['summary']['closings']:,}" in document
    assert "The CSV of this report has more rows." in document


async def test_a_view_only_account_has_its_report_over_http_and_cannot_trade() -> None:
    async with past_platform(ago=timedelta(days=3), steps=40, scope=Scope.VIEW) as served:
        expected = await report_of(served, 5)
        assert expected["account"]["readOnly"]
        assert (await served.platform.metrics("alpha"))["trades"] == expected["summary"]["trades"]
        request = TradeRequest("EURUSD", "BUY", 1)  # type: ignore[arg-type] # a whole lot
        refused = await served.platform.execute("alpha", request)
        assert (refused["success"], refused["outcome"]) == (False, "not_executed")
        async with (
            GatewayServer(create_app(served.platform), port=0, drain_seconds=1) as server,
            httpx.AsyncClient(base_url=server.url, timeout=30) as http,
        ):
            path = "/accounts/alpha/report?days=5"
            page = await http.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
            assert page.headers["content-type"].startswith("text/html")
            assert "default-src 'none'" in page.headers["content-security-policy"]
            assert "read-only" in page.text
            sheet = await http.get(f"{path}&format=csv")
            assert sheet.headers["content-type"].startswith("text/csv")
            assert sheet.text.count("\r\nclosing,") == expected["summary"]["closings"]
            assert sheet.headers["content-disposition"].startswith("attachment; filename=")
            plain = await http.get(path, headers={"Accept": "*/*"})
            assert plain.json()["summary"] == expected["summary"]
            few = await http.get(f"{path}&limit=1")
            assert len(few.json()["closings"]) == 1
            assert "newest 1 of" in "".join(few.json()["notes"])
            for query in ("format=pdf", "days=0", "from=2030-01-01T00:00:00Z", "limit=0"):
                wrong = await http.get(f"/accounts/alpha/report?{query}")
                assert wrong.status_code in {400, 422}, query
