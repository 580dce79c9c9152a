"""What a service manager is told: ready, reloading, still alive. Nothing where there is none.

Source: sd_notify(3). The socket's address comes in the environment.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, Self

_MICROSECONDS: Final = 1_000_000


class ServiceManager:
    """The manager that started this process; without one every call does nothing."""

    def __init__(self, address: str = "", watchdog_seconds: float = 0.0) -> None:
        """``address`` is the path of its socket; one that begins with @ is abstract.

        ``watchdog_seconds`` is after how long without a word it ends us; 0 for never.
        """
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog_seconds = watchdog_seconds

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return the manager that the environment names."""
        is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        micros = int(environment.get("WATCHDOG_USEC", "0")) if is_ours else 0
        return cls(environment.get("NOTIFY_SOCKET", ""), micros / _MICROSECONDS)

    def is_ready(self) -> None:
        """Say that calls are served, from the start or after a reload."""
        self._tell("READY=1")

    def is_reloading(self) -> None:
        """Say that the configuration is being read again."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Show life while the block lasts: that this loop still turns."""
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self._beat(), name="watchdog")
            try:
                yield
            finally:
                beating.cancel()

    async def _beat(self) -> None:
        while self._watchdog_seconds:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_seconds / 3)

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
            told.connect(self._address)
            told.sendall(words.encode())
