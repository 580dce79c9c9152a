"""The arguments of `fxpool symbols`; `fxpool symbols ACCOUNT` is `fxpool symbols list ACCOUNT`."""

# ruff: noqa: PLC0415 (a command pays for its own imports only)

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fxpool.cli.options import DEFAULT_URL, Account, ApiKey, AsJson, Url


class _ListByDefault(TyperGroup):
    """A group whose first command is meant where none is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # typer hides the type
        is_help = bool(args) and args[0] in ctx.help_option_names
        if args and not is_help and args[0] not in self.commands:
            args = ["list", *args]
        return super().parse_args(ctx, args)


symbols_app = typer.Typer(
    cls=_ListByDefault,
    help="What an account can trade, and which of it a name means.",
    no_args_is_help=True,
)


@symbols_app.command("list")
def list_symbols(
    *,
    account: Account,
    search: Annotated[
        str, typer.Option("--search", help="Only those whose names or description contain this.")
    ] = "",
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """The symbols of an account with the broker's names; the command where none is named."""
    from fxpool.cli import symbols
    from fxpool.cli.pool import Pool

    symbols.show(Pool(url, api_key, as_json), account, search)


@symbols_app.command("test")
def explain_name(
    *,
    name: Annotated[str, typer.Argument(help="A name as callers say it, such as XAUUSD.d.")],
    account: Annotated[
        str | None, typer.Option("--account", help="On this account; on all if left out.")
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """Which symbol a name means and why, or the nearest ones where it means none or several."""
    from fxpool.cli import symbols
    from fxpool.cli.pool import Pool

    symbols.explain(Pool(url, api_key, as_json), name, account)
