"""The decision table names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\|(?! Broker says| ---)", re.MULTILINE)


def test_every_row_of_the_decision_table_names_a_test_that_exists() -> None:
    table = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    named = NAMED.findall(table)
    assert len(named) == len(ROW.findall(table))
    missing = [
        f"{path}::{name}"
        for path, name in named
        if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []
