"""The tables of the contract and the requirements name tests that exist; so do the pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools import reference
from tools.coverage_tables import PAGES, faults, rows

from fxpool.gateway.examples import examples
from fxpool.settings import Settings

TABLES = ("contract.toml", "requirements.toml")


@pytest.mark.parametrize("table", TABLES)
def test_every_row_is_shown_by_something_that_is_there(table: str) -> None:
    assert list(faults(table)) == []


@pytest.mark.parametrize("table", TABLES)
def test_every_example_that_a_row_names_is_there(table: str) -> None:
    named = {row["example"] for row in rows(table) if "example" in row}
    assert named - set(examples()) == set()


def test_every_requirement_has_a_row() -> None:
    assert {row["no"] for row in rows("requirements.toml")} == {
        *(f"R{number:02}" for number in range(1, 98)),
        *(f"D{number:02}" for number in range(1, 24)),
    }


@pytest.mark.parametrize("page", list(PAGES), ids=lambda page: page.name)
def test_a_page_is_what_its_table_says(page: Path) -> None:
    assert page.read_text("utf-8") == PAGES[page](), "run make tables"


@pytest.mark.parametrize("page", list(reference.PAGES), ids=lambda page: page.name)
def test_a_page_of_the_reference_is_what_the_code_says(page: Path) -> None:
    assert page.read_text("utf-8") == reference.PAGES[page](), "run make tables"


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
