"""The other side of every measurement: a TLS server in a process of its own, cheap enough that it
is never what is measured. It answers the log-in, then floods, paces or echoes as it is told.

The first request after the log-in chooses: a SubscribeSpots request starts the flood, any other
request is echoed as its answer type with a prepared payload.
"""

from __future__ import annotations

import multiprocessing
import random
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fxpool.openapi import FrameDecoder, encode, encode_frame
from fxpool.openapi.proto import messages_pb2 as oa
from fxpool.openapi.proto.common_pb2 import ProtoMessage

ACCOUNT_ID = 7_000_001
SYMBOL_IDS = tuple(range(1, 21))
CHUNK_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a subscription starts.

    Attributes:
        events: how many spot events in all.
        per_second: 0 floods, otherwise one event per write at this rate.
        trendbars: whether each event carries a bar, as with live bars subscribed.
    """

    events: int
    per_second: float = 0.0
    trendbars: bool = False


def spot_frames(count: int, *, seed: int = 1, trendbars: bool = False) -> list[bytes]:
    """Return frames as a busy market sends them: one in three has both sides."""
    chance = random.Random(seed)
    mid = dict.fromkeys(SYMBOL_IDS, 112_500)
    frames = []
    for index in range(count):
        symbol_id = SYMBOL_IDS[index % len(SYMBOL_IDS)]
        mid[symbol_id] += chance.randint(-3, 3)
        event = oa.ProtoOASpotEvent(ctidTraderAccountId=ACCOUNT_ID, symbolId=symbol_id)
        sides = 3 if index < len(SYMBOL_IDS) else chance.randint(1, 3)
        if sides & 1:
            event.bid = mid[symbol_id]
        if sides & 2:
            event.ask = mid[symbol_id] + 7
        event.timestamp = 1_700_000_000_000 + index
        if trendbars:
            event.trendbar.add(volume=index, low=mid[symbol_id], deltaOpen=3, period=1)
        frames.append(encode(event))
    return frames


class Peer:
    """Serves one connection after the other until the process ends."""

    def __init__(self, cert_file: str, key_file: str, traffic: Traffic) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert_file, key_file)
        self.traffic = traffic
        self.frames = spot_frames(CHUNK_EVENTS, trendbars=traffic.trendbars)
        self.chunk = b"".join(self.frames)

    def serve(self, listener: socket.socket) -> None:
        while True:
            raw, _ = listener.accept()
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._converse, args=(raw,), daemon=True).start()

    def _converse(self, raw: socket.socket) -> None:
        try:
            with self.context.wrap_socket(raw, server_side=True) as link:
                self._answer_all(link)
        except OSError:
            return  # the measured side is done and has gone

    def _answer_all(self, link: ssl.SSLSocket) -> None:
        decoder = FrameDecoder()
        while data := link.recv(1 << 18):
            answers = []
            for payload in decoder.feed(data):
                request = ProtoMessage.FromString(payload)
                answers.append(self._answer(request))
                if request.payloadType == 2127:
                    link.sendall(b"".join(answers))
                    answers.clear()
                    self._stream(link)
            if answers:
                link.sendall(b"".join(answers))

    def _answer(self, request: ProtoMessage) -> bytes:
        if request.payloadType == 51:
            return b""
        payload = _ACCOUNT_ONLY if request.payloadType != 2100 else b""
        answer = ProtoMessage(
            payloadType=request.payloadType + 1,
            payload=payload,
            clientMsgId=request.clientMsgId,
        )
        return encode_frame(answer.SerializeToString())

    def _stream(self, link: ssl.SSLSocket) -> None:
        if not self.traffic.per_second:
            for _ in range(self.traffic.events // CHUNK_EVENTS):
                link.sendall(self.chunk)
            return
        begin, step = time.perf_counter(), 1 / self.traffic.per_second
        for index in range(self.traffic.events):
            due = begin + index * step
            while (ahead := due - time.perf_counter()) > 0:
                time.sleep(ahead if ahead > 0.0004 else 0)
            event = oa.ProtoOASpotEvent(
                ctidTraderAccountId=ACCOUNT_ID,
                symbolId=SYMBOL_IDS[index % len(SYMBOL_IDS)],
                bid=112_500,
                ask=112_507,
                timestamp=time.perf_counter_ns(),
            )
            link.sendall(encode(event))


_ACCOUNT_ONLY = oa.ProtoOAAccountAuthRes(ctidTraderAccountId=ACCOUNT_ID).SerializeToString()


def _run(cert_file: str, key_file: str, traffic: Traffic, port: object) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port.send(listener.getsockname()[1])  # type: ignore[attr-defined]  # a pipe's end
    Peer(cert_file, key_file, traffic).serve(listener)


@contextmanager
def peer(cert_file: str, key_file: str, traffic: Traffic) -> Iterator[int]:
    """Run a peer in a process of its own; yields its port on 127.0.0.1."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=(cert_file, key_file, traffic, theirs), daemon=True
    )
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()
