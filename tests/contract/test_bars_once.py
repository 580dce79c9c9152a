"""Bars of the past cost the broker a request once; the bar that goes on is always asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from fxpool.openapi import FrameDecoder, payload_type_of
from fxpool.openapi.proto.common_pb2 import ProtoMessage
from fxpool.openapi.proto.messages_pb2 import ProtoOAGetTrendbarsReq
from harness.stack import Stack

TRENDBARS = payload_type_of(ProtoOAGetTrendbarsReq())


class Asked:
    """What the broker was asked about bars, as its transcript has it."""

    def __init__(self) -> None:
        self.requests: list[ProtoOAGetTrendbarsReq] = []

    def note(self, connection: int, frame: bytes, *, is_from_client: bool) -> None:
        for payload in FrameDecoder().feed(frame):
            envelope = ProtoMessage.FromString(payload)
            if is_from_client and envelope.payloadType == TRENDBARS:
                self.requests.append(ProtoOAGetTrendbarsReq.FromString(envelope.payload))


@contextmanager
def asked_of(stack: Stack) -> Iterator[list[ProtoOAGetTrendbarsReq]]:
    """Give what the broker is asked about bars inside the block."""
    asked = Asked()
    stack.simulator.venue.transcript = asked
    try:
        yield asked.requests
    finally:
        stack.simulator.venue.transcript = None


async def test_a_second_reading_asks_for_nothing_but_the_open_end(stack: Stack) -> None:
    end = datetime.now(UTC) + timedelta(minutes=5)
    begin = end - timedelta(days=10)
    with asked_of(stack) as requests:
        first = await stack.platform.bars("alpha", "EURUSD", "1h", begin=begin, end=end)
        assert len(requests) == 1
        assert (await stack.platform.bars("alpha", "EURUSD", "1h", begin=begin, end=end)) == first
        (again,) = requests[1:]
        age = timedelta(seconds=datetime.now(UTC).timestamp() - again.fromTimestamp / 1000)
        assert timedelta(hours=1) < age < timedelta(hours=1, minutes=3)


async def test_bars_that_are_all_closed_cost_nothing_the_second_time(stack: Stack) -> None:
    end = datetime.now(UTC) - timedelta(days=1)
    begin = end - timedelta(days=3)
    with asked_of(stack) as requests:
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
