"""One measurement in a process of its own: `python -m bench.measure KIND PORT CA_FILE AMOUNT ...`.

Prints one JSON object. The parent (bench.__main__) alternates kinds and compares.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import resource
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf
from pathlib import Path

import uvloop
from google.protobuf.message import Message

from bench import limit
from bench.peer import ACCOUNT_ID, SYMBOL_IDS
from fxpool.account import Account
from fxpool.account.driver import AccountState
from fxpool.account.events import BookEvent
from fxpool.account.phase import Phase, Trigger
from fxpool.clock import SystemClock
from fxpool.errors import FxPoolError
from fxpool.openapi import SPOT_PREFIX, FrameDecoder, encode, parse_spot
from fxpool.openapi.proto import messages_pb2 as oa
from fxpool.pool import ApplicationCredentials, Endpoint, Environment, Pool, PoolLimits, Seat

UNPACED = PoolLimits(requests_per_second=inf, history_per_second=inf)


class Observer:
    """Counts quotes as a caller's callback would; tells when a tenth, and when all have come."""

    def __init__(self, events: int, stamp: Callable[[int], None] | None = None) -> None:
        self.left = events
        self.warm_at = events - events // 10
        self.warm = asyncio.Event()
        self.done = asyncio.Event()
        self.live = asyncio.Event()
        self.began = 0.0
        self._stamp = stamp
        self.account: Account | None = None

    def quoted(self, symbol_id: int) -> None:
        if self._stamp is not None and self.account is not None:
            self._stamp(self.account.book.quotes[symbol_id].timestamp_ms or 0)
        if not self.began:
            self.began = time.process_time()
        self.left -= 1
        if self.left == self.warm_at:
            self.warm.set()
        if not self.left:
            self.done.set()

    def changed(self, events: Sequence[BookEvent]) -> None:
        pass  # nothing trades here

    def moved(self, trigger: Trigger, state: AccountState) -> None:
        if state.phase is Phase.LIVE:
            self.live.set()

    def restored(self, gap_seconds: float) -> None:
        raise RuntimeError("the bench's link was lost")


@asynccontextmanager
async def account_on(
    port: int, ca_file: str, observer: Observer, limits: PoolLimits = UNPACED
) -> AsyncIterator[tuple[Account, Pool]]:
    """Yield a real account on a real pool; it subscribes what its positions need."""
    endpoint = Endpoint("localhost", port, ca_file=Path(ca_file))
    credentials = ApplicationCredentials("bench", "bench")
    clock = SystemClock()
    chance = random.Random(1)
    async with (
        Pool(
            {Environment.DEMO: endpoint}, credentials, clock=clock, random=chance, limits=limits
        ) as pool,
        asyncio.TaskGroup() as tasks,
    ):
        account = Account("bench", pool, observer, clock=clock)
        observer.account = account
        serving = tasks.create_task(
            account.serve(Seat(ACCOUNT_ID, Environment.DEMO, lambda: "bench"))
        )
        await observer.live.wait()
        yield account, pool
        serving.cancel()


async def fxpool_quotes(port: int, ca_file: str, events: int) -> dict[str, float]:
    observer = Observer(events)
    async with account_on(port, ca_file, observer) as (account, _):
        if observer.left == events:  # no position has caused a subscription
            await account.watch(SYMBOL_IDS)
        await observer.done.wait()
        return {"cpu": time.process_time() - observer.began, "events": events}


def limit_quotes(port: int, ca_file: str, events: int) -> dict[str, float]:
    seen = 0

    def callback(_quote: limit.Quote) -> None:
        nonlocal seen
        seen += 1

    return {"cpu": limit.count_quotes(port, ca_file, events, callback), "events": seen}


async def fxpool_trips(port: int, ca_file: str, total: int, in_flight: int) -> dict[str, float]:
    observer = Observer(1)
    async with account_on(port, ca_file, observer) as (account, _):
        message = oa.ProtoOATraderReq(ctidTraderAccountId=ACCOUNT_ID)
        share = total // in_flight

        async def ask() -> None:
            for _ in range(share):
                await account.channel.request(message)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(ask())
        return {"per_second": share * in_flight / (time.perf_counter() - began)}


def limit_trips(port: int, ca_file: str, total: int, in_flight: int) -> dict[str, float]:
    return {"per_second": limit.round_trips(port, ca_file, in_flight=in_flight, total=total)}


def _percentiles(delays_ns: list[int]) -> dict[str, float]:
    delays_ns.sort()
    return {
        "p50_us": delays_ns[len(delays_ns) // 2] / 1000,
        "p99_us": delays_ns[len(delays_ns) * 99 // 100] / 1000,
    }


async def fxpool_wakeups(port: int, ca_file: str, events: int) -> dict[str, float]:
    delays: list[int] = []
    observer = Observer(events, lambda sent: delays.append(time.perf_counter_ns() - sent))
    async with account_on(port, ca_file, observer) as (account, _):
        await account.watch(SYMBOL_IDS)
        await observer.done.wait()
        return _percentiles(delays)


class BareProtocol(asyncio.Protocol):
    """The least that asyncio can do with a quote: cut the frame, parse it, look at it."""

    def __init__(self, events: int) -> None:
        self.delays: list[int] = []
        self.left = events
        self.warm_at = events - events // 10
        self.warm = asyncio.Event()
        self.done = asyncio.Event()
        self._frames = FrameDecoder()

    def data_received(self, data: bytes) -> None:
        for payload in self._frames.feed(data):
            if payload.startswith(SPOT_PREFIX):
                self.delays.append(time.perf_counter_ns() - parse_spot(payload).payload.timestamp)
                self.left -= 1
                if not self.left:
                    self.done.set()


async def bare_wakeups(port: int, ca_file: str, events: int) -> dict[str, float]:
    context = ssl.create_default_context(cafile=ca_file)
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(
        lambda: BareProtocol(events), "localhost", port, ssl=context
    )
    transport.write(encode(oa.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT_ID), "1"))
    await protocol.done.wait()
    transport.abort()
    return _percentiles(protocol.delays)


def resident_bytes() -> int:
    """Return the resident set size of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class Quiet:
    """A listener of an account that nobody looks at."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()

    def authorised(self) -> None:
        self.ready.set()

    def spot(self, event: oa.ProtoOASpotEvent) -> None:
        raise RuntimeError("nothing was subscribed")

    def push(self, message: Message) -> None:
        raise RuntimeError("nothing was to be pushed")

    def lost(self, error: FxPoolError) -> None:
        raise error

    refused = lost


async def fxpool_memory(port: int, ca_file: str, connections: int) -> dict[str, float]:
    """Memory of a process with one live account, and what each further session adds."""
    observer = Observer(1)
    limits = replace(UNPACED, accounts_per_session=1, sessions=connections + 1)
    async with account_on(port, ca_file, observer, limits) as (_, pool):
        gc.collect()
        connected = resident_bytes()
        for number in range(connections):
            listener = Quiet()
            pool.attach(Seat(ACCOUNT_ID + 1 + number, Environment.DEMO, lambda: "bench"), listener)
            await listener.ready.wait()
        gc.collect()
        return {
            "after_connecting_mb": connected / 1e6,
            "per_connection_kib": (resident_bytes() - connected) / connections / 1024,
        }


async def fxpool_growth(port: int, ca_file: str, events: int) -> dict[str, float]:
    """Memory before and after millions of quotes that carry trendbars."""
    observer = Observer(events)
    async with account_on(port, ca_file, observer) as (account, _):
        await account.watch(SYMBOL_IDS)
        await observer.warm.wait()
        before = resident_bytes()
        await observer.done.wait()
        return {"grown_mb": (resident_bytes() - before) / 1e6, "events": events}


def main() -> None:
    kind, port, ca_file, *amounts = sys.argv[1:]
    result = globals()[kind](int(port), ca_file, *map(int, amounts))
    print(json.dumps(uvloop.run(result) if asyncio.iscoroutine(result) else result))


if __name__ == "__main__":
    main()
