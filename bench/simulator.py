"""Spot events that the simulator serves per CPU second, beside a raw sender of prepared bytes.

`python -m bench.simulator [EVENTS]`. The reader is a process of its own, the same for both kinds;
only the sender's CPU is counted. The simulator takes a quote of one account's subscription, runs
its engine on it, encodes the event and sends it; the raw sender writes bytes that were made before.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
import time
from pathlib import Path
from struct import Struct
from tempfile import TemporaryDirectory

from bench.peer import spot_frames
from fxpool.clock import SystemClock
from fxpool.openapi import encode
from fxpool.openapi.proto import messages_pb2 as oa
from fxpool.simulator import Simulator, SimulatorOptions
from fxpool.simulator.certificates import certificates_in
from fxpool.simulator.link import milliseconds

EVENTS = 200_000
BURST = 500

_SIZE = Struct("!I")
_SPOT = b"\x08\xd3\x10\x12"


async def served_per_cpu_second(events: int) -> float:
    """Return how many events a CPU second of the simulator serves to one subscriber."""
    async with Simulator(SimulatorOptions(ticks_per_second=0)) as simulator:
        venue, at_ms = simulator.venue, milliseconds(SystemClock())
        symbols = [one for one in venue.engine.symbols.values() if one.is_open(at_ms)]
        if not symbols:
            raise RuntimeError("every market is closed now: there is nothing to serve")
        names = [symbol.symbol_id for symbol in symbols]
        reader = await _reader(simulator.port, simulator.ca_file, events, simulator, names)
        # Nothing tells when a client has subscribed.
        while not all(venue.spots.has_subscribers(one) for one in names):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        began = time.process_time()
        for number in range(events):
            symbol_id = names[number % len(names)]
            quote = venue.engine.rates.get(symbol_id)
            assert quote is not None
            step = 1 if (number // len(names)) % 2 else -1
            venue.tick(symbol_id, quote.bid + step, quote.ask + step, at_ms)
            if number % BURST == 0:
                await asyncio.sleep(0.002)
        await reader.wait()
        return events / (time.process_time() - began)


async def prepared_per_cpu_second(events: int) -> float:
    """Return how many prepared events a CPU second of a bare TLS socket sends."""
    frames = spot_frames(1000)
    burst = b"".join(frames[:BURST])
    with TemporaryDirectory() as folder:
        certificates = certificates_in(Path(folder), SystemClock().at())
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            reader = await _reader(port, certificates.ca_file, events, None, [])
            link, _ = listener.accept()
            with certificates.server_context().wrap_socket(link, server_side=True) as secure:
                began = time.process_time()
                for _ in range(-(-events // BURST)):
                    secure.sendall(burst)
                took = time.process_time() - began
                await reader.wait()
    return events / took


def read(port: int, ca_file: str, events: int, greeting: bytes) -> None:
    """Connect, say ``greeting``, and read until so many spot events came."""
    context = ssl.create_default_context(cafile=ca_file)
    raw = socket.create_connection(("127.0.0.1", port))
    with context.wrap_socket(raw, server_hostname="localhost") as link:
        if greeting:
            link.sendall(greeting)
        rest, seen = b"", 0
        while seen < events and (data := link.recv(1 << 18)):
            data = rest + data
            start = 0
            while len(data) - start >= 4:
                end = start + 4 + _SIZE.unpack_from(data, start)[0]
                if end > len(data):
                    break
                seen += data.startswith(_SPOT, start + 4)
                start = end
            rest = data[start:]


async def _reader(
    port: int, ca_file: Path, events: int, simulator: Simulator | None, symbol_ids: list[int]
) -> asyncio.subprocess.Process:
    greeting = b"" if simulator is None else _greeting(simulator, symbol_ids)
    arguments = json.dumps([port, str(ca_file), events, greeting.hex()])
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.simulator", "read", arguments
    )


def _greeting(simulator: Simulator, symbol_ids: list[int]) -> bytes:
    known, account_id = simulator.credentials, simulator.options.accounts[0].account_id
    requests = (
        oa.ProtoOAApplicationAuthReq(clientId=known.client_id, clientSecret=known.client_secret),
        oa.ProtoOAAccountAuthReq(
            ctidTraderAccountId=account_id, accessToken=simulator.grant.access_token
        ),
        oa.ProtoOASubscribeSpotsReq(ctidTraderAccountId=account_id, symbolId=symbol_ids),
    )
    return b"".join(encode(request, "bench") for request in requests)


async def measure(events: int = EVENTS) -> dict[str, float]:
    """Return both rates and their ratio."""
    served = await served_per_cpu_second(events)
    prepared = await prepared_per_cpu_second(events)
    return {"served": served, "prepared": prepared, "ratio": served / prepared}


def main() -> None:
    """Print one line of JSON, or be the reader."""
    if sys.argv[1:2] == ["read"]:
        port, ca_file, events, greeting = json.loads(sys.argv[2])
        read(port, ca_file, events, bytes.fromhex(greeting))
        return
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]) if sys.argv[1:] else EVENTS))))


if __name__ == "__main__":
    main()
