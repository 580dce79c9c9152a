"""The page and the sheet of a report: whole without anything else, and safe with hostile texts."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest

from fxpool.reports import csv_of, file_name, html_of
from fxpool.reports.charts import scale
from fxpool.reports.page import Words
from fxpool.reports.sheet import plain
from harness.reports import made, results, shown

HOSTILE = '<script src="http://evil.example/x.js"></script><img src=x onerror=alert(1)>'


class Elements(HTMLParser):
    """Collects the elements of a page with their attributes, and checks that they nest."""

    VOID = ("meta", "br", "link", "img", "input", "hr", "path")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def elements(page: str) -> Elements:
    parser = Elements()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_a_page_asks_for_nothing_from_anywhere() -> None:
    page = html_of(shown(made(results(200))))
    for tag, attributes in elements(page).found:
        assert tag not in {"script", "link", "img", "iframe", "object"}
        assert not {"src", "href", "action"} & attributes.keys()
    assert not re.search(r"https?://|url\(|@import", page)
    assert "default-src 'none'" in page


def test_a_hostile_comment_or_name_is_text_and_no_markup() -> None:
    page = html_of(shown(made(results(60)), name=HOSTILE, comment=HOSTILE))
    assert "script" not in {tag for tag, _ in elements(page).found}
    assert "&lt;script src=" in page
    assert "<img" not in page


def test_a_simulated_account_is_called_so() -> None:
    assert "Simulated." in html_of(shown(made(results(5))))


def test_an_empty_history_says_so() -> None:
    page = html_of(shown(made([])))
    elements(page)
    assert page.count("No trade was closed in this period.") >= 3
    assert "nan" not in page.lower().replace("finance", "")


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", " =1", "\r=1", "|calc"])
def test_a_text_that_a_spreadsheet_would_run_is_written_as_text(text: str) -> None:
    assert plain(text) == f"'{text}"


def test_a_sheet_has_every_closing_and_cash_flow_with_exact_money() -> None:
    report = made(results(120))
    sheet = csv_of(shown(report, comment='=HYPERLINK("http://evil.example")\n,"x"'))
    rows = list(csv.DictReader(io.StringIO(sheet)))
    closings = [row for row in rows if row["record"] == "closing"]
    assert len(closings) == len(report.parts)
    assert (
        sum(round(float(row["netProfit"]) * 100) for row in closings) == report.tally.profit * 100
    )
    assert len(rows) - len(closings) == len(report.flows)
    assert all(row["comment"].startswith("'=") for row in closings)
    assert rows == sorted(rows, key=lambda row: row["time"], reverse=True)


def test_a_file_has_a_name_that_every_system_takes() -> None:
    report = shown(made([]))
    report["account"]["account_id"] = "../ä/évil:*?"
    assert re.fullmatch(r"fxpool-[A-Za-z0-9._-]+\.csv", file_name(report, "csv"))
    assert ".." not in file_name(report, "csv").removeprefix("fxpool-")[:3]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 100, (0, 100, 25)), (9981, 10003, (9980, 10010, 10)), (5.0, 5.0, None), (-7.07, 0, None)],
)
def test_a_scale_holds_its_values_and_ends_on_round_numbers(
    low: float, high: float, expected: tuple[float, float, float] | None
) -> None:
    bottom, top, step = scale(low, high)
    assert bottom <= low <= high <= top
    assert 2 <= round((top - bottom) / step) <= 8
    if expected is not None:
        assert (bottom, top, step) == expected


def test_money_is_written_with_the_digits_of_the_account() -> None:
    assert Words(2).change(-1234.5) == "\u22121,234.50"
    assert Words(8).money(0.5) == "0.50000000"
    assert Words(2).change(0.0) == "0.00"
    assert Words(2).money(None) == "\u2013"
    assert [Words(2).short(value) for value in (-0.4, 61.6, 12_345, -2_500_000)] == [
        "\u22120.4",
        "+62",
        "+12.3k",
        "\u22122.5M",
    ]
