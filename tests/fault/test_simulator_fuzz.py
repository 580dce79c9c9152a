"""Hostile clients at the simulator's ports: it neither falls nor grows, and others are served."""

from __future__ import annotations

import asyncio
import gc
import random
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE
from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto.common_pb2 import ProtoMessage
from fxpool.simulator import Profile, Simulator, SimulatorOptions
from fxpool.simulator.conversation import Conversation
from fxpool.simulator.link import Link
from fxpool.simulator.wires import Wire
from harness.simulator_clients import ACCOUNT, frame_client, trust
from harness.wait import wait_until

ROUNDS = 40
CROWD = 60
TRADER = m.ProtoOATraderReq(ctidTraderAccountId=ACCOUNT)
OPTIONS = SimulatorOptions(
    ticks_per_second=50,
    json_port=0,
    oauth_port=0,
    control_port=0,
    profile=Profile(requests_per_second=None, history_per_second=None, max_connections=None),
)

Writers = list[asyncio.StreamWriter]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(OPTIONS) as running:
        yield running


def frame(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def random_request(chance: random.Random) -> bytes:
    """A frame of a real payload type whose payload is anything."""
    payload_type = chance.choice([*MESSAGE_BY_PAYLOAD_TYPE, 0, 9999])
    payload = chance.randbytes(chance.choice([0, 1, 8, 200]))
    envelope = ProtoMessage(payloadType=payload_type, payload=payload, clientMsgId="fuzz")
    return frame(envelope.SerializeToString())


def out_of_order(chance: random.Random) -> bytes:
    """Valid requests in an order in which nobody sends them."""
    classes = [one for one in MESSAGE_BY_PAYLOAD_TYPE.values() if one.__name__.endswith("Req")]
    data = b""
    for message_class in chance.sample(classes, 5):
        request = message_class()
        for field in request.DESCRIPTOR.fields:
            if field.is_required and field.cpp_type == field.CPPTYPE_INT64:
                setattr(request, field.name, chance.choice([0, 1, ACCOUNT, 2**63 - 1, -1]))
        number = request.DESCRIPTOR.fields_by_name["payloadType"].default_value
        payload = request.SerializePartialToString()
        data += frame(ProtoMessage(payloadType=number, payload=payload).SerializeToString())
    return data


HOSTILE: dict[str, Callable[[random.Random], bytes]] = {
    "random bytes": lambda chance: chance.randbytes(chance.randrange(1, 5000)),
    "a truncated frame": lambda chance: struct.pack(">I", 100_000) + chance.randbytes(50),
    "a huge size": lambda chance: struct.pack(">I", chance.randrange(2**30, 2**32)) + b"x" * 100,
    "any payload": random_request,
    "a wrong order": out_of_order,
    "half a websocket": lambda chance: b"GET / HTTP/1.1\r\n" + chance.randbytes(200),
    "json": lambda chance: chance.choice([b"{}\n", b"[" * 5000, b'{"payloadType":2100}\n']),
    "nothing": lambda chance: b"",
}


async def connected(simulator: Simulator, port: int | None) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("localhost", port, ssl=trust(simulator))
    return writer


async def half_open_tls(simulator: Simulator, port: int | None) -> asyncio.StreamWriter:
    """A TCP connection that never begins its TLS handshake."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    return writer


async def is_served(simulator: Simulator) -> bool:
    async with frame_client(simulator) as client:
        return isinstance(await client.ask(TRADER), m.ProtoOATraderRes)


async def gone(writers: Writers) -> None:
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)


@pytest.mark.parametrize("hostility", HOSTILE)
@pytest.mark.parametrize("is_json", [False, True], ids=["protobuf", "json"])
async def test_hostile_bytes_harm_nobody_else(
    simulator: Simulator, hostility: str, is_json: bool
) -> None:
    chance, writers = random.Random(hostility), Writers()
    port = simulator.json_port if is_json else simulator.port
    async with frame_client(simulator) as healthy:
        for _ in range(ROUNDS // 4):
            writer = await connected(simulator, port)
            writers.append(writer)
            try:
                writer.write(HOSTILE[hostility](chance))
                await writer.drain()
            except (ConnectionError, ssl.SSLError):
                continue
            assert isinstance(await healthy.ask(TRADER), m.ProtoOATraderRes)
        await gone(writers)
    await wait_until(lambda: not simulator.venue.listeners)
    assert await is_served(simulator)


async def test_an_authorised_client_that_asks_nonsense_is_answered(
    simulator: Simulator,
) -> None:
    """An exception inside the broker would end up at the loop's handler."""
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    chance = random.Random(7)
    async with frame_client(simulator) as healthy:
        for _ in range(ROUNDS):
            async with frame_client(simulator) as hostile:
                for _ in range(5):
                    hostile.writer.write(random_request(chance) + out_of_order(chance))
                await hostile.writer.drain()
                assert isinstance(await healthy.ask(TRADER), m.ProtoOATraderRes)
    assert failures == []


@pytest.mark.parametrize("opened", [connected, half_open_tls])
async def test_a_crowd_of_silent_connections_harms_nobody(
    simulator: Simulator,
    opened: Callable[[Simulator, int | None], Awaitable[asyncio.StreamWriter]],
) -> None:
    writers = [await opened(simulator, simulator.port) for _ in range(CROWD)]
    assert await is_served(simulator)
    await gone(writers)
    await wait_until(lambda: not simulator.venue.listeners)


async def test_what_hostile_clients_leave_behind_does_not_grow(simulator: Simulator) -> None:
    """Counts the objects of our own that serve clients, after several waves of clients.

    A link whose client vanished in mid-handshake may live until its time-out, so a few may stay
    for a while; what one wave makes (three objects a client) must not pile up.
    """

    def serving() -> int:
        gc.collect()
        return sum(isinstance(one, Link | Conversation | Wire) for one in gc.get_objects())

    before = serving()
    for seed in range(1, 7):
        chance, writers = random.Random(seed), Writers()
        for make in HOSTILE.values():
            writer = await connected(simulator, simulator.port)
            writers.append(writer)
            writer.write(make(chance))
        await gone(writers)
        await wait_until(lambda: not simulator.venue.listeners)
    await wait_until(lambda: serving() - before < len(HOSTILE))
