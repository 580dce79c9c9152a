"""Orders through the gateway: how late their frames are, at rest and in a flood, and how many.

Client, gateway and broker are processes of their own, as in reality, on however few cores there
are; their clocks are the machine's one monotonic clock. Two latencies are told:

* *in the gateway*: from when the request's bytes were read to when the frame was written: to when
  the write had returned or the broker had the frame, whichever came first (on few cores the system
  lets the broker run before the write returns),
* *to the broker*: from before the client's ``send`` to after the broker's ``recv``, which adds two
  sockets, two wake-ups of processes and, in a flood, what the loop was busy with.

Between both moments the order's ticket is forced to the disk, always. An order with a key waits for
a transaction of the database, where all gateways see the key; one without a key for the intent log.
"""

from __future__ import annotations

import json
import os
import random
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.order_broker import order_broker

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
"""Journals are kept here while they are measured: a folder for temporary files may be in memory."""

PAIRS = 300
"""Opens, each followed by its close, in one round."""

WARM_PAIRS = 30
BURST_SECONDS = 3.0

_POSITION = b'"positionId":"'


@dataclass(slots=True)
class Delays:
    """Nanoseconds, one for each order."""

    in_gateway: list[int] = field(default_factory=list)
    to_broker: list[int] = field(default_factory=list)


@contextmanager
def gateway(
    broker_port: int, ca_file: str, folder: str, *kind: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a gateway of ``bench.order_gateway``; its first line is its port."""
    command = [sys.executable, "-m", "bench.order_gateway", str(broker_port), ca_file, folder]
    with subprocess.Popen(  # noqa: S603 (our own module)
        [*command, *kind],
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


def delays(
    certificate: str, ca_file: str, *kind: str, quotes: int = 0, has_keys: bool = False
) -> Delays:
    """Send orders one at a time, with pauses of chance; return how late their frames were.

    With ``has_keys`` opens carry a key each, and only they count.
    """
    with (
        tempfile.TemporaryDirectory(dir=_on_disk()) as folder,
        order_broker(certificate, quotes) as (broker_port, broker),
        gateway(broker_port, ca_file, folder, *kind) as process,
    ):
        with socket.create_connection(("127.0.0.1", int(_line(process)))) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sent = _trade(client, has_keys=has_keys)
        broker.send("arrivals")
        arrived: list[int] = broker.recv()
        stamps: list[tuple[int, int]] = json.loads(_line(process, ask=True))
    if not len(sent) == len(arrived) == len(stamps):
        raise SystemExit(f"{len(sent)} orders, {len(arrived)} frames, {len(stamps)} stamps")
    counted = slice(2 * WARM_PAIRS, None, 2 if has_keys else 1)
    in_gateway = [
        min(written, there) - read for (read, written), there in zip(stamps, arrived, strict=True)
    ]
    to_broker = [there - here for here, there in zip(sent, arrived, strict=True)]
    return Delays(in_gateway[counted], to_broker[counted])


def _trade(client: socket.socket, *, has_keys: bool) -> list[int]:
    """Open and close, one at a time; return when each order was sent."""
    chance, sent = random.Random(1), []
    for number in range(WARM_PAIRS + PAIRS):
        position = b""
        opening = partial(_opening, key=b"%d" % number) if has_keys else _opening
        for request in (opening, _closing):
            data = request(position)
            sent.append(time.perf_counter_ns())
            client.sendall(data)
            position = _position_in(_answer(client))
            time.sleep(chance.uniform(0.0, 0.004))  # a caller of its own rhythm, no lockstep
    return sent


def throughput(certificate: str, ca_file: str, clients: int) -> float:
    """Return the orders a second that so many clients get executed, each one after the other."""
    with (
        tempfile.TemporaryDirectory(dir=_on_disk()) as folder,
        order_broker(certificate, 0) as (broker_port, _),
        gateway(broker_port, ca_file, folder) as process,
        selectors.DefaultSelector() as ready,
    ):
        port = int(_line(process))
        for _ in range(clients):
            client = socket.create_connection(("127.0.0.1", port))
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(_opening(b""))
            ready.register(client, selectors.EVENT_READ, _closing)
        began, done = time.perf_counter(), 0
        while time.perf_counter() < began + BURST_SECONDS:
            for key, _ in ready.select():
                link = key.fileobj
                assert isinstance(link, socket.socket)
                position = _position_in(_answer(link))
                link.sendall(key.data(position))
                ready.modify(link, selectors.EVENT_READ, _next(key.data))
                done += 1
        taken = time.perf_counter() - began
        for key in list(ready.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
    return done / taken


def forced_writes_us(count: int = 200) -> list[float]:
    """Return in how many microseconds this disk forces 4 KiB of a used file, each time."""
    with tempfile.TemporaryFile(dir=_on_disk(), buffering=0) as file:
        file.write(bytes(4096))
        os.fsync(file.fileno())
        taken = []
        for _ in range(count):
            began = time.perf_counter_ns()
            os.pwrite(file.fileno(), os.urandom(4096), 0)
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter_ns() - began) / 1000)
            time.sleep(0.001)  # single writes, as orders one after another have
    return taken


def percentile_ms(delays_ns: Sequence[int], share: float) -> float:
    """Return the milliseconds that a share of the delays does not exceed."""
    return sorted(delays_ns)[int(len(delays_ns) * share)] / 1e6


def _on_disk() -> Path:
    RESULTS.mkdir(parents=True, exist_ok=True)
    return RESULTS


def _next(request: object) -> object:
    return _opening if request is _closing else _closing


def _opening(_position: bytes, key: bytes = b"") -> bytes:
    keyed = b',"idempotencyKey":"%s"' % key if key else b""
    return _post(
        "/trade/execute",
        b'{"accountId":"bench","symbol":"SYMBOL1","action":"BUY","volume":0.1%s}' % keyed,
    )


def _closing(position: bytes) -> bytes:
    return _post("/position/close", b'{"accountId":"bench","positionId":"%s"}' % position)


def _post(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _answer(link: socket.socket) -> bytes:
    """Return an answer: head and body may come apart."""
    data = b""
    while not data.rstrip().endswith(b"}"):
        more = link.recv(1 << 16)
        if not more:
            raise SystemExit("the gateway of the order bench closed a connection")
        data += more
    return data


def _position_in(answer: bytes) -> bytes:
    _, found, rest = answer.partition(_POSITION)
    if not found:
        raise SystemExit(f"an order failed: {answer.decode()}")
    return rest[: rest.index(b'"')]


def _line(process: subprocess.Popen[str], *, ask: bool = False) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    if ask:
        process.stdin.write("\n")
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise SystemExit("the gateway of the order bench ended")
    return line
