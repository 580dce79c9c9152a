"""The command that writes a report of an account to a file."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass
from pathlib import Path

from fxpool.cli.console import stderr, stdout
from fxpool.cli.exits import Exit, fail
from fxpool.cli.pool import Pool
from fxpool.reports import LIMITS, Form, file_name, written

PRINTED = "-"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written, and where; ``output`` is empty for a name by account and period."""

    days: int
    form: Form
    output: str
    is_opened: bool


def report(pool: Pool, name: str, wanted: Wanted) -> None:
    """Write the report of an account, and say where it is."""
    if wanted.is_opened and wanted.output == PRINTED:
        fail(Exit.USAGE, "--open needs a file: leave out --output -")
    found = pool.ask(
        lambda platform: platform.report(name, days=wanted.days, limit=LIMITS[wanted.form])
    )
    content = written(found, wanted.form)
    if wanted.output == PRINTED:
        stdout().file.write(content.decode())
        return
    path = Path(wanted.output or file_name(found, wanted.form)).absolute()
    try:
        path.write_bytes(content)
    except OSError as exc:
        fail(Exit.USAGE, f"{path} cannot be written: {exc.strerror or exc}")
    for note in found["notes"]:
        stderr().print(f"note: {note}", markup=False, soft_wrap=True)
    stdout().print(str(path), markup=False, soft_wrap=True)
    if wanted.is_opened and not webbrowser.open(path.as_uri()):
        fail(Exit.REFUSED, f"nothing on this machine opened it: open {path} yourself")
