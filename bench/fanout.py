"""Events to WebSocket clients: CPU of the gateway per delivered event, beside prepared frames.

The gateway is a process of its own. The clients are one other: it reads bytes and counts messages,
so that what is measured is the writing side.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DELIVERIES_PER_SECOND = 30_000
SECONDS = 2.0
MOST_PER_SECOND = 4_000

_HANDSHAKE = (
    "GET /ws?types=price{batch} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Fanout:
    """How one measurement goes: so many clients, so many events in one turn of the loop."""

    clients: int
    per_turn: int = 1


@contextmanager
def _gateway(*kind: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603 (our own module)
        [sys.executable, "-m", "bench.fanout_gateway", *kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def microseconds(fanout: Fanout, *kind: str) -> float:
    """Return the gateway's CPU microseconds per event that a client was sent."""
    with _gateway(*kind) as process, ExitStack() as open_sockets:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())
        batch = "&batch=true" if fanout.per_turn > 1 else ""
        asked = _HANDSHAKE.format(port=port, batch=batch).encode()
        readers = selectors.DefaultSelector()
        for _ in range(fanout.clients):
            client = open_sockets.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(asked)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 101")
            client.setblocking(False)
            readers.register(client, selectors.EVENT_READ)
        rate = min(MOST_PER_SECOND * fanout.per_turn, DELIVERIES_PER_SECOND // fanout.clients)
        rate = max(rate, fanout.per_turn)
        events = max(fanout.per_turn, int(rate * SECONDS) // fanout.per_turn * fanout.per_turn)
        process.stdin.write(f"{events} {rate} {fanout.per_turn}\n")
        process.stdin.flush()
        readers.register(process.stdout, selectors.EVENT_READ)
        delivered = _count(readers, process)
        if kind != ("raw",) and delivered != events * fanout.clients:
            raise SystemExit(f"{delivered} of {events * fanout.clients} events were delivered")
        cpu: float = json.loads(process.stdout.readline())["cpu"]
        return cpu * 1e6 / (events * fanout.clients)


def _count(readers: selectors.BaseSelector, process: subprocess.Popen[str]) -> int:
    """Read everything until the gateway says that it is done; return how many events came."""
    count, buffer, is_done = 0, bytearray(1 << 18), False
    view = memoryview(buffer)
    quiet_after = time.monotonic() + 3600
    while time.monotonic() < quiet_after:
        for key, _ in readers.select(0.1):
            if key.fileobj is process.stdout:
                readers.unregister(key.fileobj)
                is_done, quiet_after = True, time.monotonic() + 0.3
                continue
            assert isinstance(key.fileobj, socket.socket)
            got = key.fileobj.recv_into(view)
            count += buffer.count(b'"price"', 0, got)
    assert is_done
    return count
