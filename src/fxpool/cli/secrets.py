"""``fxpool secrets``: whether the secret store works, the names in it, another file key."""

from __future__ import annotations

import asyncio

import typer
from rich.table import Table

from fxpool.auth import ACCOUNTS, APPLICATION, SecretStore, own_store_from, secret_store_from
from fxpool.auth.key_rotation import rotate_key
from fxpool.auth.stores import encrypted_files_from, key_source_from
from fxpool.auth.tokens import pair_from
from fxpool.cli import logs
from fxpool.cli.console import stdout
from fxpool.cli.exits import Exit, end_with
from fxpool.clock import SystemClock
from fxpool.errors import FxPoolError, SecretError, SettingsError
from fxpool.gateway.audit.acts import write_act
from fxpool.platforms.ctrader_setup import accounts_from
from fxpool.platforms.ctrader_tokens import secret_paths
from fxpool.settings import Settings

_APPLICATION_FIELDS = ("client_id", "client_secret", "redirect_uri")

Row = tuple[str, str, str]
"""PASS, WARN, FAIL or nothing; what was looked at; what was found."""


def list_names() -> None:
    """Print the names of all entries, one to a line."""
    try:
        for name in asyncio.run(_names(Settings.from_environment())):
            typer.echo(name)
    except FxPoolError as error:
        end_with(error)


def check() -> None:
    """Print one row per entry that the configuration needs; end with 1 if one is missing."""
    logs.configure("WARNING")
    try:
        rows = asyncio.run(_check(Settings.from_environment()))
    except FxPoolError as error:
        end_with(error)
    table = Table("", "what", "found", box=None)
    for row in rows:
        table.add_row(*row)
    stdout().print(table)
    if any(row[0] == "FAIL" for row in rows):
        raise typer.Exit(Exit.REFUSED)


def rotate() -> None:
    """Give the encrypted files another key, and say which files it opens now."""
    logs.configure("WARNING")
    try:
        settings = Settings.from_environment()
        stores = encrypted_files_from(settings)
        if not stores:
            raise SettingsError(f"there is no {settings.secrets_path}: no key is in use yet")
        keys = key_source_from(settings)
        rotate_key(keys, stores)
        places = [store.place for store in stores]
        for place in places:
            typer.echo(f"{place} has a new key, in {keys.place}")
        asyncio.run(write_act(settings, "file key rotated", files=places))
    except FxPoolError as error:
        end_with(error)


async def _names(settings: Settings) -> list[str]:
    store = own_store_from(settings)
    try:
        top = [APPLICATION] if (await store.read(APPLICATION)).exists else []
        return top + [f"{ACCOUNTS}/{name}" for name in await store.names(ACCOUNTS)]
    finally:
        await store.close()


async def _check(settings: Settings) -> list[Row]:
    store = secret_store_from(settings)
    try:
        accounts = [
            await _account(store, config.key, list(secret_paths(config)))
            for config in accounts_from(settings)
        ]
        return [("", "store", store.place), await _application(store), *accounts]
    finally:
        await store.close()


async def _application(store: SecretStore) -> Row:
    try:
        fields = (await store.read(APPLICATION)).fields
    except SecretError as exc:
        return ("FAIL", APPLICATION, str(exc))
    missing = [name for name in _APPLICATION_FIELDS if not fields.get(name)]
    if missing:
        return ("FAIL", APPLICATION, f"without {', '.join(missing)}")
    return ("PASS", APPLICATION, "complete")


async def _account(store: SecretStore, key: str, paths: list[str]) -> Row:
    for path in paths:
        try:
            pair = pair_from((await store.read(path)).fields, source=path)
        except SecretError as exc:
            return ("FAIL", key, str(exc))
        if pair is None:
            continue
        if not pair.refresh_token:
            return ("WARN", key, f"{path}: no refresh token, so it ends and is not renewed")
        if pair.expires_at is not None and pair.expires_at <= SystemClock().at():
            told = f"{path}: ended {pair.expires_at:%F}; a gateway that runs renews it"
            return ("WARN", key, told)
        end = "its end is not known" if pair.expires_at is None else f"until {pair.expires_at:%F}"
        return ("PASS", key, f"{path}: {end}")
    return ("FAIL", key, f"no tokens (tried {', '.join(paths)}): run `fxpool connect {key}`")
