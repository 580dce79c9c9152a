"""``fxpool connect``, ``fxpool doctor`` and ``fxpool secrets`` with their arguments."""

# ruff: noqa: PLC0415 (a command pays for its own imports only)

from __future__ import annotations

from typing import Annotated, Literal

import typer

from fxpool.cli.options import DEFAULT_URL, ApiKey, AsJson, Url

secrets_app = typer.Typer(help="The secret store: what is in it and whether it works.")


def connect(
    *,
    account: Annotated[str, typer.Argument(help="The account to link: its key or its login.")],
    scope: Annotated[
        Literal["trading", "accounts"],
        typer.Option(help="trading, or accounts: reading only."),
    ] = "trading",
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address instead of opening it.")
    ] = False,
    link: Annotated[
        bool,
        typer.Option("--link", help="Make a link for its owner, served by the running gateway."),
    ] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """Link an account: its owner consents in a browser, its tokens go to the secret store."""
    from fxpool.cli.connect import ConnectOptions, offer, run

    if link:
        offer(account, scope, url=url, api_key=api_key, as_json=as_json)
        return
    run(ConnectOptions(account, scope, opens_browser=not no_browser, as_json=as_json))


def doctor(*, as_json: AsJson = False) -> None:
    """Check every precondition by name: network, broker, secrets, tokens; with the cure."""
    from fxpool.cli.doctor import run

    run(as_json=as_json)


@secrets_app.command("check")
def check() -> None:
    """Whether everything that the configuration needs is there."""
    from fxpool.cli import secrets

    secrets.check()


@secrets_app.command("list")
def list_names() -> None:
    """The names of the entries; never their values."""
    from fxpool.cli import secrets

    secrets.list_names()


@secrets_app.command("rotate-key")
def rotate_key() -> None:
    """Give the encrypted file another key; a running gateway goes on."""
    from fxpool.cli import secrets

    secrets.rotate()


@secrets_app.command("import")
def import_secrets(
    *,
    source: Annotated[
        str,
        typer.Argument(
            help="environment, file (the encrypted one), vault, or a JSON file of"
            ' {"ctrader/accounts/LOGIN": {"access_token": ...}}.'
        ),
    ],
    to_file: Annotated[
        bool, typer.Option("--to-file", help="Into the encrypted file, though VAULT_ADDR is set.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be imported.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace entries that are not known to be older.")
    ] = False,
) -> None:
    """Take secrets in from elsewhere; names are printed, never values. Stop the gateway first."""
    from fxpool.cli.secrets_import import ImportOptions, run

    run(ImportOptions(source, to_file, dry_run, force))
