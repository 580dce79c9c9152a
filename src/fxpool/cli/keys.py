"""``fxpool keys``: makes, lists and revokes API keys in the database, and signs tokens."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import typer
from rich.table import Table

from fxpool.auth import own_store_from
from fxpool.cli import logs
from fxpool.cli.console import stdout
from fxpool.cli.exits import end_with
from fxpool.domain.api_keys import ID_BYTES, SECRET_BYTES, ApiKey, make_key
from fxpool.domain.permissions import Permissions, fields_of, permissions_of
from fxpool.errors import FxPoolError, InvalidCall
from fxpool.gateway.access.setup import make_signing_key
from fxpool.gateway.audit.acts import write_act
from fxpool.mapping.instants import iso
from fxpool.platforms.assembly import account_keys
from fxpool.settings import Settings
from fxpool.store.access import SqlAccessStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a new key or token is to allow, as it was typed."""

    role: str
    accounts: list[str]
    max_order_lots: str | None
    max_day_lots: str | None
    networks: list[str]

    def permissions(self, settings: Settings) -> Permissions:
        """Raises InvalidCall for an option that makes no sense or an account that is not known."""
        try:
            wanted = permissions_of(
                {
                    "role": self.role,
                    "accounts": self.accounts or None,
                    "max_order_lots": self.max_order_lots,
                    "max_day_lots": self.max_day_lots,
                    "networks": self.networks,
                }
            )
        except ValueError as exc:
            raise InvalidCall(str(exc)) from None
        if wanted.accounts is not None:
            known = account_keys(settings)
            for unknown in sorted(wanted.accounts - known):
                raise InvalidCall(
                    f"--account {unknown} is not configured; use one of: {', '.join(sorted(known))}"
                )
        return wanted


def create(name: str, grant: Grant, days: int | None) -> None:
    """Make a key; the key alone goes to standard output."""

    async def work(settings: Settings, store: SqlAccessStore) -> tuple[str, ApiKey]:
        text, key_id, digest = make_key(os.urandom(ID_BYTES + SECRET_BYTES))
        now = datetime.now(UTC)
        ends = None if days is None else now + timedelta(days=days)
        key = ApiKey(key_id, name, digest, grant.permissions(settings), now, ends)
        await store.add(key)
        may = fields_of(key.permissions)
        await write_act(settings, "key created", id=key_id, holder=name, may=may, days=days)
        return text, key

    text, key = _run(work)
    typer.echo(f"key {key.key_id} of {name}: {_words(key.permissions)}", err=True)
    typer.echo("This is the only time it is shown. Send it as 'Authorization: Bearer'.", err=True)
    typer.echo(text)


def list_all(*, as_json: bool) -> None:
    """Print a row per key, the oldest first."""

    async def work(_settings: Settings, store: SqlAccessStore) -> list[ApiKey]:
        return await store.keys()

    keys = _run(work)
    if as_json:
        typer.echo(json.dumps([_row(key) for key in keys], indent=2))
        return
    if not keys:
        typer.echo("no keys; make one with `fxpool keys create NAME --role read`")
        return
    table = Table("id", "name", "state", "may", "created", "last used", box=None)
    now = datetime.now(UTC)
    for key in keys:
        table.add_row(
            key.key_id,
            key.name,
            _state(key, now),
            _words(key.permissions),
            f"{key.created_at:%F}",
            "never" if key.last_used_at is None else f"{key.last_used_at:%F %H:%M}",
        )
    stdout().print(table)


def revoke(key_id: str) -> None:
    """End a key."""

    async def work(settings: Settings, store: SqlAccessStore) -> None:
        if not await store.revoke(key_id, datetime.now(UTC)):
            raise InvalidCall(f"there is no key {key_id}: see `fxpool keys list`")
        await write_act(settings, "key revoked", id=key_id)

    _run(work)
    typer.echo(f"key {key_id} is revoked")


def sign(name: str, grant: Grant, hours: int) -> None:
    """Sign a token; the token alone goes to standard output."""

    async def work(settings: Settings, _store: SqlAccessStore) -> tuple[str, datetime]:
        permissions = grant.permissions(settings)
        secrets = own_store_from(settings)
        try:
            key = await make_signing_key(secrets)
        finally:
            await secrets.close()
        now = datetime.now(UTC)
        ends = now + timedelta(hours=hours)
        may = fields_of(permissions)
        await write_act(settings, "token signed", holder=name, may=may, ends=iso(ends))
        return key.issue(name, permissions, now, ends), ends

    token, ends = _run(work)
    typer.echo(f"token of {name}, good until {ends:%F %H:%M} UTC; it cannot be revoked", err=True)
    typer.echo(token)


def _run(work: Callable[[Settings, SqlAccessStore], Awaitable[T]]) -> T:
    """Return what the work returns, or end the command with the reason."""

    async def run() -> T:
        settings = Settings.from_environment()
        store = SqlAccessStore(settings.journal_url)
        try:
            return await work(settings, store)
        finally:
            await store.close()

    logs.configure("WARNING")
    try:
        return asyncio.run(run())
    except FxPoolError as error:
        end_with(error)


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%F}"
    if key.expires_at is None:
        return "good"
    return f"{'good until' if key.is_good(now) else 'expired'} {key.expires_at:%F}"


def _words(permissions: Permissions) -> str:
    words = [permissions.role.value]
    words.append(
        "all accounts" if permissions.accounts is None else ", ".join(sorted(permissions.accounts))
    )
    if permissions.max_order_lots is not None:
        words.append(f"at most {permissions.max_order_lots:f} lots per order")
    if permissions.max_day_lots is not None:
        words.append(f"at most {permissions.max_day_lots:f} lots per day")
    words += [f"from {network}" for network in permissions.networks]
    return "; ".join(words)


def _row(key: ApiKey) -> dict[str, Any]:
    def time(at: datetime | None) -> str | None:
        return None if at is None else iso(at)

    return {
        "id": key.key_id,
        "name": key.name,
        **fields_of(key.permissions),
        "created": time(key.created_at),
        "expires": time(key.expires_at),
        "revoked": time(key.revoked_at),
        "lastUsed": time(key.last_used_at),
    }
