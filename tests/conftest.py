"""What every test finds, and leaves as it found it."""

from __future__ import annotations

import copy
import logging
import os
import sys
from collections.abc import Iterator

import pytest
import structlog

from fxpool import redaction

# Tests start hundreds of processes; where no bytecode may be written, each compiles all it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what a command that ran in this process made of logging: its stream is closed by now."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook
    if structlog.is_configured():
        structlog.reset_defaults()
        for name, module in tuple(sys.modules.items()):
            if name.startswith("fxpool.") and (log := getattr(module, "log", None)) is not None:
                vars(log).pop("bind", None)  # what it was configured to at its first use


@pytest.fixture(autouse=True)
def secrets_as_before() -> Iterator[None]:
    """Forget the secrets that this process learned: the short ones of a test are words of others'
    texts, which would be hidden from then on."""
    learned = copy.deepcopy(redaction._known)
    yield
    setattr(redaction, "_known", learned)  # noqa: B010 (mypy: it is Final)
