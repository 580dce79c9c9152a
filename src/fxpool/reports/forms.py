"""The forms of a report: how each is written, how long it is, and what its file is called. Pure."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from fxpool.mapping.report_formats import AccountReport
from fxpool.reports.page import html_of
from fxpool.reports.sheet import csv_of

Form = Literal["json", "html", "csv"]

MEDIA_TYPES: Final[dict[Form, str]] = {
    "json": "application/json",
    "html": "text/html",
    "csv": "text/csv",
}

LIMITS: Final[dict[Form, int]] = {"json": 1000, "html": 500, "csv": 10_000}
"""How many closings each form has where the caller does not say."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


def written(report: AccountReport, form: Form) -> bytes:
    """Return a report in a form."""
    if form == "html":
        return html_of(report).encode()
    if form == "csv":
        return csv_of(report).encode()
    return msgspec.json.encode(report)


def file_name(report: AccountReport, form: Form) -> str:
    """Return a name for a file of this report that any system takes."""
    account = _UNSAFE.sub("-", report["account"]["account_id"]).strip("-.") or "account"
    return f"fxpool-{account}-{report['periodBegin'][:10]}-{report['periodEnd'][:10]}.{form}"
