"""Make docs/contract-coverage.md and docs/requirements.md: which test shows which promise.

The tables are ``tests/coverage/*.toml``; a test fails where a row names no test, a test that does
not exist, or a page that is not what this makes of them. Run ``make tables``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
TABLES: Final = ROOT / "tests" / "coverage"
EXAMPLE_TEST: Final = (
    "contract/test_pool_examples::test_an_answer_has_the_keys_and_types_of_its_example"
)
_NAMED: Final = re.compile(r"([\w/]+)::(test_\w+)")

CONTRACT_HEAD: Final = """\
# The pool contract and its tests

What callers of the older pools rely on, row by row, with the tests that hold it. Numbers are those
of the contract's sections. "Example" is the call's example in `/openapi.json`, which
`tests/contract/test_pool_examples.py` holds against a running gateway. Made by `make tables` from
`tests/coverage/contract.toml`.
"""
REQUIREMENTS_HEAD: Final = """\
# Requirements

What the brief asks for (R) and what its callers need beyond it (D), each with the test or command
that shows it. "Not met" and "in part" say why. Made by `make tables` from
`tests/coverage/requirements.toml`.
"""


def load(name: str) -> list[dict[str, Any]]:
    """Return the sections of a table, each with its ``title`` and its ``rows``."""
    sections: list[dict[str, Any]] = tomllib.loads((TABLES / name).read_text("utf-8"))["section"]
    return sections


def rows(name: str) -> Iterator[dict[str, Any]]:
    """Return every row of a table."""
    for section in load(name):
        yield from section["rows"]


def faults(name: str) -> Iterator[str]:
    """Return what is wrong with a table: rows that nothing shows, and tests that are not there."""
    for row in rows(name):
        shown = [*row.get("tests", ()), *filter(None, (row.get("example"), row.get("command")))]
        if not shown and not row.get("omitted"):
            yield f"nothing shows {row['row']!r}"
        for test in row.get("tests", ()):
            if not _exists(test):
                yield f"{row['row']!r} names {test}, which is not there"


def contract_page() -> str:
    """Return docs/contract-coverage.md."""
    parts = [CONTRACT_HEAD]
    for section in load("contract.toml"):
        parts.append(f"\n## {section['title']}\n\n| Row | Shown by |\n| --- | --- |\n")
        parts += [f"| {row['row']} | {_shown(row)} |\n" for row in section["rows"]]
    return "".join(parts)


def requirements_page() -> str:
    """Return docs/requirements.md."""
    parts = [REQUIREMENTS_HEAD]
    for section in load("requirements.toml"):
        parts.append(f"\n## {section['title']}\n\n| No | Requirement | Shown by |\n")
        parts.append("| --- | --- | --- |\n")
        parts += [f"| {row['no']} | {row['row']} | {_shown(row)} |\n" for row in section["rows"]]
    return "".join(parts)


PAGES: Final = {
    ROOT / "docs" / "contract-coverage.md": contract_page,
    ROOT / "docs" / "requirements.md": requirements_page,
}


def _shown(row: dict[str, Any]) -> str:
    shown = [f"`{_path(test)}`" for test in row.get("tests", ())]
    if example := row.get("example"):
        shown.insert(0, f"example `{example}`")
    if command := row.get("command"):
        shown.append(f"`{command}`")
    if omitted := row.get("omitted"):
        shown.insert(0, f"**{row.get('state', 'left out')}**: {omitted}")
    return ", ".join(shown)


def _path(test: str) -> str:
    module, name = test.split("::")
    return f"tests/{module}.py::{name}"


def _exists(test: str) -> bool:
    named = _NAMED.fullmatch(test)
    if named is None:
        return False
    file = ROOT / "tests" / f"{named[1]}.py"
    return file.exists() and f"def {named[2]}(" in file.read_text("utf-8")


if __name__ == "__main__":
    for page, make in PAGES.items():
        page.write_text(make(), "utf-8")
