"""`fxpool guards`: an account's loss limits, and their reset by a person."""

from __future__ import annotations

import getpass

from rich.markup import escape
from rich.table import Table

from fxpool.cli import numbers
from fxpool.cli.console import stdout
from fxpool.cli.exits import print_json
from fxpool.cli.pool import Pool
from fxpool.mapping.formats import GuardInfo, GuardList

_STYLES = {"ok": "green", "warning": "yellow", "tripped": "bold red", "unknown": "bold yellow"}


def show(pool: Pool, account: str) -> None:
    """Print how the account stands to its limits."""
    _print(pool, pool.ask(lambda platform: platform.guards(account)))


def reset(pool: Pool, account: str, by: str) -> None:
    """End what latched, and print how the account stands then."""
    who = by or getpass.getuser()
    _print(pool, pool.ask(lambda platform: platform.reset_guards(account, by=who)))


def _print(pool: Pool, limits: GuardList) -> None:
    if pool.as_json:
        print_json(limits)
    elif not limits["guards"]:
        stdout().print(f"no loss limits are configured for {escape(limits['account_id'])}")
    else:
        stdout().print(guard_table(limits))


def guard_table(limits: GuardList) -> Table:
    """Return one row per limit."""
    table = Table(caption=f"days of {limits['timeZone']}", caption_justify="left", box=None)
    for heading in ("limit", "state", "loss", "of", "counts from", "action"):
        table.add_column(heading, justify="right" if heading in {"loss", "of"} else "left")
    for row in limits["guards"]:
        style = _STYLES[row["state"]]
        table.add_row(
            f"{row['guard']} {row['limit']:g} {row['unit']}",
            f"[{style}]{row['state']}[/]" + _why(row),
            numbers.money(row["loss"]),
            numbers.money(row["limitMoney"]),
            numbers.money(row["countsFrom"]),
            row["action"],
        )
    return table


def _why(row: GuardInfo) -> str:
    if row["trippedSince"] is not None:
        return f" since {row['trippedSince']}, until it is reset"
    return f": {escape(row['reason'])}" if row["state"] == "unknown" else ""
