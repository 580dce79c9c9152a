"""The simulator over TLS, spoken to by a small client that is written by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from fxpool.errors import SettingsError
from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto import model_pb2 as model
from fxpool.openapi.proto.common_pb2 import ProtoHeartbeatEvent
from fxpool.simulator import Profile, Replay, Simulator, SimulatorOptions
from fxpool.simulator.engine import Rules
from fxpool.simulator.link import MAX_UNSENT_BYTES
from harness.simulator_clients import ACCOUNT, FrameClient
from harness.wait import wait_until

STILL = SimulatorOptions(ticks_per_second=0, live_port=0)


async def test_a_client_trades_over_tls() -> None:
    async with Simulator(STILL) as simulator:
        simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12569"))
        client = await FrameClient.connect(simulator)
        await client.authorise(simulator)
        client.send(
            m.ProtoOANewOrderReq(
                ctidTraderAccountId=ACCOUNT,
                symbolId=1,
                orderType=model.MARKET,
                tradeSide=model.BUY,
                volume=100_000,
            ),
            "open-1",
        )
        accepted, accepted_id = await client.receive()
        filled, filled_id = await client.receive()
        assert (accepted_id, filled_id) == ("open-1", "open-1")
        assert accepted.executionType == model.ORDER_ACCEPTED
        assert filled.position.price == 1.12569
        client.close()


async def test_the_ready_line_tells_a_client_all_it_needs() -> None:
    async with Simulator(STILL) as simulator:
        facts = json.loads(simulator.ready_line())
        assert facts["protobuf_port"] == simulator.port
        assert facts["live_protobuf_port"] == simulator.live_port
        assert facts["ca_file"] == str(simulator.ca_file)
        assert facts["accounts"][0] == {
            "account_id": "10012345",
            "login": "12345",
            "environment": "demo",
            "currency": "USD",
            "balance": "10000.00",
            "type": "HEDGED",
        }


async def test_quotes_flow_to_those_who_subscribed() -> None:
    async with Simulator(SimulatorOptions(ticks_per_second=500)) as simulator:
        client = await FrameClient.connect(simulator)
        await client.authorise(simulator)
        await client.ask(m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=[1, 2]))
        seen = [(await client.receive())[0] for _ in range(20)]
        assert {event.symbolId for event in seen} == {1, 2}
        assert seen[0].HasField("bid")
        assert seen[0].HasField("ask")
        client.close()


async def test_a_replay_ends_with_its_last_quote(tmp_path: Path) -> None:
    path = tmp_path / "eurusd-two.csv"
    path.write_text(
        "timestamp,bid,ask\n"
        "2020-01-01 22:00:00+00:00,1.10000,1.10010\n"
        "2020-01-01 22:00:10+00:00,1.10020,1.10030\n"
    )
    replay = Replay.parse(str(path), ["EURUSD"])
    options = SimulatorOptions(ticks_per_second=0, replays=(replay,), speed=1000.0)
    async with Simulator(options) as simulator:
        client = await FrameClient.connect(simulator)
        await client.authorise(simulator)
        await client.ask(m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=[1]))
        event = (await client.receive())[0]
        while event.bid != 110_020:
            event = (await client.receive())[0]
        assert event.ask == 110_030
        client.close()


async def test_a_live_account_is_not_routed_on_the_demo_port() -> None:
    async with Simulator(STILL) as simulator:
        for port, expected in (
            (simulator.port, "CANT_ROUTE_REQUEST"),
            (simulator.live_port, None),
        ):
            client = await FrameClient.connect(simulator, port)
            credentials = simulator.credentials
            await client.ask(
                m.ProtoOAApplicationAuthReq(
                    clientId=credentials.client_id, clientSecret=credentials.client_secret
                )
            )
            answer = await client.ask(
                m.ProtoOAAccountAuthReq(
                    ctidTraderAccountId=10_022_345, accessToken=simulator.grant.access_token
                )
            )
            assert getattr(answer, "errorCode", None) == expected
            client.close()


async def test_cut_clients_come_back_to_the_same_book_on_the_same_port() -> None:
    async with Simulator(STILL) as simulator:
        port = simulator.port
        client = await FrameClient.connect(simulator)
        await client.authorise(simulator)
        order = m.ProtoOANewOrderReq(
            ctidTraderAccountId=ACCOUNT,
            symbolId=1,
            orderType=model.MARKET,
            tradeSide=model.BUY,
            volume=100_000,
        )
        simulator.faults.cut_before_answer(2106)
        client.send(order, "lost")
        assert await client.is_cut()
        await simulator.stop_accepting()
        with pytest.raises(OSError, match=r"."):
            await FrameClient.connect(simulator)
        await simulator.resume_accepting()
        assert simulator.port == port
        client = await FrameClient.connect(simulator)
        await client.authorise(simulator)
        book = await client.ask(m.ProtoOAReconcileReq(ctidTraderAccountId=ACCOUNT))
        assert [position.tradeData.volume for position in book.position] == [100_000]
        assert simulator.faults.struck == {"cut_before_answer": 1}
        client.close()


async def test_a_delayed_fill_comes_by_itself_and_after_a_cut_to_whoever_is_there() -> None:
    profile = Profile(rules=Rules(execution_delay_ms=150))
    order = m.ProtoOANewOrderReq(
        ctidTraderAccountId=ACCOUNT,
        symbolId=1,
        orderType=model.MARKET,
        tradeSide=model.BUY,
        volume=100_000,
    )
    async with Simulator(SimulatorOptions(ticks_per_second=0, profile=profile)) as simulator:
        client = await FrameClient.connect(simulator)
        await client.authorise(simulator)
        client.send(order, "first")
        told = [await client.receive() for _ in range(2)]
        assert [(one.executionType, request_id) for one, request_id in told] == [
            (model.ORDER_ACCEPTED, "first"),
            (model.ORDER_FILLED, "first"),
        ]
        other = await FrameClient.connect(simulator)
        await other.authorise(simulator)
        client.send(order, "second")
        assert (await client.receive())[0].executionType == model.ORDER_ACCEPTED
        client.close()
        told = [await other.receive() for _ in range(2)]
        assert [(one.executionType, request_id) for one, request_id in told] == [
            (model.ORDER_ACCEPTED, ""),
            (model.ORDER_FILLED, ""),
        ]
        other.close()


async def test_a_silent_client_is_cut() -> None:
    profile = Profile(idle_timeout=0.6)
    async with Simulator(SimulatorOptions(ticks_per_second=0, profile=profile)) as simulator:
        client = await FrameClient.connect(simulator)
        assert await client.is_cut()
        client.close()


async def test_the_server_beats_when_it_has_nothing_to_say() -> None:
    profile = Profile(heartbeat_after=0.2)
    async with Simulator(SimulatorOptions(ticks_per_second=0, profile=profile)) as simulator:
        client = await FrameClient.connect(simulator)
        message, request_id = await client.receive()
        assert isinstance(message, ProtoHeartbeatEvent)
        assert request_id == ""
        client.close()


async def test_a_client_that_does_not_read_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    async with Simulator(STILL) as simulator:
        client = await FrameClient.connect(simulator)
        await client.authorise(simulator)
        await client.ask(m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=[1]))
        at_ms = simulator.venue.opened_ms
        for number in range(MAX_UNSENT_BYTES // 20):
            simulator.venue.tick(1, 112_000 + number % 2, 112_010 + number % 2, at_ms)
        await wait_until(lambda: not simulator.venue.listeners)
        assert "does not read" in caplog.text
        client.close()


async def test_a_bad_line_of_a_replay_ends_the_service(tmp_path: Path) -> None:
    path = tmp_path / "eurusd.csv"
    path.write_text("timestamp,bid,ask\n2020-01-01,1.1,1.2\nnonsense\n")
    options = SimulatorOptions(ticks_per_second=0, replays=(Replay("EURUSD", path),))
    async with Simulator(options) as simulator:
        with pytest.raises(SettingsError, match="line 3"):
            await simulator.serve()


async def test_a_kept_folder_keeps_its_authority(tmp_path: Path) -> None:
    options = SimulatorOptions(ticks_per_second=0, folder=tmp_path)
    async with Simulator(options) as simulator:
        first = simulator.ca_file.read_bytes()
    async with Simulator(options) as simulator:
        assert simulator.ca_file.read_bytes() == first
        client = await FrameClient.connect(simulator)
        client.close()
    assert (tmp_path / "server.pem").stat().st_mode & 0o077 == 0
