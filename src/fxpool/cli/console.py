"""The two consoles. Off a terminal they write plain lines, wide enough that no table is cut."""

from __future__ import annotations

import os
from functools import cache

from rich.console import Console

PLAIN_WIDTH = 120
"""Columns of a table that goes to a file or a pipe, unless COLUMNS says otherwise."""


@cache
def stdout() -> Console:
    """Return the console for results."""
    return _console(to_stderr=False)


@cache
def stderr() -> Console:
    """Return the console for errors and progress."""
    return _console(to_stderr=True)


def _console(*, to_stderr: bool) -> Console:
    console = Console(stderr=to_stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PLAIN_WIDTH
    return console
