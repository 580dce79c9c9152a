"""``fxpool audit``: reads the audit log from its database, and checks its chain."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import typer
from rich.table import Table

from fxpool.auth import own_store_from
from fxpool.cli import logs
from fxpool.cli.console import stdout
from fxpool.cli.exits import Exit, end_with, print_json
from fxpool.domain.audit import ChainCheck, Head
from fxpool.errors import FxPoolError, InvalidCall
from fxpool.gateway.audit.setup import anchor_from, audit_store_from
from fxpool.gateway.audit.views import AuditEntry, audit_list
from fxpool.settings import Settings
from fxpool.store.audit import AuditQuery, SqlAuditStore

T = TypeVar("T")

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

MAX_SHOWN = 20
"""Faults that are printed; a log that was tampered with may have one per line."""


def list_lines(wanted: AuditQuery, *, as_json: bool) -> None:
    """Print lines, newest first."""

    async def work(_settings: Settings, store: SqlAuditStore) -> list[AuditEntry]:
        return audit_list(await store.lines(wanted), wanted.limit)["lines"]

    found = _run(work)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not found:
        typer.echo("no lines")
        return
    table = Table("line", "time", "who", "did", "account", "outcome", box=None)
    for line in found:
        who = line["name"] or line["subject"]
        where = f" from {line['address']}" if line["address"] else ""
        time = line["time"].replace("T", " ").split(".")[0]
        row = [f"{who}{where}", line["action"], line["account"], line["outcome"]]
        table.add_row(str(line["seq"]), time, *(text.replace("[", r"\[") for text in row))
    stdout().print(table)


def verify(head: str | None, *, as_json: bool) -> None:
    """Walk the chain; end with 1 if anything is wrong with it."""

    async def work(settings: Settings, store: SqlAuditStore) -> tuple[ChainCheck, Head | None]:
        given = _head(head)
        anchor = anchor_from(settings)
        try:
            key, kept = await anchor.key(), await anchor.head()
        finally:
            await anchor.close()
        heads = [each for each in (kept, given) if each is not None]
        if key is None:
            place = own_store_from(settings).place
            raise InvalidCall(f"there is no key of an audit log in {place}: none was written yet")
        check = ChainCheck(key, heads)
        async for line in store.chain():
            check.walk(line)
        check.finish()
        return check, kept

    check, kept = _run(work)
    end = check.head
    if as_json:
        print_json(
            {
                "ok": not check.faults,
                "lines": check.count,
                "head": None if end is None else _text(end),
                "anchored": None if kept is None else kept.seq,
                "faults": check.faults,
            }
        )
    else:
        _tell(check, kept)
    if check.faults:
        raise typer.Exit(Exit.REFUSED)


def _tell(check: ChainCheck, kept: Head | None) -> None:
    for fault in check.faults[:MAX_SHOWN]:
        typer.echo(f"FAIL {fault}")
    if len(check.faults) > MAX_SHOWN:
        typer.echo(f"FAIL and {len(check.faults) - MAX_SHOWN} more")
    if check.head is None:
        typer.echo("the log is empty")
        return
    noun = "line" if check.count == 1 else "lines"
    word = "and something is wrong" if check.faults else "each as it was written"
    typer.echo(f"{check.count} {noun}, {word}")
    typer.echo(f"head {_text(check.head)}")
    after = check.head.seq - (0 if kept is None else kept.seq)
    if after > 0:
        typer.echo(f"the newest {after} are not anchored in the secret store yet")


def _text(head: Head) -> str:
    return f"{head.seq}:{head.digest.hex()}"


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    seq, _, digest = text.partition(":")
    if not (seq.isdecimal() and _DIGEST.fullmatch(digest)):  # a piece of one would look forged
        raise InvalidCall(f"--head {text}: use NUMBER:DIGEST, all of it, as verify printed it")
    return Head(int(seq), bytes.fromhex(digest))


def _run(work: Callable[[Settings, SqlAuditStore], Awaitable[T]]) -> T:
    """Return what the work returns, or end the command with the reason."""

    async def run() -> T:
        settings = Settings.from_environment()
        store = audit_store_from(settings)
        try:
            return await work(settings, store)
        finally:
            await store.close()

    logs.configure("WARNING")
    try:
        return asyncio.run(run())
    except FxPoolError as error:
        end_with(error)
