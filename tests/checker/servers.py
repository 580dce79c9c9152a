"""The real servers of one run, which its troubles stop and start; the data stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from checker.plan import Plan
from harness.postgres import Postgres
from harness.redis import PASSWORD, RedisServer, running_redis


class Stoppable(Protocol):
    """A server of a test. Both calls wait."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Servers:
    """What a run's gateways keep things in.

    Attributes:
        data: the folder of their files.
    """

    data: Path
    redis: RedisServer | None = None
    postgres: Postgres | None = None

    @property
    def journal_file(self) -> Path:
        """The SQLite file of the journal, where there is no PostgreSQL."""
        return self.data / "fxpool.sqlite3"

    @property
    def settings(self) -> dict[str, Any]:
        """Return the product's settings that lead there."""
        found: dict[str, Any] = {"data_dir": self.data}
        if self.redis is not None:
            found["redis_url"] = SecretStr(f"redis://:{PASSWORD}@127.0.0.1:{self.redis.port}/0")
        if self.postgres is not None:
            found["database_url"] = self.postgres.url
        return found


@asynccontextmanager
async def servers_of(plan: Plan, folder: Path) -> AsyncIterator[Servers]:
    """Run what a plan asks for; skip the test where a binary is missing."""
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(running_redis()) if plan.has_redis else None
        postgres = await asyncio.to_thread(_postgres) if plan.has_postgres else None
        if postgres is not None:
            stack.push_async_callback(asyncio.to_thread, postgres.remove)
        yield Servers(folder / "data", redis, postgres)


def _postgres() -> Postgres:
    server = Postgres()
    server.start()
    return server
