"""Clients of the simulator's ports, written by hand: frames over TLS, and JSON over WebSocket."""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from google.protobuf.message import Message
from websockets.asyncio.client import ClientConnection, connect

from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE
from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto.common_pb2 import ProtoMessage
from fxpool.openapi.registry import payload_type_of
from fxpool.simulator import Simulator

ACCOUNT = 10_012_345


def trust(simulator: Simulator) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=simulator.ca_file)


class FrameClient:
    """Speaks frames: a size of four bytes, then an envelope."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, simulator: Simulator, port: int | None = None) -> Self:
        """Connect to the demo port, or to another one of the simulator's."""
        port = port or simulator.port
        return cls(*await asyncio.open_connection("localhost", port, ssl=trust(simulator)))

    def send(self, message: Message, request_id: str = "") -> None:
        envelope = ProtoMessage(
            payloadType=payload_type_of(message), payload=message.SerializeToString()
        )
        if request_id:
            envelope.clientMsgId = request_id
        data = envelope.SerializeToString()
        self.writer.write(struct.pack(">I", len(data)) + data)

    async def receive(self, within: float = 10) -> tuple[Any, str]:
        async with asyncio.timeout(within):
            (size,) = struct.unpack(">I", await self.reader.readexactly(4))
            envelope = ProtoMessage.FromString(await self.reader.readexactly(size))
        message = MESSAGE_BY_PAYLOAD_TYPE[envelope.payloadType].FromString(envelope.payload)
        return message, envelope.clientMsgId

    async def ask(self, message: Message, within: float = 10) -> Any:
        """Send a request and return its answer; pushes before it are passed over."""
        self.send(message, "q")
        while True:
            answer, request_id = await self.receive(within)
            if request_id == "q":
                return answer

    async def authorise(self, simulator: Simulator, account_id: int = ACCOUNT) -> None:
        known = simulator.credentials
        await self.ask(
            m.ProtoOAApplicationAuthReq(clientId=known.client_id, clientSecret=known.client_secret)
        )
        token = simulator.grant.access_token
        answer = await self.ask(
            m.ProtoOAAccountAuthReq(ctidTraderAccountId=account_id, accessToken=token)
        )
        assert isinstance(answer, m.ProtoOAAccountAuthRes)

    async def is_cut(self) -> bool:
        async with asyncio.timeout(10):
            try:
                while await self.reader.read(65536):
                    pass
            except (ConnectionError, ssl.SSLError):
                pass
        return True

    def close(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def frame_client(
    simulator: Simulator, account_id: int = ACCOUNT
) -> AsyncIterator[FrameClient]:
    """A client with its application and an account authorised."""
    client = await FrameClient.connect(simulator)
    try:
        await client.authorise(simulator, account_id)
        yield client
    finally:
        client.close()


class JsonClient:
    """Speaks JSON over WebSocket, as the help pages show it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, payload_type: int, payload: dict[str, Any], request_id: str = "q") -> None:
        told = {"clientMsgId": request_id, "payloadType": payload_type, "payload": payload}
        await self.connection.send(json.dumps(told))

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            told = json.loads(await self.connection.recv())
        assert isinstance(told, dict)
        return told

    async def ask(self, payload_type: int, payload: dict[str, Any]) -> dict[str, Any]:
        await self.send(payload_type, payload)
        while (told := await self.receive()).get("clientMsgId") != "q":
            pass
        return told

    async def authorise(self, simulator: Simulator) -> None:
        known = simulator.credentials
        await self.ask(2100, {"clientId": known.client_id, "clientSecret": known.client_secret})
        token = simulator.grant.access_token
        answer = await self.ask(2102, {"ctidTraderAccountId": ACCOUNT, "accessToken": token})
        assert answer["payloadType"] == 2103


@asynccontextmanager
async def json_client(simulator: Simulator) -> AsyncIterator[JsonClient]:
    """A client with its application and account authorised."""
    url = f"wss://localhost:{simulator.json_port}/"
    async with connect(url, ssl=trust(simulator)) as connection:
        client = JsonClient(connection)
        await client.authorise(simulator)
        yield client
