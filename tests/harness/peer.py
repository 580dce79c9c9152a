"""A broker's Protobuf port that says exactly what a test tells it to.

Shares with the product only the wire. By default it accepts the application and every account and
answers nothing else; ``answers`` overrides that per message type.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf.message import Message

from fxpool.openapi import FrameDecoder, decode, encode
from fxpool.openapi.proto.common_pb2 import ProtoHeartbeatEvent
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAccountAuthReq,
    ProtoOAAccountAuthRes,
    ProtoOAApplicationAuthReq,
    ProtoOAApplicationAuthRes,
)
from fxpool.session import Endpoint


@cache
def certificate() -> tuple[Path, Path]:
    """Return a self-signed certificate for 127.0.0.1 and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fxpool test peer")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = Path(mkdtemp(prefix="fxpool-test-peer-"))
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


class Caller(asyncio.Protocol):
    """One connection to the peer.

    Attributes:
        received: what the client sent, oldest first, heartbeats included.
    """

    def __init__(self, peer: ScriptedPeer) -> None:
        self.received: list[Message] = []
        self.is_open = False
        self._peer = peer
        self._frames = FrameDecoder()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        self._transport = transport
        self.is_open = True
        self._peer.callers.append(self)

    def data_received(self, data: bytes) -> None:
        for payload in self._frames.feed(data):
            envelope = decode(payload)
            assert isinstance(envelope.message, Message)
            self.received.append(envelope.message)
            answer = self._peer.answers.get(type(envelope.message))
            if answer is not None:
                answer(self, envelope.message, envelope.request_id)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False

    def send(self, message: Message, request_id: str = "") -> None:
        self._transport.write(encode(message, request_id))

    def send_bytes(self, data: bytes) -> None:
        self._transport.write(data)

    def cut(self) -> None:
        self._transport.abort()

    def of_type(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.received if type(message) is kind]


Answer = Callable[[Caller, Message, str], None]


def accept_application(caller: Caller, message: Message, request_id: str) -> None:
    caller.send(ProtoOAApplicationAuthRes(), request_id)


def accept_account(caller: Caller, message: Message, request_id: str) -> None:
    assert isinstance(message, ProtoOAAccountAuthReq)
    answer = ProtoOAAccountAuthRes(ctidTraderAccountId=message.ctidTraderAccountId)
    caller.send(answer, request_id)


class ScriptedPeer:
    """A TLS server on a loopback port; use as an async context manager.

    Attributes:
        answers: what to do about a message type; change it at any time.
        callers: every connection that completed its handshake, oldest first.
    """

    def __init__(self) -> None:
        self.callers: list[Caller] = []
        self.answers: dict[type[Message], Answer] = {
            ProtoOAApplicationAuthReq: accept_application,
            ProtoOAAccountAuthReq: accept_account,
        }

    @property
    def caller(self) -> Caller:
        """The newest connection."""
        return self.callers[-1]

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self._port, ca_file=certificate()[0])

    async def __aenter__(self) -> Self:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate())
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Caller(self), "127.0.0.1", 0, ssl=context, ssl_shutdown_timeout=1
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for caller in self.callers:
            caller.cut()
        await self._server.wait_closed()

    def beats(self) -> int:
        """How many heartbeats came on the newest connection."""
        return len(self.caller.of_type(ProtoHeartbeatEvent))
