"""What takes long over a long past, computed in a thread, so that no quote waits for it."""

from __future__ import annotations

import asyncio

from fxpool.history.record import AccountRecord
from fxpool.history.statistics import Ratios, ratios_of


async def ratios_beside(record: AccountRecord) -> Ratios:
    """Return the ratios over all trades; they may be without what was taken meanwhile."""
    if record.known_ratios is not None:
        return record.known_ratios
    parts = len(record.parts)
    ratios = await asyncio.to_thread(ratios_of, record.trades)
    record.keep_ratios(ratios, parts)
    return ratios
