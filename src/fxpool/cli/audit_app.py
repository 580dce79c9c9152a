"""``fxpool audit`` with its arguments."""

# ruff: noqa: PLC0415 (a command pays for its own imports only)

from __future__ import annotations

from typing import Annotated

import typer

from fxpool.cli.options import AsJson

audit_app = typer.Typer(help="The audit log: who did what, and whether the log is whole.")


@audit_app.command("list")
def list_lines(
    *,
    account: Annotated[
        str | None, typer.Option("--account", help="Only lines about this account (its key).")
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only this caller, as key:3f2a9c01d4e7.")
    ] = None,
    ticket: Annotated[str | None, typer.Option("--ticket", help="Only this order.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest lines; --json tells all of each: request, answer, state before."""
    from fxpool.cli import audit
    from fxpool.store.audit import AuditQuery

    accounts = None if account is None else [account]
    audit.list_lines(
        AuditQuery(accounts=accounts, subject=subject, ticket=ticket, limit=limit), as_json=as_json
    )


@audit_app.command("verify")
def verify(
    *,
    head: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:DIGEST", help="A head that you kept: it must still be there."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the whole chain and print its head; exit code 1 if a line was changed or is missing."""
    from fxpool.cli import audit

    audit.verify(head, as_json=as_json)
