"""The other side of every measurement: a TLS server in a process of its own, cheap enough that it
is never what is measured. Every request gets a prepared answer at once; a spot subscription also
starts the traffic.
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
from multiprocessing.connection import Connection

from fxpool.openapi import (
    MESSAGE_BY_PAYLOAD_TYPE,
    FrameDecoder,
    answer_type,
    encode,
    encode_frame,
    payload_type_of,
)
from fxpool.openapi.proto import messages_pb2 as oa
from fxpool.openapi.proto import model_pb2 as model
from fxpool.openapi.proto.common_pb2 import ProtoMessage

ACCOUNT_ID = 7_000_001
SYMBOL_IDS = tuple(range(1, 21))
CHUNK_EVENTS = 2_000
HEARTBEAT_EVENT = 51
SUBSCRIBE_SPOTS = 2127


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a subscription starts.

    Attributes:
        events: how many spot events in all.
        per_second: 0 floods, otherwise one event per write at this rate.
        trendbars: whether each event carries a bar, as with live bars subscribed.
        positions: how many positions are open, spread over the symbols.
    """

    events: int
    per_second: float = 0.0
    trendbars: bool = False
    positions: int = 0


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

    def __init__(self, certificate: str, traffic: Traffic) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.traffic = traffic
        self.frames = spot_frames(CHUNK_EVENTS, trendbars=traffic.trendbars)
        self.chunk = b"".join(self.frames)
        self.answers = prepared_answers(traffic.positions)

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
                if request.payloadType == SUBSCRIBE_SPOTS:
                    link.sendall(b"".join(answers))
                    answers.clear()
                    self._stream(link)
            if answers:
                link.sendall(b"".join(answers))

    def _answer(self, request: ProtoMessage) -> bytes:
        if request.payloadType == HEARTBEAT_EVENT:
            return b""
        number = answer_type(request.payloadType)
        if number is None:
            raise RuntimeError(f"the bench asked for {request.payloadType}")
        answer = ProtoMessage(
            payloadType=number, payload=self.answers[number], clientMsgId=request.clientMsgId
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


def prepared_answers(positions: int) -> dict[int, bytes]:
    """Return a payload per answer type: one account in USD, symbols with USD as their quote."""
    usd, base = 1, 2
    trader = oa.ProtoOATraderRes(ctidTraderAccountId=ACCOUNT_ID)
    trader.trader.ctidTraderAccountId = ACCOUNT_ID
    trader.trader.balance, trader.trader.moneyDigits = 1_000_000, 2
    trader.trader.depositAssetId, trader.trader.leverageInCents = usd, 10_000
    trader.trader.totalMarginCalculationType = model.SUM
    assets = oa.ProtoOAAssetListRes(ctidTraderAccountId=ACCOUNT_ID)
    assets.asset.add(assetId=usd, name="USD", digits=2)
    assets.asset.add(assetId=base, name="EUR", digits=2)
    lights = oa.ProtoOASymbolsListRes(ctidTraderAccountId=ACCOUNT_ID)
    details = oa.ProtoOASymbolByIdRes(ctidTraderAccountId=ACCOUNT_ID)
    for symbol_id in SYMBOL_IDS:
        lights.symbol.add(
            symbolId=symbol_id,
            symbolName=f"SYMBOL{symbol_id}",
            enabled=True,
            baseAssetId=base,
            quoteAssetId=usd,
        )
        details.symbol.add(symbolId=symbol_id, digits=5, pipPosition=4, lotSize=10_000_000)
    book = oa.ProtoOAReconcileRes(ctidTraderAccountId=ACCOUNT_ID)
    for index in range(positions):
        trade = model.ProtoOATradeData(
            symbolId=SYMBOL_IDS[index % len(SYMBOL_IDS)],
            volume=1_000_000,
            tradeSide=model.BUY,
            openTimestamp=1_700_000_000_000,
        )
        book.position.add(
            positionId=1 + index,
            tradeData=trade,
            positionStatus=model.POSITION_STATUS_OPEN,
            swap=0,
            price=1.12345,
            usedMargin=1000,
            moneyDigits=2,
        )
    empty = dict.fromkeys(MESSAGE_BY_PAYLOAD_TYPE, b"")
    account = oa.ProtoOAAccountAuthRes(ctidTraderAccountId=ACCOUNT_ID).SerializeToString()
    bare = dict.fromkeys((2103, 2119, 2128, 2130, 2163), account)
    full = {payload_type_of(each): each for each in (trader, assets, lights, details, book)}
    deals = oa.ProtoOADealListByPositionIdRes(ctidTraderAccountId=ACCOUNT_ID, hasMore=False)
    full[payload_type_of(deals)] = deals
    return empty | bare | {number: each.SerializeToString() for number, each in full.items()}


def _run(certificate: str, traffic: Traffic, told: Connection) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    served = Peer(certificate, traffic)
    told.send(listener.getsockname()[1])
    served.serve(listener)


@contextmanager
def peer(certificate: str, traffic: Traffic) -> Iterator[int]:
    """Run a peer in a process of its own; yields its port on 127.0.0.1."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=(certificate, traffic, theirs), daemon=True
    )
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()
