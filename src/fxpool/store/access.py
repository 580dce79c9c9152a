"""API keys and the volumes of capped principals in SQL, shared by all gateways on a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

import msgspec
from pydantic import SecretStr
from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from fxpool.domain.api_keys import ApiKey
from fxpool.domain.permissions import fields_of, permissions_of
from fxpool.errors import DATABASE_CURE, AccessStoreDown
from fxpool.store.access_tables import API_KEYS, DAY_VOLUMES
from fxpool.store.database import Database, make_database, migrate
from fxpool.store.rows import instant, milliseconds

VOLUME_STEP: Final = Decimal("0.00000001")
"""In lots; finer volumes are counted as the next step."""


class SqlAccessStore:
    """Keeps keys and day volumes; its tables are made at the first use.

    All calls raise AccessStoreDown where the database cannot be reached.
    """

    def __init__(self, url: SecretStr) -> None:
        """``url`` is an SQLAlchemy URL. Raises SettingsError."""
        self._database: Database = make_database(url)
        self._migrating = asyncio.Lock()
        self._is_migrated = False

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()

    async def keys(self) -> list[ApiKey]:
        """Return all keys, the oldest first, revoked and expired ones too."""
        async with self._ready() as database:
            return await database.read(_keys)

    async def add(self, key: ApiKey) -> None:
        async with self._ready() as database:
            await database.write(lambda connection: connection.execute(_insertion(key)))

    async def revoke(self, key_id: str, at: datetime) -> bool:
        """Revoke a key for ever; return whether there is such a key. A second time changes
        nothing."""
        async with self._ready() as database:
            return await database.write(lambda connection: _revoke(connection, key_id, at))

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Note when keys were used last."""
        async with self._ready() as database:
            await database.write(lambda connection: _note_uses(connection, uses))

    async def take_volume(self, subject: str, day: date, lots: Decimal, cap: Decimal) -> bool:
        """Count lots on a day if the day's sum stays within ``cap``; return whether it does.

        Of calls at the same time, in whichever process, as many succeed as fit together.
        """
        steps, most = _steps(lots), int(cap / VOLUME_STEP)
        async with self._ready() as database:
            return await database.write(
                lambda connection: _take(connection, subject, day.isoformat(), steps, most)
            )

    async def give_back_volume(self, subject: str, day: date, lots: Decimal) -> None:
        """Take back what ``take_volume`` counted: nothing was executed."""
        table = DAY_VOLUMES.c
        giving = (
            update(DAY_VOLUMES)
            .where(table.subject == subject, table.day == day.isoformat())
            .values(volume=table.volume - _steps(lots))
        )
        async with self._ready() as database:
            await database.write(lambda connection: connection.execute(giving))

    @asynccontextmanager
    async def _ready(self) -> AsyncIterator[Database]:
        try:
            async with self._migrating:
                if not self._is_migrated:
                    await migrate(self._database)
                    self._is_migrated = True
            yield self._database
        except (SQLAlchemyError, OSError) as exc:
            raise AccessStoreDown(
                f"the keys' database is down: {type(exc).__name__}. {DATABASE_CURE}"
            ) from exc


def _steps(lots: Decimal) -> int:
    return int((lots / VOLUME_STEP).to_integral_value(ROUND_CEILING))


def _keys(connection: Connection) -> list[ApiKey]:
    rows = connection.execute(select(API_KEYS).order_by(API_KEYS.c.created_ms)).mappings()
    return [_key_of(row) for row in rows]


def _revoke(connection: Connection, key_id: str, at: datetime) -> bool:
    known = select(API_KEYS.c.key_id).where(API_KEYS.c.key_id == key_id)
    if connection.execute(known).scalar() is None:
        return False
    still_good = (API_KEYS.c.key_id == key_id) & API_KEYS.c.revoked_ms.is_(None)
    connection.execute(update(API_KEYS).where(still_good).values(revoked_ms=milliseconds(at)))
    return True


def _note_uses(connection: Connection, uses: Mapping[str, datetime]) -> None:
    for key_id, at in uses.items():
        noting = update(API_KEYS).where(API_KEYS.c.key_id == key_id)
        connection.execute(noting.values(used_ms=milliseconds(at)))


def _take(connection: Connection, subject: str, day: str, steps: int, most: int) -> bool:
    if steps > most:
        return False
    is_postgres = connection.dialect.name == "postgresql"
    adding = (postgresql.insert if is_postgres else sqlite.insert)(DAY_VOLUMES).values(
        subject=subject, day=day, volume=steps
    )
    total = DAY_VOLUMES.c.volume + steps
    taking = adding.on_conflict_do_update(
        index_elements=["subject", "day"], set_={"volume": total}, where=total <= most
    )
    return connection.execute(taking).rowcount > 0


def _insertion(key: ApiKey) -> Any:
    def optional(at: datetime | None) -> int | None:
        return None if at is None else milliseconds(at)

    return insert(API_KEYS).values(
        key_id=key.key_id,
        name=key.name,
        digest=key.digest,
        permissions=msgspec.json.encode(fields_of(key.permissions)).decode(),
        created_ms=milliseconds(key.created_at),
        expires_ms=optional(key.expires_at),
        revoked_ms=optional(key.revoked_at),
        used_ms=optional(key.last_used_at),
    )


def _key_of(row: RowMapping) -> ApiKey:
    def optional(at_ms: int | None) -> datetime | None:
        return None if at_ms is None else instant(at_ms)

    return ApiKey(
        key_id=row["key_id"],
        name=row["name"],
        digest=bytes(row["digest"]),
        permissions=permissions_of(msgspec.json.decode(row["permissions"])),
        created_at=instant(row["created_ms"]),
        expires_at=optional(row["expires_ms"]),
        revoked_at=optional(row["revoked_ms"]),
        last_used_at=optional(row["used_ms"]),
    )
