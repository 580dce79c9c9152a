"""MetaApi platforms on test servers."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr

from fxpool.clock import SystemClock
from fxpool.platforms.halts import Halts
from fxpool.platforms.metaapi.platform import MetaApiPlatform
from fxpool.platforms.metaapi.rest import Hosts, RestWay
from fxpool.platforms.metaapi.served import Polling
from fxpool.platforms.metaapi.way import Way
from fxpool.platforms.routing import OtherAccountConfig
from fxpool.store import Journal
from harness.metaapi_server import TOKEN

ALPHA = OtherAccountConfig("alpha", login="12345", region="london", name="Alpha demo")
BETA = OtherAccountConfig("beta", login="12346", region="london")
FAST = Polling(poll_seconds=0.1, price_seconds=0.1, settle_seconds=0.3, confirm_seconds=0.1)


def rest_way(url: str, *, token: str = TOKEN, **timing: Any) -> RestWay:
    """Return the REST way to a test server; its credits do not run out."""
    return RestWay(
        SecretStr(token),
        hosts=Hosts.at(url),
        regions={"alpha": "london", "beta": "london"},
        credits_per_second=timing.pop("credits_per_second", 1e6),
        clock=SystemClock(),
        **timing,
    )


@asynccontextmanager
async def open_metaapi(
    way: Way,
    accounts: Sequence[OtherAccountConfig] = (ALPHA, BETA),
    *,
    pace: Polling = FAST,
    folder: Path | None = None,
) -> AsyncIterator[MetaApiPlatform]:
    """Run a platform until the block ends; its journal is in ``folder`` or forgotten."""
    with TemporaryDirectory(prefix="fxpool-metaapi-") as temporary:
        clock = SystemClock()
        path = (folder or Path(temporary)) / "journal.sqlite3"
        platform = MetaApiPlatform(
            accounts,
            way,
            journal=Journal(SecretStr(f"sqlite:///{path}"), clock=clock),
            halts=Halts(),
            clock=clock,
            new_id=lambda: uuid.uuid4().hex,
            pace=pace,
        )
        await platform.open()
        try:
            yield platform
        finally:
            await platform.close()
