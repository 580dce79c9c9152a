"""The gateway of the fan-out bench: `python -m bench.fanout_gateway [raw | bare]`.

The product's HTTP server on a platform that has nothing but events. Prints its port; after a line
`EVENTS PER_SECOND PER_TURN` on standard input it publishes prices and prints the CPU seconds that
took. ``raw`` is the limit instead: prepared frames on bare transports of the same loop. ``bare`` is
the limit of an idle client's memory: uvicorn with an application that accepts and waits.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import cast

import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from fxpool.gateway import GatewayServer, create_app
from fxpool.platforms.base import Platform, Subscription
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import Event, EventFilter

SYMBOLS = tuple(f"SYM{number:03}" for number in range(20))
Publish = Callable[[int, int], None]


class Prices(Platform):
    """Publishes prices and has nothing else."""

    def __init__(self) -> None:
        self.hub = EventHub()

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> Subscription:
        return self.hub.subscribe(wanted or EventFilter())

    def publish(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            symbol = SYMBOLS[number % len(SYMBOLS)]
            body = {
                "type": "price",
                "accountId": "bench",
                "symbol": symbol,
                "bid": 1.08741,
                "ask": 1.08748,
                "ts": time.monotonic_ns(),
            }
            key = ("price", "bench", symbol)
            self.hub.publish(Event("price", "bench", body, symbol=symbol, level_key=key))


async def publish_all(publish: Publish, events: int, per_second: float, per_turn: int) -> float:
    """Publish at a rate, some in each turn of the loop; return the CPU seconds of this process."""
    loop = asyncio.get_running_loop()
    began, cpu = loop.time(), time.process_time()
    for first in range(0, events, per_turn):
        ahead = began + first / per_second - loop.time()
        await asyncio.sleep(max(0.0, ahead))
        publish(first, per_turn)
    await asyncio.sleep(0.2)  # what is still in the loop's queue belongs to it
    return time.process_time() - cpu


async def answer(publish: Publish) -> None:
    """Publish what standard input asks for until it ends."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        events, per_second, per_turn = map(int, line.split())
        cpu = await publish_all(publish, events, per_second, per_turn)
        print(json.dumps({"cpu": cpu}), flush=True)


async def serve() -> None:
    """Serve the product's streams."""
    prices = Prices()
    async with GatewayServer(create_app(prices), port=0) as server:
        print(server.port, flush=True)
        await answer(prices.publish)


class RawClient(asyncio.Protocol):
    """A client of the limit: whatever it says first is answered as a handshake is."""

    def __init__(self, clients: set[asyncio.WriteTransport]) -> None:
        self._clients = clients

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        self._clients.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.discard(self._transport)


async def serve_raw() -> None:
    """Serve the limit."""
    clients: set[asyncio.WriteTransport] = set()

    def publish(_first: int, count: int) -> None:
        text = b'{"type":"price","ts":%d}' % time.monotonic_ns()
        frame = b"\x81\x76" + text.ljust(118)
        for client in clients:
            client.write(frame * count)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: RawClient(clients), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await answer(publish)


async def accept_and_wait(_scope: Scope, receive: Receive, send: Send) -> None:
    """The least that an application of WebSockets does."""
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


async def serve_bare() -> None:
    """Serve WebSockets that nothing is ever sent on."""
    config = uvicorn.Config(
        accept_and_wait,  # type: ignore[arg-type]  # the same, in uvicorn's words
        port=0,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn tells nobody)
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving


SERVING: dict[str, Callable[[], Awaitable[None]]] = {
    "": serve,
    "raw": serve_raw,
    "bare": serve_bare,
}


def main() -> None:
    """Be one of the gateways."""
    serving = SERVING[sys.argv[1] if len(sys.argv) > 1 else ""]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving())  # type: ignore[arg-type]  # both are coroutine functions


if __name__ == "__main__":
    main()
