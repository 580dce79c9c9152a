"""The byte stream to the broker: TLS over TCP, with one time limit for the whole connecting.

It knows no message. What arrives goes to its owner in the socket's own turn of the loop.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol, cast

from fxpool.errors import ConnectFailed, LinkError, LinkLost, SettingsError
from fxpool.tls import client_context

CONNECT_SECONDS: Final = 30.0
"""Name lookup, TCP and TLS together: servers under maintenance accept TCP and never shake hands."""

_FORGET_UNSENT: Final = struct.pack("ii", 1, 0)
"""SO_LINGER, on and without a wait. By default the system goes on delivering what a closed socket
was given, for minutes while a network is away: an order would reach the broker after its outcome
was looked up and it was called absent."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker's Protobuf port is, and how to know that it is the right one.

    Attributes:
        ca_file: a PEM file of authorities to trust besides those of the system.
        server_name: the name in the server's certificate, where it is not ``host``.
        tls: False is for measuring on the loopback and refused anywhere else.
    """

    host: str
    port: int
    ca_file: Path | None = None
    server_name: str | None = None
    tls: bool = True

    def __post_init__(self) -> None:
        if not self.tls and not _is_loopback(self.host):
            raise SettingsError(
                f"the link to {self.host} must use TLS; only a loopback may do without"
            )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class LinkOwner(Protocol):
    """Who is told what happens on a link. None of these may block."""

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        ...

    def writable_again(self) -> None:
        """The link takes bytes again, after ``Link.is_writable`` was False."""
        ...

    def link_ended(self, error: LinkError) -> None:
        """The stream is over; told once, whoever ended it."""
        ...


class Link(asyncio.Protocol):
    """An open stream."""

    def __init__(self) -> None:
        self._owner: LinkOwner | None = None
        self._early: list[bytes] = []
        self._transport: asyncio.Transport
        self._failure: Exception | None = None
        self._is_open = True
        self.is_writable = True

    def attach(self, owner: LinkOwner) -> None:
        """Tell ``owner`` from now on, first of all what happened before."""
        self._owner = owner
        if self._early:
            owner.data_received(b"".join(self._early))
            self._early.clear()
        if not self._is_open:
            owner.link_ended(_lost(self._failure))

    def send(self, data: bytes) -> None:
        """Write now what the socket takes, keep the rest; see ``is_writable``."""
        self._transport.write(data)

    def abort(self) -> None:
        """End the stream at once; what the peer has not received it never gets."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A TCP or TLS transport, of whichever loop: uvloop's do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _FORGET_UNSENT
        )

    def data_received(self, data: bytes) -> None:
        if self._owner is None:
            self._early.append(data)
        else:
            self._owner.data_received(data)

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        if self._owner is not None:
            self._owner.writable_again()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_open = False
        self._failure = exc
        if self._owner is not None:
            self._owner.link_ended(_lost(exc))


class Dialler:
    """Opens links to one endpoint, which share their TLS settings and so their memory."""

    def __init__(self, endpoint: Endpoint, *, seconds: float = CONNECT_SECONDS) -> None:
        self._endpoint = endpoint
        self._seconds = seconds
        self._tls = tls_context(endpoint) if endpoint.tls else None

    async def open(self) -> Link:
        """Return an open link. Raises ConnectFailed."""
        endpoint = self._endpoint
        name = (endpoint.server_name or endpoint.host) if self._tls else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                _, link = await loop.create_connection(
                    Link, endpoint.host, endpoint.port, ssl=self._tls, server_hostname=name
                )
        except TimeoutError as exc:
            raise ConnectFailed(f"no link to {endpoint} within {self._seconds:g} s") from exc
        except OSError as exc:  # ssl.SSLError is one of them
            raise ConnectFailed(f"no link to {endpoint}: {exc}") from exc
        return link


def tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    """Return the settings; CTRADER_CA_FILE comes beside the machine's authorities, since one
    environment may be a simulator and the other the real broker."""
    context = client_context()
    if endpoint.ca_file is not None:
        try:
            context.load_verify_locations(endpoint.ca_file)
        except OSError as exc:
            raise SettingsError(f"the CA file {endpoint.ca_file} cannot be used: {exc}") from exc
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _lost(exc: Exception | None) -> LinkLost:
    lost = LinkLost("the broker closed the link" if exc is None else f"the link broke: {exc}")
    lost.__cause__ = exc
    return lost
