"""What `make audit` makes of pip-audit's report; it asks nobody here."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "audit.py"


@pytest.fixture
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("audit_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_known_vulnerability_fails_the_check_and_is_named(
    tool: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {"name": "liblet", "version": "1.0", "vulns": [{"id": "PYSEC-1"}]}
    assert tool._tell("requirements.txt", [bad]) == 1
    assert "liblet 1.0: PYSEC-1" in capsys.readouterr().out


def test_packages_that_were_not_checked_are_named_and_do_not_fail(
    tool: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {"name": "liblet", "version": "1.0", "vulns": []}
    unknown = {"name": "other", "skip_reason": "not found"}
    assert tool._tell("requirements.txt", [good, unknown]) == 0
    assert "1 packages NOT checked: other" in capsys.readouterr().out
