"""The limit: the same work written by hand on a blocking TLS socket, with no loop and no library.

One read, frames cut, one parse per quote, one-sided quotes merged in place, routed by account and
symbol, a callback called. What fxpool adds to this is what its design costs.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from struct import Struct

from bench.peer import ACCOUNT_ID, SYMBOL_IDS
from fxpool.openapi import encode
from fxpool.openapi.proto import messages_pb2 as oa
from fxpool.openapi.proto.hot_pb2 import SpotEnvelope

_SIZE = Struct("!I")


class Quote:
    """What the callback gets: the newest of both sides."""

    __slots__ = ("ask", "bid", "symbol_id", "timestamp")

    def __init__(self, symbol_id: int) -> None:
        self.symbol_id, self.bid, self.ask, self.timestamp = symbol_id, 0, 0, 0


def connect(port: int, ca_file: str) -> ssl.SSLSocket:
    """Return a logged-in link: application and account authorised."""
    context = ssl.create_default_context(cafile=ca_file)
    raw = socket.create_connection(("127.0.0.1", port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link = context.wrap_socket(raw, server_hostname="localhost")
    for request in (
        oa.ProtoOAApplicationAuthReq(clientId="bench", clientSecret="bench"),
        oa.ProtoOAAccountAuthReq(ctidTraderAccountId=ACCOUNT_ID, accessToken="bench"),
    ):
        link.sendall(encode(request, "1"))
        link.recv(1 << 16)
    return link


def count_quotes(port: int, ca_file: str, events: int, callback: Callable[[Quote], None]) -> float:
    """Read ``events`` quotes; return the CPU seconds from the first read to the last callback."""
    link = connect(port, ca_file)
    link.sendall(encode(oa.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT_ID), "2"))
    link.recv(len(encode(oa.ProtoOASubscribeSpotsRes(ctidTraderAccountId=ACCOUNT_ID), "2")))
    books = {ACCOUNT_ID: {symbol_id: Quote(symbol_id) for symbol_id in SYMBOL_IDS}}
    parse, unpack = SpotEnvelope.FromString, _SIZE.unpack_from
    rest, seen = b"", 0
    began = time.process_time()
    while seen < events:
        data = link.recv(1 << 18)
        if not data:
            raise RuntimeError("the peer ended early")
        data = rest + data if rest else data
        start, available = 0, len(data)
        while available - start >= 4:
            end = start + 4 + unpack(data, start)[0]
            if end > available:
                break
            event = parse(data[start + 4 : end]).payload
            start = end
            quote = books[event.ctidTraderAccountId][event.symbolId]
            if bid := event.bid:
                quote.bid = bid
            if ask := event.ask:
                quote.ask = ask
            quote.timestamp = event.timestamp
            callback(quote)
            seen += 1
        rest = data[start:]
    return time.process_time() - began


def round_trips(port: int, ca_file: str, *, in_flight: int, total: int) -> float:
    """Return round trips per second with blocking reads and writes, ``in_flight`` at once."""
    link = connect(port, ca_file)
    request = encode(oa.ProtoOATraderReq(ctidTraderAccountId=ACCOUNT_ID), "00000001")
    began, left, answered, rest = time.perf_counter(), total - in_flight, 0, b""
    link.sendall(request * in_flight)
    while answered < total:
        data = rest + link.recv(1 << 18)
        start = done = 0
        while len(data) - start >= 4:
            end = start + 4 + _SIZE.unpack_from(data, start)[0]
            if end > len(data):
                break
            start, done = end, done + 1
        rest = data[start:]
        answered += done
        more = min(done, left)
        left -= more
        if more:
            link.sendall(request * more)
    return total / (time.perf_counter() - began)
