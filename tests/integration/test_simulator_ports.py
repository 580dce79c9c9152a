"""The simulator's other ports: JSON, Protobuf over WebSocket, OAuth pages, faults over HTTP."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect

from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE
from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto.common_pb2 import ProtoMessage
from fxpool.simulator import Profile, Simulator, SimulatorOptions
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.switches import Maintenance, RawJson, RefreshReply
from harness.simulator_clients import (
    ACCOUNT,
    FrameClient,
    frame_client,
    json_client,
    trust,
)
from harness.wait import wait_until

ALL_PORTS = SimulatorOptions(ticks_per_second=0, json_port=0, oauth_port=0, control_port=0)
TRADER = m.ProtoOATraderReq(ctidTraderAccountId=ACCOUNT)
BUY = {"symbolId": 1, "orderType": 1, "tradeSide": 1, "volume": 100_000}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(ALL_PORTS) as running:
        yield running


@pytest.fixture
async def control(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=simulator.control_url or "") as client:
        yield client


# -- JSON


async def test_the_ready_line_names_every_port(simulator: Simulator) -> None:
    facts = json.loads(simulator.ready_line())
    assert facts["json_port"] == simulator.json_port
    assert facts["oauth_url"] == simulator.oauth_url
    assert facts["control_url"] == simulator.control_url


async def test_a_json_client_trades_on_the_same_engine(simulator: Simulator) -> None:
    simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12569"))
    async with json_client(simulator) as client, frame_client(simulator) as other:
        order = {"ctidTraderAccountId": ACCOUNT, **BUY}
        accepted = await client.ask(2106, order)
        filled = await client.receive()
        assert (accepted["payloadType"], accepted["payload"]["executionType"]) == (2126, 2)
        assert filled["payload"]["position"]["price"] == 1.12569
        assert filled["payload"]["deal"]["volume"] == 100_000
        assert filled["clientMsgId"] == "q"
        assert "payloadType" not in filled["payload"]
        book = await other.ask(m.ProtoOAReconcileReq(ctidTraderAccountId=ACCOUNT))
        assert [one.tradeData.volume for one in book.position] == [100_000]


async def test_quotes_reach_a_json_client_as_integers(simulator: Simulator) -> None:
    async with json_client(simulator) as client:
        await client.ask(2127, {"ctidTraderAccountId": ACCOUNT, "symbolId": [1]})
        told = await client.receive()
        assert told["payloadType"] == 2131
        assert isinstance(told["payload"]["bid"], int)


@pytest.mark.parametrize(
    ("payload_type", "payload", "text"),
    [
        (2121, {}, "Message missing required fields: ctidTraderAccountId"),
        (2121, {"ctidTraderAccountId": "many"}, ""),
        (2121, {"ctidTraderAccountId": 1 << 70}, ""),
        (2121, [], "Message missing required fields: payload"),
    ],
)
async def test_a_json_request_that_makes_no_sense_is_refused(
    simulator: Simulator, payload_type: int, payload: Any, text: str
) -> None:
    async with json_client(simulator) as client:
        answer = await client.ask(payload_type, payload)
        assert answer["payload"]["errorCode"] == "INVALID_REQUEST"
        assert text in answer["payload"]["description"]


async def test_names_of_enums_and_quoted_numbers_are_understood(simulator: Simulator) -> None:
    async with json_client(simulator) as client:
        order = {"ctidTraderAccountId": str(ACCOUNT), **BUY, "tradeSide": "BUY"}
        assert (await client.ask(2106, order))["payloadType"] == 2126


async def test_a_market_order_in_json_may_need_its_time_in_force() -> None:
    profile = Profile(json_needs_time_in_force=True)
    options = replace(ALL_PORTS, profile=profile)
    async with Simulator(options) as simulator, json_client(simulator) as client:
        order = {"ctidTraderAccountId": ACCOUNT, **BUY}
        refused = await client.ask(2106, order)
        assert "executionType" in refused["payload"]["description"]
        accepted = await client.ask(2106, {**order, "timeInForce": 3})
        assert accepted["payloadType"] == 2126


@pytest.mark.parametrize("raw_json", RawJson)
async def test_raw_json_is_offered_as_the_profile_says(raw_json: RawJson) -> None:
    profile = Profile(raw_json=raw_json)
    async with Simulator(replace(ALL_PORTS, profile=profile)) as simulator:
        reader, writer = await asyncio.open_connection(
            "localhost", simulator.json_port, ssl=trust(simulator)
        )
        message = b'{"payloadType": 2104, "payload": {}, "clientMsgId": "v"}'
        size = len(message).to_bytes(4, "big")
        is_sized = raw_json is RawJson.LENGTH_PREFIX
        writer.write(size + message if is_sized else message + b"\n")
        async with asyncio.timeout(5):
            answer = await reader.read(65536)
        assert (b"CH_CLIENT_NOT_AUTHENTICATED" in answer) is (raw_json is not RawJson.NOT_OFFERED)
        writer.transport.abort()


async def test_the_protobuf_port_speaks_websocket_too(simulator: Simulator) -> None:
    url = f"wss://localhost:{simulator.port}/"
    async with connect(url, ssl=trust(simulator)) as connection:
        await connection.send(ProtoMessage(payloadType=2104, clientMsgId="v").SerializeToString())
        envelope = ProtoMessage.FromString(await connection.recv())  # type: ignore[arg-type]
        answer = MESSAGE_BY_PAYLOAD_TYPE[envelope.payloadType].FromString(envelope.payload)
        assert answer.errorCode == "CH_CLIENT_NOT_AUTHENTICATED"  # type: ignore[attr-defined]


# -- OAuth


def consent_query(simulator: Simulator, **changed: str) -> dict[str, str]:
    return {
        "client_id": simulator.credentials.client_id,
        "redirect_uri": "http://localhost:9/back",
        "scope": "trading",
        "product": "web",
        "state": "not-given-back",
        **changed,
    }


async def code_from(http: httpx.AsyncClient, simulator: Simulator, **form: Any) -> str:
    answer = await http.post("/apps/auth", params=consent_query(simulator), data=form)
    assert answer.status_code == 303
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert list(back) == ["code"]
    return back["code"][0]


async def tokens(http: httpx.AsyncClient, simulator: Simulator, **query: str) -> dict[str, Any]:
    known = simulator.credentials
    secrets = {"client_id": known.client_id, "client_secret": known.client_secret}
    answer = await http.get("/apps/token", params={**secrets, **query})
    assert answer.status_code == 200
    told = answer.json()
    assert isinstance(told, dict)
    return told


async def test_a_person_consents_and_the_application_gets_tokens(simulator: Simulator) -> None:
    async with httpx.AsyncClient(base_url=simulator.oauth_url or "") as http:
        path = "/my/settings/openapi/grantingaccess/"
        page = await http.get(path, params=consent_query(simulator))
        assert page.text.count('type="checkbox"') == len(simulator.options.accounts)
        assert "SIMULATED" in page.text

        code = await code_from(http, simulator, account=[str(ACCOUNT)])
        exchange = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "http://localhost:9/back",
        }
        first = await tokens(http, simulator, **exchange)
        assert first["errorCode"] is None
        assert (first["tokenType"], first["expiresIn"]) == ("bearer", 2_628_000)
        assert (await tokens(http, simulator, **exchange))["errorCode"] == "ACCESS_DENIED"

        client = await FrameClient.connect(simulator)
        known = simulator.credentials
        await client.ask(
            m.ProtoOAApplicationAuthReq(clientId=known.client_id, clientSecret=known.client_secret)
        )
        listing = m.ProtoOAGetAccountListByAccessTokenReq(accessToken=first["accessToken"])
        listed = await client.ask(listing)
        assert [one.ctidTraderAccountId for one in listed.ctidTraderAccount] == [ACCOUNT]

        refresh = {"grant_type": "refresh_token", "refresh_token": first["refreshToken"]}
        second = await tokens(http, simulator, **refresh)
        assert second["accessToken"] not in {None, first["accessToken"]}
        assert (await client.ask(listing)).errorCode == "CH_ACCESS_TOKEN_INVALID"
        spent = await tokens(http, simulator, **refresh)
        assert spent["errorCode"] == "CH_ACCESS_TOKEN_INVALID"
        client.close()


async def test_a_code_lives_for_a_minute(simulator: Simulator) -> None:
    async with httpx.AsyncClient(base_url=simulator.oauth_url or "") as http:
        code = await code_from(http, simulator, account=[str(ACCOUNT)])
        simulator.jump_clock(61)
        told = await tokens(
            http,
            simulator,
            grant_type="authorization_code",
            code=code,
            redirect_uri="http://localhost:9/back",
        )
        assert told["errorCode"] == "ACCESS_DENIED"


@pytest.mark.parametrize(
    "changed", [{"client_id": "stranger"}, {"redirect_uri": ""}, {"scope": "all"}]
)
async def test_a_request_for_consent_that_makes_no_sense_is_refused(
    simulator: Simulator, changed: dict[str, str]
) -> None:
    async with httpx.AsyncClient(base_url=simulator.oauth_url or "") as http:
        query = consent_query(simulator, **changed)
        assert (await http.get("/apps/auth", params=query)).status_code == 400
        assert (await http.post("/apps/auth", params=query)).status_code == 400


async def test_a_consent_needs_an_account(simulator: Simulator) -> None:
    async with httpx.AsyncClient(base_url=simulator.oauth_url or "") as http:
        query = consent_query(simulator)
        answer = await http.post("/apps/auth", params=query, data={"account": "1"})
        assert answer.status_code == 400


async def test_the_token_endpoint_says_no_with_status_200_and_too_often_with_429() -> None:
    profile = Profile(token_requests_per_minute=2)
    async with (
        Simulator(replace(ALL_PORTS, profile=profile)) as simulator,
        httpx.AsyncClient(base_url=simulator.oauth_url or "") as http,
    ):
        wrong = await tokens(http, simulator, client_secret="guess")
        assert wrong["errorCode"] == "CH_CLIENT_AUTH_FAILURE"
        assert (await tokens(http, simulator, grant_type="x"))["errorCode"] == "INVALID_REQUEST"
        assert (await http.get("/apps/token")).status_code == 429
        assert simulator.faults.struck["token_requests_refused"] == 1


async def test_token_requests_may_be_without_limit() -> None:
    profile = Profile(token_requests_per_minute=None)
    async with (
        Simulator(replace(ALL_PORTS, profile=profile)) as simulator,
        httpx.AsyncClient(base_url=simulator.oauth_url or "") as http,
    ):
        answers = [await http.get("/apps/token") for _ in range(70)]
        assert {one.status_code for one in answers} == {200}


async def test_a_lost_reply_to_a_refresh_leaves_nothing_but_a_new_consent() -> None:
    profile = Profile(refresh_reply=RefreshReply.LOST)
    async with (
        Simulator(replace(ALL_PORTS, profile=profile)) as simulator,
        httpx.AsyncClient(base_url=simulator.oauth_url or "", timeout=0.3) as http,
    ):
        refresh = {"grant_type": "refresh_token", "refresh_token": simulator.grant.refresh_token}
        with pytest.raises(httpx.ReadTimeout):
            await tokens(http, simulator, **refresh)
        assert (await tokens(http, simulator, **refresh))["errorCode"] == "CH_ACCESS_TOKEN_INVALID"
        assert simulator.faults.struck["refresh_reply_lost"] == 1


# -- faults


async def test_faults_are_set_counted_and_cleared_over_http(
    simulator: Simulator, control: httpx.AsyncClient
) -> None:
    fault = {"kind": "refuse", "payload_type": 2121, "code": "TIMEOUT_ERROR", "times": 0}
    answer = await control.post("/faults", json=fault)
    assert answer.json() == {"id": 1}
    async with frame_client(simulator) as client:
        assert (await client.ask(TRADER)).errorCode == "TIMEOUT_ERROR"
        told = (await control.get("/faults")).json()
        assert told["struck"] == {"refuse": 1}
        assert told["standing"][0]["code"] == "TIMEOUT_ERROR"
        await control.delete("/faults/1")
        assert isinstance(await client.ask(TRADER), m.ProtoOATraderRes)
        await control.post("/faults", json=fault)
        await control.delete("/faults")
        assert (await control.get("/faults")).json()["standing"] == []


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/faults", {"kind": "refuze"}, "not one of"),
        ("/faults", {"kind": "cut", "second": 1}, "did you mean 'seconds'?"),
        ("/faults", {}, "kind is missing"),
        ("/faults", [], "no JSON object"),
        ("/faults", {"kind": "cut", "account": 7}, "there is no account 7"),
        ("/quotes", {"symbol": "NONE", "bid": 1, "ask": 2}, "NONE"),
        ("/quotes", {"symbol": "EURUSD", "bid": "x", "ask": 2}, ""),
        ("/deposits", {"amount": 5}, "account"),
    ],
)
async def test_a_control_request_that_makes_no_sense_is_refused(
    control: httpx.AsyncClient, path: str, body: Any, sentence: str
) -> None:
    answer = await control.post(path, json=body)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


async def test_quotes_and_deposits_can_be_made_by_hand(
    simulator: Simulator, control: httpx.AsyncClient
) -> None:
    quote = {"symbol": "EURUSD", "bid": "1.50000", "ask": "1.50010"}
    assert (await control.post("/quotes", json=quote)).status_code == 200
    deposit = {"account": ACCOUNT, "amount": "12.34"}
    assert (await control.post("/deposits", json=deposit)).status_code == 200
    async with frame_client(simulator) as client:
        assert (await client.ask(TRADER)).trader.balance == 1_001_234


async def test_a_cut_reaches_only_the_links_of_its_account(simulator: Simulator) -> None:
    other_id = simulator.options.accounts[1].account_id
    async with frame_client(simulator) as one:
        other = await FrameClient.connect(simulator)
        await other.authorise(simulator, other_id)
        await simulator.striker.strike(Fault(FaultKind.CUT, account=other_id))
        assert await other.is_cut()
        assert isinstance(await one.ask(TRADER), m.ProtoOATraderRes)
        assert simulator.faults.struck == {"cut": 1}


async def test_a_half_open_link_stays_and_says_nothing(simulator: Simulator) -> None:
    async with frame_client(simulator) as client:
        await simulator.striker.strike(Fault(FaultKind.HALF_OPEN))
        with pytest.raises(TimeoutError):
            await client.ask(TRADER, within=0.2)
        assert not client.reader.at_eof()
        async with frame_client(simulator) as next_one:
            assert isinstance(await next_one.ask(TRADER), m.ProtoOATraderRes)


async def test_a_stalled_link_goes_on_later_with_everything(simulator: Simulator) -> None:
    async with frame_client(simulator) as client:
        await simulator.striker.strike(Fault(FaultKind.STALL, seconds=0.3))
        began = asyncio.get_running_loop().time()
        assert isinstance(await client.ask(TRADER), m.ProtoOATraderRes)
        assert asyncio.get_running_loop().time() - began >= 0.29


async def test_a_slow_reader_takes_its_time(simulator: Simulator) -> None:
    async with frame_client(simulator) as client:
        await simulator.striker.strike(Fault(FaultKind.SLOW_READER, bytes_per_second=100))
        await client.ask(TRADER)
        began = asyncio.get_running_loop().time()
        await client.ask(TRADER)
        assert asyncio.get_running_loop().time() - began > 0.05


@pytest.mark.parametrize("kind", [FaultKind.GARBAGE, FaultKind.OVERSIZED])
async def test_bytes_that_are_no_message_reach_the_client(
    simulator: Simulator, kind: FaultKind
) -> None:
    async with frame_client(simulator) as client:
        await simulator.striker.strike(Fault(kind))
        size = int.from_bytes(await client.reader.readexactly(4), "big")
        assert size == (32 if kind is FaultKind.GARBAGE else 0x7FFF_FFFF)


async def test_a_json_client_can_be_told_garbage_and_something_oversized(
    simulator: Simulator,
) -> None:
    async with json_client(simulator) as client:
        await simulator.striker.strike(Fault(FaultKind.GARBAGE))
        with pytest.raises(json.JSONDecodeError):
            await client.receive()
        await simulator.striker.strike(Fault(FaultKind.OVERSIZED))
        await client.connection.wait_closed()


async def test_a_clock_jump_moves_what_clients_are_told(simulator: Simulator) -> None:
    async with frame_client(simulator) as client:
        await simulator.striker.strike(Fault(FaultKind.JUMP_CLOCK, seconds=2_628_001.0))
        ended, _ = await client.receive()
        assert isinstance(ended, m.ProtoOAAccountsTokenInvalidatedEvent)
        assert ended.reason == "Access token expired"


async def test_accounts_are_dropped_and_tokens_die_on_demand(simulator: Simulator) -> None:
    async with frame_client(simulator) as client:
        await simulator.striker.strike(Fault(FaultKind.DROP_ACCOUNT, account=ACCOUNT))
        assert isinstance((await client.receive())[0], m.ProtoOAAccountDisconnectEvent)
    async with frame_client(simulator) as client:
        await simulator.striker.strike(Fault(FaultKind.INVALIDATE_TOKENS))
        assert isinstance((await client.receive())[0], m.ProtoOAAccountsTokenInvalidatedEvent)


async def test_the_feed_dies_without_a_word_when_the_profile_says_so() -> None:
    profile = Profile(feed_dies_after=0.05)
    async with Simulator(replace(ALL_PORTS, profile=profile)) as simulator:
        await wait_until(lambda: simulator.faults.spots_stalled)
        async with frame_client(simulator) as client:
            assert isinstance(await client.ask(TRADER), m.ProtoOATraderRes)


async def test_a_profiles_faults_strike_from_the_start() -> None:
    fault = Fault(FaultKind.REFUSE, payload_type=2121, code="TIMEOUT_ERROR")
    options = replace(ALL_PORTS, profile=Profile(faults=(fault,)))
    async with Simulator(options) as simulator, frame_client(simulator) as client:
        assert (await client.ask(TRADER)).errorCode == "TIMEOUT_ERROR"


# -- maintenance


async def can_connect(simulator: Simulator) -> str:
    try:
        async with asyncio.timeout(0.5):
            client = await FrameClient.connect(simulator)
    except TimeoutError:
        return "no answer"
    except (ConnectionError, ssl.SSLError):
        return "refused"
    client.close()
    return "connected"


@pytest.mark.parametrize(
    ("form", "seen"),
    [
        (Maintenance.NO_TLS, "no answer"),
        (Maintenance.REFUSES_TCP, "refused"),
        (Maintenance.ANSWERS, "connected"),
        (Maintenance.DROPS_ACCOUNTS, "connected"),
    ],
)
async def test_maintenance_looks_in_four_ways_and_ends(form: Maintenance, seen: str) -> None:
    profile = Profile(maintenance=form)
    async with Simulator(replace(ALL_PORTS, profile=profile)) as simulator:
        async with frame_client(simulator) as client:
            await simulator.striker.strike(Fault(FaultKind.MAINTENANCE, seconds=1.0))
            assert await can_connect(simulator) == seen
            if seen == "connected":
                answer = await client.ask(TRADER)
                assert answer.errorCode in {"SERVER_IS_UNDER_MAINTENANCE", "CANT_ROUTE_REQUEST"}
            else:
                assert await client.is_cut()
        await wait_until(lambda: simulator.venue.away is None and not simulator.is_closed)
        async with frame_client(simulator) as client:
            assert isinstance(await client.ask(TRADER), m.ProtoOATraderRes)
        assert simulator.faults.struck["maintenance"] >= 1


@pytest.mark.parametrize("form", [Maintenance.NO_TLS, Maintenance.REFUSES_TCP])
async def test_maintenances_that_overlap_take_turns_on_the_ports(form: Maintenance) -> None:
    async with Simulator(ALL_PORTS) as simulator:
        begin = partial(simulator.begin_maintenance, form)
        await asyncio.gather(begin(), begin())
        await asyncio.gather(simulator.end_maintenance(), begin(), begin())
        assert await can_connect(simulator) in {"no answer", "refused"}
        await asyncio.gather(begin(), simulator.end_maintenance())
        await simulator.end_maintenance()
        assert await can_connect(simulator) == "connected"


# -- transcripts


async def test_a_transcript_holds_the_conversation_and_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    async with Simulator(replace(ALL_PORTS, record=path)) as simulator:
        async with frame_client(simulator) as client:
            await client.ask(TRADER)
        secrets = [
            simulator.credentials.client_secret,
            simulator.grant.access_token,
            simulator.grant.refresh_token,
        ]
    text = path.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["payloadType"] for line in lines] == [2100, 2101, 2102, 2103, 2121, 2122]
    assert [line["from"] for line in lines[:2]] == ["client", "server"]
    assert not [secret for secret in secrets if secret in text]
    assert path.stat().st_mode & 0o077 == 0
