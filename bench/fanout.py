"""Events to WebSocket clients: CPU of the gateway per delivered event, beside prepared frames; how
late they arrive, and what an idle client costs in memory.

The gateway is a process of its own. The clients are one other: it reads bytes and counts messages,
so that what is measured is the writing side.
"""

from __future__ import annotations

import json
import resource
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
WARM_CLIENTS = 50

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
    rate = min(MOST_PER_SECOND * fanout.per_turn, DELIVERIES_PER_SECOND // fanout.clients)
    with _gateway(*kind) as process, _connected(process, fanout) as clients:
        cpu, events = _publish(process, clients, fanout, rate)
        return cpu * 1e6 / (events * fanout.clients)


def delays_ms(fanout: Fanout, *kind: str, per_second: int) -> list[float]:
    """Return how late events were read, in order; of those read at once the oldest counts."""
    delays_ns: list[int] = []
    with _gateway(*kind) as process, _connected(process, fanout) as clients:
        _publish(process, clients, fanout, per_second // fanout.clients, delays_ns)
    return sorted(delay / 1e6 for delay in delays_ns)


def idle_kib(clients: int, *kind: str) -> float:
    """Return the memory of a gateway that one more idle client takes, in KiB.

    ``clients`` and WARM_CLIENTS are together at most the streams that one address may have.
    """
    with _gateway(*kind) as process, ExitStack() as stack:
        port = _port_of(process)
        for _ in range(WARM_CLIENTS):
            _connect(stack, port)
        before = _resident_kib(process.pid)
        for _ in range(clients):
            _connect(stack, port)
        return (_resident_kib(process.pid) - before) / clients


def _resident_kib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024


def _port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def _connect(stack: ExitStack, port: int, batch: str = "") -> socket.socket:
    client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
    client.sendall(_HANDSHAKE.format(port=port, batch=batch).encode())
    assert client.recv(1 << 16).startswith(b"HTTP/1.1 101")
    client.setblocking(False)
    return client


@contextmanager
def _connected(process: subprocess.Popen[str], fanout: Fanout) -> Iterator[selectors.BaseSelector]:
    """Yield all clients, connected, to be read."""
    batch = "&batch=true" if fanout.per_turn > 1 else ""
    port = _port_of(process)
    with ExitStack() as stack, selectors.DefaultSelector() as readers:
        for _ in range(fanout.clients):
            readers.register(_connect(stack, port, batch), selectors.EVENT_READ)
        yield readers


def _publish(
    process: subprocess.Popen[str],
    readers: selectors.BaseSelector,
    fanout: Fanout,
    rate: int,
    delays_ns: list[int] | None = None,
) -> tuple[float, int]:
    """Have events published; return the gateway's CPU seconds, and how many events it were."""
    assert process.stdin is not None
    assert process.stdout is not None
    rate = max(rate, fanout.per_turn)
    events = max(fanout.per_turn, int(rate * SECONDS) // fanout.per_turn * fanout.per_turn)
    process.stdin.write(f"{events} {rate} {fanout.per_turn}\n")
    process.stdin.flush()
    readers.register(process.stdout, selectors.EVENT_READ)
    delivered = _count(readers, process, delays_ns)
    if delivered != events * fanout.clients:
        raise SystemExit(f"{delivered} of {events * fanout.clients} events were delivered")
    cpu: float = json.loads(process.stdout.readline())["cpu"]
    return cpu, events


def _count(
    readers: selectors.BaseSelector,
    process: subprocess.Popen[str],
    delays_ns: list[int] | None,
) -> int:
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
            if delays_ns is not None:
                delays_ns.append(time.monotonic_ns() - _stamp_in(buffer))
    assert is_done
    return count


def _stamp_in(buffer: bytearray) -> int:
    """Return when the first event in it was published, by the clock that processes share."""
    began = buffer.find(b'"ts":') + len(b'"ts":')
    return int(buffer[began : buffer.find(b"}", began)])
