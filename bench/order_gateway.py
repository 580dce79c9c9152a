"""The gateway of the order bench: `python -m bench.order_gateway BROKER_PORT CA_FILE FOLDER [raw]`.

The product's own parts, assembled as ``fxpool serve`` does, with two changes: the pacing is off,
and two moments are stamped: a request's bytes were read from its socket, an order's frame was
written to the broker's. Prints its port; after a line on standard input it prints both moments of
each order since the last time, in nanoseconds of the machine's monotonic clock. ``raw`` is the
limit instead: a blocking loop without any framework that reads a request, forces a record to the
disk and sends a prepared frame; ``unaudited`` leaves out the audit log, which ``fxpool serve``
keeps.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from contextlib import AsyncExitStack
from functools import partial
from math import inf
from pathlib import Path

import uvloop
from pydantic import SecretStr
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bench import limit
from bench.peer import ACCOUNT_ID, SYMBOL_IDS
from fxpool.cli import logs, pauses
from fxpool.clock import SystemClock
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.audit.setup import audit_trail_from
from fxpool.openapi import FrameDecoder, encode, payload_type_of
from fxpool.openapi.proto import messages_pb2 as oa
from fxpool.openapi.proto import model_pb2 as model
from fxpool.openapi.proto.common_pb2 import ProtoMessage
from fxpool.platforms import ctrader
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import Environment, Pool, PoolLimits
from fxpool.session.link import Link
from fxpool.settings import Settings

UNPACED = PoolLimits(requests_per_second=inf, history_per_second=inf)
ORDER_TYPES = frozenset(
    {payload_type_of(oa.ProtoOANewOrderReq()), payload_type_of(oa.ProtoOAClosePositionReq())}
)
RECORD_BYTES = 4096


class Stamps:
    """When requests came in and frames went out. Right for one order at a time only."""

    def __init__(self) -> None:
        self.read_at = 0
        self.taken: list[tuple[int, int]] = []

    def install(self) -> None:
        """Stamp from now on, in this process."""
        receive, send = HttpToolsProtocol.data_received, Link.send

        def data_received(protocol: HttpToolsProtocol, data: bytes) -> None:
            self.read_at = time.perf_counter_ns()
            receive(protocol, data)

        def sent(link: Link, data: bytes) -> None:
            send(link, data)
            at = time.perf_counter_ns()
            frames = FrameDecoder().feed(data)
            if any(ProtoMessage.FromString(each).payloadType in ORDER_TYPES for each in frames):
                self.taken.append((self.read_at, at))

        setattr(HttpToolsProtocol, "data_received", data_received)  # noqa: B010 (mypy)
        setattr(Link, "send", sent)  # noqa: B010 (mypy)


async def serve(port: int, ca_file: str, folder: str, *, is_audited: bool) -> None:
    """Serve until standard input ends."""
    stamps = Stamps()
    stamps.install()
    setattr(ctrader, "Pool", partial(Pool, limits=UNPACED))  # noqa: B010 (mypy)
    settings = Settings(
        client_id="bench",
        client_secret=SecretStr("bench"),
        access_token=SecretStr("bench"),
        demo_host="localhost",
        demo_port=port,
        ca_file=Path(ca_file),
        data_dir=Path(folder),
        pool_api_key=SecretStr(""),
    )
    config = AccountConfig("bench", Environment.DEMO, ctid=ACCOUNT_ID)
    platform = ctrader.CTraderPlatform.from_settings(settings, accounts=[config])
    await platform.open()
    while (await platform.health())["status"] != "healthy":  # noqa: ASYNC110 (tells nobody)
        await asyncio.sleep(0.01)
    async with AsyncExitStack() as ending:
        trail = None
        if is_audited:
            trail = await ending.enter_async_context(
                audit_trail_from(settings, clock=SystemClock())
            )
        app = create_app(platform, trail=trail)
        server = await ending.enter_async_context(GatewayServer(app, port=0))
        pauses.shorten()
        print(server.port, flush=True)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(stamps.taken), flush=True)
            stamps.taken.clear()
    await platform.close()


class RawGateway:
    """What no gateway can beat: blocking reads and writes, one forced record per order."""

    def __init__(self, port: int, ca_file: str, folder: str) -> None:
        self._link = limit.connect(port, ca_file)
        self._file = os.open(Path(folder) / "raw", os.O_CREAT | os.O_WRONLY)
        # Written once in full, as a log that is used again is: only its bytes change afterwards.
        os.write(self._file, bytes(RECORD_BYTES * 64))
        os.fsync(self._file)
        self._records = 0
        order = oa.ProtoOANewOrderReq(
            ctidTraderAccountId=ACCOUNT_ID,
            symbolId=SYMBOL_IDS[0],
            orderType=model.MARKET,
            tradeSide=model.BUY,
            volume=1_000_000,
        )
        self._frame = encode(order, "1")
        self._taken: list[tuple[int, int]] = []

    def serve(self) -> None:
        """Serve one client until it leaves; then print what it took."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            print(listener.getsockname()[1], flush=True)
            client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := client.recv(1 << 16):
            at = time.perf_counter_ns()
            os.pwrite(self._file, data.ljust(RECORD_BYTES), RECORD_BYTES * (self._records % 64))
            os.fdatasync(self._file)
            self._records += 1
            self._link.sendall(self._frame)
            self._taken.append((at, time.perf_counter_ns()))
            self._link.recv(1 << 16)
            client.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"positionId":"21"} ')
        sys.stdin.readline()
        print(json.dumps(self._taken), flush=True)


def main() -> None:
    """Be one of the two gateways."""
    port, ca_file, folder, *kind = sys.argv[1:]
    if kind == ["raw"]:
        RawGateway(int(port), ca_file, folder).serve()
    else:
        logs.configure()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(int(port), ca_file, folder, is_audited=kind != ["unaudited"]))


if __name__ == "__main__":
    main()
