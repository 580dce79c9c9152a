"""``fxpool secrets import``: entries from the environment, another store or a JSON file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
from rich.table import Table

from fxpool.auth import SecretStore, own_store_from
from fxpool.auth.environment import EnvironmentStore
from fxpool.auth.importing import Move, Step, carry_out, entries_in, entries_of, planned
from fxpool.auth.stores import file_store_from
from fxpool.cli import logs
from fxpool.cli.console import stdout
from fxpool.cli.exits import end_with
from fxpool.errors import FxPoolError, SettingsError
from fxpool.gateway.audit.acts import write_act
from fxpool.platforms.ctrader_setup import accounts_from
from fxpool.platforms.ctrader_tokens import secret_paths
from fxpool.settings import Settings

_ENVIRONMENT: Final = "environment"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the command line said; ``source`` is a store's name or a JSON file."""

    source: str
    to_file: bool
    is_dry: bool
    is_forced: bool


def run(options: ImportOptions) -> None:
    """Print what becomes of each entry, and do it unless it is a dry run."""
    logs.configure("WARNING")
    try:
        asyncio.run(_import(Settings.from_environment(), options))
    except FxPoolError as error:
        end_with(error)


async def _import(settings: Settings, options: ImportOptions) -> None:
    store = file_store_from(settings) if options.to_file else own_store_from(settings)
    try:
        entries = await _entries(settings, options.source, store)
        moves = await planned(entries, store, is_forced=options.is_forced)
        _show(moves, store)
        wanted = [move for move in moves if move.step is Step.IMPORT]
        if options.is_dry:
            typer.echo(f"{len(wanted)} would be imported; nothing is written")
            return
        done: list[str] = []
        try:
            for move in wanted:
                await carry_out(move, store)
                done.append(move.path)
        finally:
            typer.echo(f"{len(done)} of {len(wanted)} imported and read back")
            if done:
                about = {"source": options.source, "to": store.place, "names": done}
                await write_act(settings, "secrets imported", **about)
    finally:
        await store.close()


async def _entries(
    settings: Settings, source: str, target: SecretStore
) -> Mapping[str, Mapping[str, str]]:
    store = _source(settings, source)
    if store is None:
        return await asyncio.to_thread(entries_in, Path(source))
    try:
        if store.place == target.place:
            raise SettingsError(f"{source} is {target.place}, where secrets are kept already")
        paths = [
            path
            for config in accounts_from(settings)
            # Its one token stands for every path, so it becomes one entry of each account.
            for path in secret_paths(config)[: 1 if source == _ENVIRONMENT else None]
        ]
        found = await entries_of(store, paths)
    finally:
        await store.close()
    if not found:
        raise SettingsError(f"{store.place}: nothing to import")
    return found


def _source(settings: Settings, name: str) -> SecretStore | None:
    """Return the store of a name, None for a file of JSON."""
    match name:
        case _ if name == _ENVIRONMENT:
            return EnvironmentStore(settings)
        case "file":
            return file_store_from(settings)
        case "vault" if not settings.vault_addr:
            raise SettingsError("VAULT_ADDR is not set: which Vault?")
        case "vault":
            return own_store_from(settings)
    return None


def _show(moves: list[Move], store: SecretStore) -> None:
    table = Table("", "entry", "why", box=None)
    for move in moves:
        table.add_row(move.step.value, move.path, move.reason)
    stdout().print(f"to {store.place}", markup=False, soft_wrap=True)
    stdout().print(table)
