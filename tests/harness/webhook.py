"""A chat of the tests: an HTTP server that takes what alert services POST."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

PASSWORD = "planted-secret"


@dataclass
class Webhook:
    """An HTTP server that takes every message.

    Attributes:
        status: what it answers with.
        answers: while it is not set, nothing is answered.
    """

    port: int = 0
    status: int = 200
    received: list[dict[str, Any]] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"json://bot:{PASSWORD}@127.0.0.1:{self.port}/hook"

    def of(self, kind: str) -> list[str]:
        return [m["message"] for m in self.received if m["title"].endswith(kind)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        self.received.append(json.loads(await reader.readexactly(size)))
        await self.answers.wait()
        answer = f"HTTP/1.1 {self.status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(answer.encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def webhook() -> AsyncIterator[Webhook]:
    """Serve a webhook until the block ends."""
    hook = Webhook()
    hook.answers.set()
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    hook.port = server.sockets[0].getsockname()[1]
    async with server:
        try:
            yield hook
        finally:
            hook.answers.set()
