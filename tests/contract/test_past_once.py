"""Bars and ticks of the past cost the broker a request once; the open end is always asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from fxpool.openapi import FrameDecoder, payload_type_of
from fxpool.openapi.proto.common_pb2 import ProtoMessage
from fxpool.openapi.proto.messages_pb2 import ProtoOAGetTickDataReq, ProtoOAGetTrendbarsReq
from harness.stack import Stack

Request = TypeVar("Request", ProtoOAGetTrendbarsReq, ProtoOAGetTickDataReq)


class Asked(Generic[Request]):
    """What the broker was asked of one kind, as its transcript has it."""

    def __init__(self, kind: type[Request]) -> None:
        self.requests: list[Request] = []
        self._kind = kind
        self._type = payload_type_of(kind())

    def note(self, connection: int, frame: bytes, *, is_from_client: bool) -> None:
        for payload in FrameDecoder().feed(frame):
            envelope = ProtoMessage.FromString(payload)
            if is_from_client and envelope.payloadType == self._type:
                self.requests.append(self._kind.FromString(envelope.payload))


@contextmanager
def asked_of(stack: Stack, kind: type[Request]) -> Iterator[list[Request]]:
    """Give what the broker is asked of one kind inside the block."""
    asked = Asked(kind)
    stack.simulator.venue.transcript = asked
    try:
        yield asked.requests
    finally:
        stack.simulator.venue.transcript = None


async def test_a_second_reading_asks_for_nothing_but_the_open_end(stack: Stack) -> None:
    end = datetime.now(UTC) + timedelta(minutes=5)
    begin = end - timedelta(days=10)
    with asked_of(stack, ProtoOAGetTrendbarsReq) as requests:
        first = await stack.platform.bars("alpha", "EURUSD", "1h", begin=begin, end=end)
        assert len(requests) == 1
        assert (await stack.platform.bars("alpha", "EURUSD", "1h", begin=begin, end=end)) == first
        (again,) = requests[1:]
        age = timedelta(seconds=datetime.now(UTC).timestamp() - again.fromTimestamp / 1000)
        assert timedelta(hours=1) < age < timedelta(hours=1, minutes=3)


async def test_bars_that_are_all_closed_cost_nothing_the_second_time(stack: Stack) -> None:
    end = datetime.now(UTC) - timedelta(days=1)
    begin = end - timedelta(days=3)
    with asked_of(stack, ProtoOAGetTrendbarsReq) as requests:
        whole = await stack.platform.bars("alpha", "EURUSD", "1h", begin=begin, end=end)
        requests.clear()
        middle = await stack.platform.bars(
            "alpha", "EURUSD", "1h", begin=begin + timedelta(days=1), end=end - timedelta(days=1)
        )
        assert middle["bars"] == [row for row in whole["bars"] if row in middle["bars"]]
        await stack.platform.bars(
            "alpha", "EURUSD", "2h", begin=begin + timedelta(hours=2), end=end
        )
        assert requests == []
        assert (await stack.platform.bars("beta", "EURUSD", "1h", begin=begin, end=end))["count"]
        assert len(requests) == 1, "another account may have other bars"


async def test_ticks_that_are_settled_cost_nothing_the_second_time(stack: Stack) -> None:
    end = datetime.now(UTC) - timedelta(days=1)
    begin = end - timedelta(minutes=20)
    with asked_of(stack, ProtoOAGetTickDataReq) as requests:
        whole = await stack.platform.ticks("alpha", "EURUSD", begin=begin, end=end, limit=9000)
        assert len(requests) == 2, "one for each side"
        assert not whole["hasMore"]
        requests.clear()
        rows = whole["ticks"]
        oldest = await stack.platform.ticks(
            "alpha", "EURUSD", begin=begin, end=end, limit=9000, order="asc"
        )
        assert sorted(map(repr, oldest["ticks"])) == sorted(map(repr, rows))
        newest = await stack.platform.ticks("alpha", "EURUSD", begin=begin, end=end, limit=5)
        assert (newest["ticks"], newest["hasMore"]) == (rows[:5], True)
        assert requests == []
        assert (await stack.platform.ticks("beta", "EURUSD", begin=begin, end=end))["count"]
        assert len(requests) == 2, "another account may have other ticks"


async def test_the_newest_ticks_are_always_asked_for(stack: Stack) -> None:
    begin = datetime.now(UTC) - timedelta(minutes=10)
    with asked_of(stack, ProtoOAGetTickDataReq) as requests:
        await stack.platform.ticks("alpha", "EURUSD", kind="bid", begin=begin, limit=9000)
        assert len(requests) == 1
        await stack.platform.ticks("alpha", "EURUSD", kind="bid", begin=begin, limit=9000)
        (_, again) = requests
        age = timedelta(seconds=datetime.now(UTC).timestamp() - again.fromTimestamp / 1000)
        assert timedelta(minutes=2) <= age < timedelta(minutes=3)
