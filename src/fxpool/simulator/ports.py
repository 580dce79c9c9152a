"""The broker's TLS ports: opened, closed, and closed in the ways in which maintenance looks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, cast

from fxpool.simulator.link import Link


class Door(NamedTuple):
    """One kind of port: of which environment, and what is spoken."""

    is_live: bool
    is_json: bool


class Ports:
    """All the TLS ports of one host. A port that was any free one stays the same afterwards.

    Calls that overlap take turns, and the last one decides.

    Attributes:
        links: every open link, those that are half open too.
    """

    def __init__(
        self,
        host: str,
        wanted: Mapping[Door, int | None],
        new_link: Callable[[Door, set[Link]], Link],
    ) -> None:
        self.links: set[Link] = set()
        self._host = host
        self._numbers = {door: port for door, port in wanted.items() if port is not None}
        self._new_link = new_link
        self._servers: list[asyncio.Server] = []
        self._waiting: set[_Mute] = set()
        self._turn = asyncio.Lock()

    def number(self, door: Door) -> int | None:
        """Return a port's number, None where it is not served."""
        return self._numbers.get(door)

    async def open(self, context: ssl.SSLContext) -> None:
        """Open all ports. Raises OSError for a port that is taken."""
        async with self._turn:
            self._close()
            for door in self._numbers:
                await self._open_one(
                    door,
                    partial(self._new_link, door, self.links),
                    ssl=context,
                    ssl_handshake_timeout=10.0,
                    ssl_shutdown_timeout=1.0,
                )

    async def open_mute(self) -> None:
        """Open all ports so that TCP connects and nothing ever answers, not even TLS (SW-59)."""
        async with self._turn:
            self._close()
            for door in self._numbers:
                await self._open_one(door, partial(_Mute, self._waiting))

    async def close(self) -> None:
        """Close all ports; open links stay, those that still wait for TLS do not."""
        async with self._turn:
            self._close()

    def cut_all(self) -> None:
        """Cut what is left of all links."""
        for link in list(self.links):
            link.cut()

    def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        for mute in list(self._waiting):
            mute.cut()

    async def _open_one(
        self, door: Door, protocol: Callable[[], asyncio.Protocol], **options: object
    ) -> None:
        loop = asyncio.get_running_loop()
        create = cast("Callable[..., asyncio.Future[asyncio.Server]]", loop.create_server)
        server = await create(protocol, self._host, self._numbers[door], **options)
        self._servers.append(server)
        self._numbers[door] = server.sockets[0].getsockname()[1]


class _Mute(asyncio.Protocol):
    """A connection that nobody answers."""

    def __init__(self, waiting: set[_Mute]) -> None:
        self._waiting = waiting
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._waiting.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.discard(self)

    def cut(self) -> None:
        if self._transport is not None:
            cast("asyncio.Transport", self._transport).abort()
