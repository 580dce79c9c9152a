"""The links of all callers of a gateway: how many there may be, and which have had their time.

A link that is one too many is told so and closed. Deadlines are looked at by one task, so that a
request costs a number and no timer. Knows no protocol and nothing of what is asked for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from fxpool.gateway.limits import GatewayLimits
from fxpool.gateway.safe_headers import SAFE_HEADERS

LOOK_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 5
HEAD_TOO_LONG: Final = 431
"""The status of a request whose head is too long: the only refusal that is no use to try again."""


class Refusal:
    """What a link is told that may not go on; an ASGI application that says it to every request."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status = status
        self._body = msgspec.json.encode(
            {"detail": detail, "error": detail, "code": code, "retryable": status != HEAD_TOO_LONG}
        )
        self._headers = {
            "content-type": "application/json",
            "connection": "close",
            **{name.decode(): value.decode() for name, value in SAFE_HEADERS},
        }
        if status in {429, 503}:
            self._headers["retry-after"] = str(_RETRY_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response(self._body, self.status, self._headers)(scope, receive, send)

    def encoded(self) -> bytes:
        """Return the whole answer, for a request that never became one."""
        headers = self._headers | {"content-length": str(len(self._body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return STATUS_LINE[self.status] + lines.encode() + b"\r\n" + self._body


class _Link(Protocol):
    due: float

    def cut(self) -> None: ...


class CallerLinks:
    """All links of one gateway."""

    def __init__(
        self, limits: GatewayLimits, *, open_files: int, is_proxy: Callable[[str], bool]
    ) -> None:
        """``open_files`` is how many the process may have: a quarter stays for brokers, database
        and secrets. ``is_proxy`` says of an address that many callers come from it."""
        self.limits = limits
        self.most = min(limits.max_links, open_files * 3 // 4)
        self._is_proxy = is_proxy
        self._by_address: Counter[str] = Counter()
        self._watched: set[_Link] = set()

    def opened(self, address: str) -> Refusal | None:
        """Count a link; return what to tell one that is too many."""
        self._by_address[address] += 1
        count, own = self._by_address.total(), self._by_address[address]
        if count > self.most:
            text = f"network: {self.most} connections are open, which is the limit"
            return Refusal(503, "TOO_MANY_CONNECTIONS", text)
        most = self.limits.max_links_per_address
        if own > most and not self._is_proxy(address):
            text = f"network: {most} connections of {address} are open, which is its limit"
            return Refusal(429, "TOO_MANY_CONNECTIONS", text)
        return None

    @property
    def has_no_room(self) -> bool:
        """Whether there are so many that a new one cannot even be told."""
        return self._by_address.total() > self.most + self.most // 8

    def closed(self, address: str) -> None:
        """Forget a link."""
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]

    def watch(self, link: _Link) -> None:
        self._watched.add(link)

    def unwatch(self, link: _Link) -> None:
        self._watched.discard(link)

    async def keep(self) -> None:
        """Cut links whose time is over; never returns."""
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for link in [each for each in self._watched if each.due <= now()]:
                link.cut()


class LinkConfig(uvicorn.Config):
    """uvicorn's settings, with the links that our protocols count and bound.

    Attributes:
        links: the gateway's.
    """

    def __init__(self, app: Any, links: CallerLinks, **options: Any) -> None:
        super().__init__(app, **options)
        self.links = links


def address_of(client: tuple[str, int] | None) -> str:
    """Return the address that a link is counted by; empty where the system tells none."""
    return client[0] if client else ""
