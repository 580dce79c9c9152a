"""Waiting for a condition instead of for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def wait_until(condition: Callable[[], object], *, within: float = 20.0) -> None:
    """Return as soon as ``condition()`` is true; fail the test after ``within`` seconds,
    which are many because machines are shared: a condition that comes true ends the wait."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not condition():
        assert loop.time() < deadline, f"not true within {within} s"
        await asyncio.sleep(0.002)
