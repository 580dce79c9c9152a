"""How a command ends: exit codes, and the one place where errors become words and a code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NoReturn

import typer

from fxpool.cli.console import stderr, stdout
from fxpool.errors import AddressTaken, FxPoolError, SecretError, SecretStoreDown, SettingsError
from fxpool.platforms.base import PlatformError

NO_POOL = frozenset({"POOL_UNREACHABLE", "POOL_LINK_LOST", "POOL_TIMEOUT"})
"""Codes that the remote platform gives where the gateway did not answer."""
UNAUTHORIZED = 401
KEY_CURE = "set CTRADER_POOL_API_KEY to a key of this gateway; `fxpool keys create` makes one"


class Exit(IntEnum):
    """What a script may rely on."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    OUTCOME_UNKNOWN = 4
    UNAVAILABLE = 69
    """A server: something that it needs is away; starting it again later may help."""
    BROKEN = 70
    """A server: an internal error ended it."""
    ADDRESS_TAKEN = 75
    """A server: another process listens there, perhaps one that is about to end."""
    CONFIG = 78
    """A server: what it is configured with cannot work; starting it again does not help."""


def fail(code: Exit, text: str, *, cure: str = "") -> NoReturn:
    """Print one red line (and the cure below it) on stderr, and end with ``code``."""
    stderr().print(f"[bold red]error[/] {_escaped(text)}", soft_wrap=True)
    if cure:
        stderr().print(f"      {_escaped(cure)}", soft_wrap=True)
    raise typer.Exit(code)


def end_with(error: FxPoolError, *, as_json: bool = False) -> NoReturn:
    """End the command with the words and the exit code of an error."""
    if isinstance(error, SettingsError):
        fail(Exit.USAGE, str(error))
    if not isinstance(error, PlatformError):
        fail(Exit.REFUSED, str(error))
    code = exit_of(error)
    if as_json:
        print_json(error_body(error))
        raise typer.Exit(code)
    if code is Exit.OUTCOME_UNKNOWN:
        warn_unknown(error.detail, is_repeatable=error.retryable)
        raise typer.Exit(code)
    is_key = error.status == UNAUTHORIZED
    fail(code, error.detail, cure=KEY_CURE if is_key else "")


def end_server_with(error: FxPoolError) -> NoReturn:
    """End a server with the words of an error and a code that tells its supervisor whether to
    start it again."""
    fail(server_exit_of(error), str(error))


def server_exit_of(error: FxPoolError) -> Exit:
    """Which exit code an error stands for, where it ends a server. Those of sysexits.h."""
    match error:
        case AddressTaken():
            return Exit.ADDRESS_TAKEN
        case SecretStoreDown():
            return Exit.UNAVAILABLE
        case SettingsError() | SecretError():
            return Exit.CONFIG
    return Exit.UNAVAILABLE


def exit_of(error: PlatformError) -> Exit:
    """Which exit code an error of the pool stands for."""
    if error.outcome == "unknown":
        return Exit.OUTCOME_UNKNOWN
    if error.code in NO_POOL:
        return Exit.UNREACHABLE
    return Exit.USAGE if error.status == UNAUTHORIZED else Exit.REFUSED


def error_body(error: PlatformError) -> dict[str, Any]:
    """Return an error as the body that the pool's HTTP API gives it."""
    body: dict[str, Any] = {
        "detail": error.detail,
        "error": error.detail,
        "code": error.code,
        "retryable": error.retryable,
    }
    return body if error.outcome is None else {**body, "outcome": error.outcome}


def warn_unknown(text: str, *, is_repeatable: bool = False) -> None:
    """Say loudly that the call may have taken effect, and whether a second one can do harm."""
    advice = (
        "it may have taken effect; the same call may be repeated."
        if is_repeatable
        else "the order may be live. Do not repeat it before you have looked at"
        " `fxpool positions` and `fxpool orders`."
    )
    stderr().print(f"[bold white on red] OUTCOME UNKNOWN [/] {advice}", soft_wrap=True)
    stderr().print(f"      {_escaped(text)}", soft_wrap=True)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on one line, and nothing around it."""
    stdout().file.write(json.dumps(value, ensure_ascii=False) + "\n")
    stdout().file.flush()


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
