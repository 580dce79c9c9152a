"""What a stream needs of a client's link: to be written to now, and waited for when it is full.

ASGI offers neither, since each of its messages goes through the server's own coroutines. Our server
offers its links in the scope. A WebSocket's link also takes over from the call that opened it: a
stream may last for days, and all that stood in front of the route need not stay for it. Knows no
events.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from starlette.types import Receive, Send

EVENT_LINK: Final = "fxpool.link"
"""The scope's extension that holds an ``EventLink`` as ``link``."""


class ClientGone(Exception):
    """The client closed its end; there is nobody left to tell."""


class EventLink(Protocol):
    """A client's link. Bytes go out as they are: whole frames, or whole chunks of an answer.

    Attributes:
        write: writes now; only while ``can_write``.
    """

    write: Callable[[bytes], None]

    @property
    def can_write(self) -> bool:
        """Whether the client is there and its buffer has room."""
        ...

    async def drain(self) -> None:
        """Wait until the buffer has room. Raises ClientGone."""
        ...


class SocketLink(EventLink, Protocol):
    """A WebSocket's link.

    Attributes:
        afterwards: what is done with it once the call that opened it has returned.
    """

    afterwards: Callable[[], Awaitable[None]] | None

    @property
    def receive(self) -> Receive:
        """The server's own, with nothing in between."""
        ...

    @property
    def send(self) -> Send:
        """The server's own, with nothing in between."""
        ...


def event_link(scope: Mapping[str, Any]) -> EventLink:
    """Return the link of a request's client. Raises RuntimeError if the server offers none."""
    link: EventLink = _offered(scope)
    return link


def socket_link(scope: Mapping[str, Any]) -> SocketLink:
    """Return the link of a WebSocket's client. Raises RuntimeError if the server offers none."""
    link: SocketLink = _offered(scope)
    return link


def _offered(scope: Mapping[str, Any]) -> Any:
    offered = scope.get("extensions", {}).get(EVENT_LINK)
    if offered is None:
        raise RuntimeError("event streams need our own server: fxpool.gateway.GatewayServer")
    return offered["link"]
