"""A subscriber that wants to miss nothing: it keeps its place, leaves and comes back, and goes on
where it left off, over the lives of its gateway.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from checker.history import ResumedStream, Told

PATIENT: dict[str, Any] = {
    "open_timeout": None,
    "ping_interval": None,
    "max_size": None,
    "max_queue": None,
    "proxy": None,
}
"""How to connect so that only the gateway ends a stream, however busy the machine is."""

_PAUSE = 0.05


class Subscriber:
    """Listens to one gateway, whose address changes with its lives.

    Attributes:
        streams: what it was told, by account.
    """

    def __init__(self, gateway: str, accounts: Sequence[str]) -> None:
        self.streams = {account: ResumedStream(gateway, account) for account in accounts}
        self._places: dict[str, str] = {}
        self._is_here = asyncio.Event()
        self._is_here.set()
        self._link: ClientConnection | None = None

    @property
    def hears_all(self) -> bool:
        """Whether every account's stream has begun."""
        return all(stream.told for stream in self.streams.values())

    async def listen(self, url: str, started_ms: int) -> None:
        """Listen to one life of the gateway until cancelled."""
        for stream in self.streams.values():
            stream.starts_ms.append(started_ms)
        while True:
            await self._is_here.wait()
            with suppress(ConnectionClosed, InvalidHandshake, OSError):
                await self._hear(url.replace("http://", "ws://") + "/ws?" + self._query())
            await asyncio.sleep(_PAUSE)

    async def leave(self, seconds: float) -> None:
        """Be away for a while."""
        self._is_here.clear()
        try:
            if self._link is not None:
                await self._link.close()
            await asyncio.sleep(seconds)
        finally:
            self._is_here.set()

    def _query(self) -> str:
        if len(self._places) < len(self.streams):
            self._places.clear()
            return "batch=true"
        return "batch=true&positions=" + ",".join(self._places.values())

    async def _hear(self, address: str) -> None:
        async with connect(address, **PATIENT) as link:
            self._link = link
            async for message in link:
                told = json.loads(message)
                for event in told if isinstance(told, list) else [told]:
                    self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        stream = self.streams.get(event.get("accountId", ""))
        if stream is None or not ("seq" in event or event["type"] == "gap"):
            return
        deal = event["deal"]["id"] if event["type"] == "dealAdded" else ""
        epoch, seq = event.get("epoch", ""), event.get("seq", 0)
        stream.told.append(Told(event["type"], epoch, seq, event["ts"], deal))
        if "seq" in event:
            self._places[stream.account] = f"{stream.account}:{epoch}:{seq}"
