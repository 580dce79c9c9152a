"""What the broker's side can do to a link, and what an account is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable
from random import Random

import pytest
from google.protobuf.message import Message

from fxpool.clock import SystemClock
from fxpool.errors import (
    ConnectFailed,
    HeartbeatMissed,
    Outcome,
    RemoteProtocolError,
    RequestAbandoned,
    RequestNotSent,
    SettingsError,
)
from fxpool.openapi.proto.common_pb2 import ProtoHeartbeatEvent
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAccountAuthReq,
    ProtoOAApplicationAuthReq,
    ProtoOAClientDisconnectEvent,
    ProtoOANewOrderReq,
    ProtoOATraderReq,
    ProtoOAVersionReq,
)
from fxpool.openapi.proto.model_pb2 import ORDER_ACCEPTED
from fxpool.pool import (
    ApplicationCredentials,
    Endpoint,
    Environment,
    Pool,
    PoolLimits,
    Seat,
    Timing,
)
from fxpool.session import Dialler
from harness.listener import RecordingListener
from harness.peer import Caller, ScriptedPeer, certificate
from harness.trades import ACCOUNT, execution, new_order
from harness.wait import wait_until

SEAT = Seat(ACCOUNT, Environment.DEMO, lambda: "token")


def make_pool(endpoint: Endpoint, limits: PoolLimits | None = None) -> Pool:
    credentials = ApplicationCredentials("client", "secret")
    endpoints = {Environment.DEMO: endpoint}
    return Pool(endpoints, credentials, clock=SystemClock(), random=Random(5), limits=limits)


@pytest.fixture
async def peer() -> AsyncIterator[ScriptedPeer]:
    async with ScriptedPeer() as peer:
        yield peer


@contextlib.asynccontextmanager
async def silent_port() -> AsyncIterator[int]:
    """A port that accepts TCP and never says a word: TLS does not complete."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        yield listening.getsockname()[1]


async def test_a_cut_link_leaves_the_order_unknown_and_is_replayed(peer: ScriptedPeer) -> None:
    def accept_and_cut(caller: Caller, message: Message, request_id: str) -> None:
        caller.send(execution(ORDER_ACCEPTED), request_id)
        caller.cut()

    peer.answers[ProtoOANewOrderReq] = accept_and_cut
    listener = RecordingListener()
    async with make_pool(peer.endpoint) as pool:
        channel = pool.attach(SEAT, listener)
        await wait_until(lambda: listener.heard)
        with pytest.raises(RequestAbandoned) as abandoned:
            await channel.trade(new_order())
        assert abandoned.value.outcome is Outcome.UNKNOWN
        assert listener.heard == ["authorised", "lost"]
        with pytest.raises(RequestNotSent):
            await channel.request(ProtoOATraderReq(ctidTraderAccountId=ACCOUNT))
        await wait_until(lambda: listener.heard == ["authorised", "lost", "authorised"])
        replayed = [type(message) for message in peer.caller.received]
        assert replayed == [ProtoOAApplicationAuthReq, ProtoOAAccountAuthReq]
        assert pool.stats().reconnects == 1
        assert len(peer.callers) == 2


async def test_what_waits_for_a_slot_when_the_link_is_cut_was_not_sent(
    peer: ScriptedPeer,
) -> None:
    listener = RecordingListener()
    async with (
        make_pool(peer.endpoint, PoolLimits(requests_per_second=1.0)) as pool,
        asyncio.TaskGroup() as tasks,
    ):
        channel = pool.attach(SEAT, listener)
        await wait_until(lambda: listener.heard)
        asking = [
            tasks.create_task(_error_of(channel.trade(new_order(), timeout=90))) for _ in range(60)
        ]
        await wait_until(lambda: len(peer.caller.of_type(ProtoOANewOrderReq)) > 40)
        await wait_until(lambda: pool.stats().waiting > 0)
        waiting = pool.stats().waiting
        peer.caller.cut()
        errors = [await task for task in asking]
    kinds = [type(error) for error in errors]
    assert kinds.count(RequestNotSent) == waiting
    assert kinds.count(RequestAbandoned) == 60 - waiting


async def test_a_peer_that_never_completes_tls_fails_within_the_connect_time(
    peer: ScriptedPeer,
) -> None:
    listener = RecordingListener()
    async with silent_port() as port:
        endpoint = Endpoint("127.0.0.1", port, ca_file=certificate()[0])
        async with make_pool(endpoint, PoolLimits(connect_timeout=0.1)) as pool:
            pool.attach(SEAT, listener)
            await wait_until(lambda: listener.heard)
            with pytest.raises(RequestNotSent):
                await pool.request(Environment.DEMO, ProtoOAVersionReq(), timeout=0.02)
    assert listener.heard[0] == "lost"
    assert isinstance(listener.errors[0], ConnectFailed)


async def _drained(connection: socket.socket) -> None:
    """Read a connection to its end."""
    while await asyncio.get_running_loop().sock_recv(connection, 65_536):
        pass


async def test_what_a_peer_had_not_received_when_we_gave_the_link_up_it_never_gets() -> None:
    """The system would deliver it later: an order whose outcome was looked up by then."""
    loop = asyncio.get_running_loop()
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        link = await Dialler(Endpoint("127.0.0.1", listening.getsockname()[1], tls=False)).open()
        stalled, _ = await loop.sock_accept(listening)
        with stalled:
            for _ in range(400):
                link.send(bytes(1000))
            link.abort()
            with pytest.raises(ConnectionResetError):
                await _drained(stalled)


async def test_a_certificate_of_nobody_we_trust_is_refused(peer: ScriptedPeer) -> None:
    endpoint = Endpoint("127.0.0.1", peer.endpoint.port)
    with pytest.raises(ConnectFailed, match="certificate"):
        await Dialler(endpoint).open()


async def test_a_certificate_for_another_name_is_refused(peer: ScriptedPeer) -> None:
    endpoint = Endpoint(
        "127.0.0.1", peer.endpoint.port, certificate()[0], server_name="demo.example"
    )
    with pytest.raises(ConnectFailed, match="certificate"):
        await Dialler(endpoint).open()


def test_a_link_without_tls_is_refused_off_the_loopback() -> None:
    Endpoint("127.0.0.1", 5035, tls=False)
    with pytest.raises(SettingsError):
        Endpoint("192.0.2.1", 5035, tls=False)
    with pytest.raises(SettingsError):
        Endpoint("broker.example", 5035, tls=False)


@pytest.mark.parametrize(
    "garbage", [b"\xff" * 64, b"\x00\x00\x00\x02\xff\xff"], ids=["huge frame", "no message"]
)
async def test_garbage_ends_the_session_and_another_one_follows(
    peer: ScriptedPeer, garbage: bytes
) -> None:
    listener = RecordingListener()
    async with make_pool(peer.endpoint) as pool:
        pool.attach(SEAT, listener)
        await wait_until(lambda: listener.heard)
        peer.caller.send_bytes(garbage)
        await wait_until(lambda: listener.heard == ["authorised", "lost", "authorised"])
        assert isinstance(listener.errors[0], RemoteProtocolError)
        assert not peer.callers[0].is_open


async def test_a_half_open_link_is_noticed_by_the_watchdog(peer: ScriptedPeer) -> None:
    listener = RecordingListener()
    limits = PoolLimits(timing=Timing(heartbeat_every=0.05, silence_limit=0.3))
    async with make_pool(peer.endpoint, limits) as pool:
        pool.attach(SEAT, listener)
        await wait_until(lambda: listener.heard)
        await wait_until(lambda: peer.caller.of_type(ProtoHeartbeatEvent))
        await wait_until(lambda: "lost" in listener.heard)
        assert isinstance(listener.errors[0], HeartbeatMissed)
        await wait_until(lambda: len(peer.callers) == 2)


async def test_an_application_that_never_gets_its_answer_is_tried_again(
    peer: ScriptedPeer,
) -> None:
    accept = peer.answers.pop(ProtoOAApplicationAuthReq)
    listener = RecordingListener()
    async with make_pool(peer.endpoint, PoolLimits(answer_timeout=0.05)) as pool:
        pool.attach(SEAT, listener)
        await wait_until(lambda: listener.heard == ["lost"])
        peer.answers[ProtoOAApplicationAuthReq] = accept
        await wait_until(lambda: listener.heard[-1] == "authorised")


async def test_a_reset_replaces_every_link_at_once(peer: ScriptedPeer) -> None:
    listener = RecordingListener()
    async with make_pool(peer.endpoint) as pool:
        pool.attach(SEAT, listener)
        await wait_until(lambda: listener.heard)
        await pool.reset()
        assert pool.stats().links[0].is_connected
        assert len(peer.callers) == 2
        await wait_until(lambda: listener.heard == ["authorised", "lost", "authorised"])
        await wait_until(lambda: not peer.callers[0].is_open)


async def test_an_application_that_is_cut_off_does_not_come_back_at_once(
    peer: ScriptedPeer,
) -> None:
    listener = RecordingListener()
    async with make_pool(peer.endpoint) as pool:
        pool.attach(SEAT, listener)
        await wait_until(lambda: listener.heard)
        peer.caller.send(ProtoOAClientDisconnectEvent(reason="blocked by an admin"))
        await wait_until(lambda: listener.heard == ["authorised", "lost"])
        with pytest.raises(RequestNotSent, match="blocked by an admin"):
            await pool.request(Environment.DEMO, ProtoOAVersionReq())
        assert len(peer.callers) == 1


async def test_closing_the_pool_abandons_what_is_on_the_wire(peer: ScriptedPeer) -> None:
    listener = RecordingListener()
    async with asyncio.TaskGroup() as tasks:
        async with make_pool(peer.endpoint) as pool:
            channel = pool.attach(SEAT, listener)
            await wait_until(lambda: listener.heard)
            asking = tasks.create_task(_error_of(channel.trade(new_order())))
            await wait_until(lambda: pool.stats().in_flight)
        assert isinstance(await asking, RequestAbandoned)
    await wait_until(lambda: not peer.caller.is_open)


async def test_a_cancelled_caller_leaves_nothing_behind(peer: ScriptedPeer) -> None:
    listener = RecordingListener()
    async with make_pool(peer.endpoint) as pool:
        channel = pool.attach(SEAT, listener)
        await wait_until(lambda: listener.heard)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await channel.trade(new_order(), timeout=0.2)
        await wait_until(lambda: pool.stats().in_flight == 0)


async def _error_of(request: Awaitable[object]) -> BaseException | None:
    try:
        await request
    except (RequestNotSent, RequestAbandoned) as exc:
        return exc
    return None
