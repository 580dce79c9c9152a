"""``fxpool keys`` with its arguments."""

# ruff: noqa: PLC0415 (a command pays for its own imports only)

from __future__ import annotations

from typing import Annotated, Literal

import typer

from fxpool.cli.options import AsJson

keys_app = typer.Typer(help="Keys and tokens for callers of the gateway's API.")

RoleWord = Literal["read", "close_only", "trade", "admin"]
Name = Annotated[str, typer.Argument(help="What people call its holder, such as copier-1.")]
RoleOption = Annotated[
    RoleWord,
    typer.Option(
        help="read; close_only (and close, cancel); trade (and place, amend, halt); admin (all)."
    ),
]
Accounts = Annotated[
    list[str] | None,
    typer.Option("--account", help="Key of an account it is for. Repeatable; without it, all."),
]
OrderCap = Annotated[
    str | None, typer.Option("--max-order-lots", metavar="LOTS", help="No larger order.")
]
DayCap = Annotated[
    str | None,
    typer.Option("--max-day-lots", metavar="LOTS", help="No more in all orders of a UTC day."),
]
Networks = Annotated[
    list[str] | None,
    typer.Option(
        "--network", metavar="CIDR", help="Where it may be used from, as 192.0.2.0/24. Repeatable."
    ),
]


@keys_app.command("create")
def create(
    *,
    name: Name,
    role: RoleOption,
    account: Accounts = None,
    max_order_lots: OrderCap = None,
    max_day_lots: DayCap = None,
    network: Networks = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it ends; without it, never.")
    ] = None,
) -> None:
    """Make an API key and print it, once. From then on the gateway asks every caller for one."""
    from fxpool.cli import keys

    grant = keys.Grant(role, account or [], max_order_lots, max_day_lots, network or [])
    keys.create(name, grant, days)


@keys_app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """The keys, what each may do, and when it was used last. Never the keys themselves."""
    from fxpool.cli import keys

    keys.list_all(as_json=as_json)


@keys_app.command("revoke")
def revoke(*, key: Annotated[str, typer.Argument(help="The id in `fxpool keys list`.")]) -> None:
    """End a key for ever, and its open streams, within seconds in every gateway."""
    from fxpool.cli import keys

    keys.revoke(key)


@keys_app.command("token")
def token(
    *,
    name: Name,
    role: RoleOption,
    account: Accounts = None,
    max_order_lots: OrderCap = None,
    max_day_lots: DayCap = None,
    network: Networks = None,
    hours: Annotated[int, typer.Option(min=1, max=720, help="Hours until it ends.")] = 1,
) -> None:
    """Sign a token (JWT) and print it. It cannot be revoked: it ends after its hours."""
    from fxpool.cli import keys

    grant = keys.Grant(role, account or [], max_order_lots, max_day_lots, network or [])
    keys.sign(name, grant, hours)
