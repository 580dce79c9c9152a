"""Frames that several clients share."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from fxpool.gateway.event_links import event_link
from fxpool.gateway.frames import (
    SharedFrames,
    array_frame,
    sse_array_chunk,
    sse_chunk,
    text_frames,
)
from fxpool.platforms.events import Event


def _price(bid: float) -> Event:
    return Event("price", "a", {"type": "price", "bid": bid}, level_key=("price", "EURUSD"))


def _texts(frames: bytes) -> list[bytes]:
    """What a client of this protocol reads."""
    client = Protocol(Side.CLIENT)
    client.receive_data(frames)
    received = [each for each in client.events_received() if isinstance(each, Frame)]
    assert all(frame.opcode is Opcode.TEXT and frame.fin for frame in received)
    return [bytes(frame.data) for frame in received]


async def test_each_event_is_a_message_of_its_own_unless_batches_are_agreed() -> None:
    events = (_price(1.1), _price(1.2))
    shared = SharedFrames()
    assert _texts(shared.of(events, text_frames)) == [each.encoded for each in events]
    (array,) = _texts(shared.of(events, array_frame))
    assert msgspec.json.decode(array) == [each.body for each in events]


async def test_clients_that_are_sent_the_same_share_bytes_within_a_turn_of_the_loop() -> None:
    shared, price = SharedFrames(), _price(1.1)
    events = (price,)
    first = shared.of(events, text_frames)
    assert shared.of((price,), text_frames) is first
    assert shared.of(events, array_frame) != first
    await asyncio.sleep(0)
    again = shared.of(events, text_frames)
    assert again == first
    assert again is not first


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536])
async def test_a_frame_is_what_the_library_makes_of_the_same_text(size: int) -> None:
    event = Event("note", "a", {"text": ""})
    event.body["text"] = "x" * (size - len(b'{"text":""}'))
    assert len(event.encoded) == size
    assert text_frames((event,)) == Frame(Opcode.TEXT, event.encoded).serialize(mask=False)
    assert _texts(text_frames((event,))) == [event.encoded]


def test_server_sent_events_are_whole_chunks_with_the_id_of_the_last_change() -> None:
    change = Event("orderPlaced", "a", {"type": "orderPlaced", "epoch": "e", "seq": 7})
    events = (change, _price(1.1))
    lines = b"id: a:e:7\ndata: %b\n\ndata: %b\n\n" % (change.encoded, events[1].encoded)
    assert sse_chunk(events) == b"%x\r\n%b\r\n" % (len(lines), lines)
    array = b"id: a:e:7\ndata: [%b,%b]\n\n" % (change.encoded, events[1].encoded)
    assert sse_array_chunk(events) == b"%x\r\n%b\r\n" % (len(array), array)


def test_a_server_that_offers_no_link_is_told_which_one_does() -> None:
    with pytest.raises(RuntimeError, match="GatewayServer"):
        event_link({"type": "websocket"})
