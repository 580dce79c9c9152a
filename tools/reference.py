"""Write the pages of docs/reference from the code: settings, commands, the client's calls.

Run ``make tables``.
"""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from typer.cli import get_docs_for_click

from fxpool.cli.app import app
from fxpool.client import UnifiedPoolClient
from fxpool.settings import PREFIX, Settings

FOLDER: Final = Path(__file__).parents[1] / "docs" / "reference"

_SETTINGS: Final = """\
# Settings

Environment variables, read once when a command or the gateway starts. A variable that is set to
nothing counts as not set; one with a wrong value is refused with its name. `fxpool doctor` checks
what they lead to.

| Variable | Default | What it says |
| --- | --- | --- |
"""

_CLIENT: Final = """\
# The client's calls

Of `UnifiedPoolClient`, in the order of their names. Each call has its camelCase name too, and
`SyncPoolClient` has the same calls without `await`. How they are used:
[../python-client.md](../python-client.md).
"""


def settings_page() -> str:
    """Return the table of all environment variables."""
    rows = (
        f"| `{_variable(name, field)}` | {_default(field)} | {_flat(field.description)} |\n"
        for name, field in Settings.model_fields.items()
    )
    return _SETTINGS + "".join(rows)


def commands_page() -> str:
    """Return all commands with their arguments, as typer describes them."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="fxpool")
    text = get_docs_for_click(obj=command, ctx=context, name="fxpool", title="Commands")
    for cut, whole in _summaries(command):
        text = text.replace(cut, whole)
    return html.unescape(text).rstrip() + "\n"


def client_page() -> str:
    """Return all calls of the client with their signatures."""
    parts = [f"\n## {name}\n\n```python\n{text}\n```\n\n{told}\n" for name, text, told in _calls()]
    return _CLIENT + "".join(parts)


PAGES: Final[dict[Path, Callable[[], str]]] = {
    FOLDER / "settings.md": settings_page,
    FOLDER / "commands.md": commands_page,
    FOLDER / "client.md": client_page,
}


def _summaries(command: Any) -> Iterator[tuple[str, str]]:
    """Return the list entry of each command below one, as typer cuts it and whole."""
    for name, below in getattr(command, "commands", {}).items():
        cut, whole = below.get_short_help_str(), below.get_short_help_str(limit=200)
        yield f"* `{name}`: {cut}\n", f"* `{name}`: {whole}\n"
        yield from _summaries(below)


def _variable(name: str, field: FieldInfo) -> str:
    return str(field.validation_alias or f"{PREFIX}{name}".upper())


def _default(field: FieldInfo) -> str:
    value = field.default
    text = "" if value is None or isinstance(value, SecretStr) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    others = ", ".join(f"`{choice}`" for choice in choices if choice != value)
    return (f"`{text}`" if text else "") + (f" (or {others})" if others else "")


def _flat(text: str | None) -> str:
    return " ".join((text or "").replace("``", "`").split())


def _calls() -> Iterator[tuple[str, str, str]]:
    """Return each call's name, its definition, and what is said of it."""
    for name in sorted(dir(UnifiedPoolClient)):
        call: Any = inspect.getattr_static(UnifiedPoolClient, name)
        is_of_class = isinstance(call, classmethod)
        call = call.__func__ if is_of_class else call
        if name.startswith("_") or name != name.lower() or not inspect.isfunction(call):
            continue
        keyword = "async def" if inspect.iscoroutinefunction(call) else "def"
        before = "@classmethod\n" if is_of_class else ""
        yield name, f"{before}{keyword} {name}{_signature(call)}", _prose(inspect.getdoc(call))


def _signature(call: Callable[..., Any]) -> str:
    """Return a signature, an argument a line where it is long."""
    signature = inspect.signature(call)
    parts = [str(each).replace("'", "") for each in signature.parameters.values()]
    kinds = [each.kind for each in signature.parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        parts.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    answer = str(signature.return_annotation).replace("'", "")
    line = f"({', '.join(parts)}) -> {answer}"
    if len(line) <= 80:
        return line
    return "(\n" + "".join(f"    {part},\n" for part in parts) + f") -> {answer}"


def _prose(text: str | None) -> str:
    return (text or "").replace("``", "`")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, page in PAGES.items():
        path.write_text(page(), "utf-8")
