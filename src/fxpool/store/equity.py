"""What was seen of accounts' equity, in SQL. No broker tells it again, so this is no mere copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise

from pydantic import SecretStr
from sqlalchemy import Connection, delete, select

from fxpool.domain.equity import MINUTE_MS, THINNING, EquityBucket, thinned
from fxpool.store.history_tables import EQUITY_BUCKETS
from fxpool.store.past import PastDatabase, put

_COLUMNS = [column for column in EQUITY_BUCKETS.columns if column.name != "account"]


class SqlEquity:
    """Keeps buckets of equity in a database; its tables are made at the first use.

    All calls raise HistoryDown where the database cannot be reached.
    """

    def __init__(self, url: SecretStr) -> None:
        """``url`` is an SQLAlchemy URL. Raises SettingsError."""
        self._past = PastDatabase(url)

    async def close(self) -> None:
        """Let go of the database."""
        await self._past.close()

    async def load(self, account: str, *, since_ms: int = 0) -> list[EquityBucket]:
        """Return the buckets of an account that begin at or after an instant, oldest first."""
        async with self._past.ready() as database:
            return await database.read(lambda connection: _load(connection, account, since_ms))

    async def save(self, buckets: Mapping[str, Sequence[EquityBucket]]) -> None:
        """Keep buckets by account, in place of earlier states of them; all or none."""

        def work(connection: Connection) -> None:
            for account, of_account in buckets.items():
                put(
                    connection,
                    EQUITY_BUCKETS,
                    ({"account": account} | asdict(b) for b in of_account),
                )

        async with self._past.ready() as database:
            await database.write(work)

    async def thin(self, account: str, now_ms: int) -> None:
        """Join what is old enough into longer buckets."""
        async with self._past.ready() as database:
            await database.write(lambda connection: _thin(connection, account, now_ms))


def _load(connection: Connection, account: str, since_ms: int) -> list[EquityBucket]:
    table = EQUITY_BUCKETS
    wanted = select(*_COLUMNS).where(table.c.account == account, table.c.begin_ms >= since_ms)
    rows = connection.execute(wanted.order_by(table.c.begin_ms)).mappings()
    return [EquityBucket(**row) for row in rows]


def _thin(connection: Connection, account: str, now_ms: int) -> None:
    table = EQUITY_BUCKETS
    for shorter_ms, (age_ms, longer_ms) in zip(_shorter(), THINNING, strict=True):
        before_ms = (now_ms - age_ms) // longer_ms * longer_ms
        old = (
            (table.c.account == account)
            & (table.c.length_ms == shorter_ms)
            & (table.c.begin_ms < before_ms)
        )
        rows = connection.execute(
            select(*_COLUMNS).where(old).order_by(table.c.begin_ms)
        ).mappings()
        joined = thinned([EquityBucket(**row) for row in rows], longer_ms)
        connection.execute(delete(table).where(old))
        put(connection, table, ({"account": account} | asdict(bucket) for bucket in joined))


def _shorter() -> Iterator[int]:
    """Yield the lengths that THINNING joins: those of the step before."""
    yield MINUTE_MS
    for (_, length_ms), _ in pairwise(THINNING):
        yield length_ms
