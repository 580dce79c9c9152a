"""Frames that several clients share."""

from __future__ import annotations

import asyncio

import msgspec
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from fxpool.gateway.frames import SharedFrames, frame_writer
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
    events = [_price(1.1), _price(1.2)]
    shared = SharedFrames()
    assert _texts(shared.of(events, is_batched=False)) == [each.encoded for each in events]
    (array,) = _texts(shared.of(events, is_batched=True))
    assert msgspec.json.decode(array) == [each.body for each in events]


async def test_clients_that_are_sent_the_same_share_bytes_within_a_turn_of_the_loop() -> None:
    shared, events = SharedFrames(), [_price(1.1)]
    first = shared.of(events, is_batched=False)
    assert shared.of(list(events), is_batched=False) is first
    assert shared.of(events, is_batched=True) != first
    await asyncio.sleep(0)
    again = shared.of(events, is_batched=False)
    assert again == first
    assert again is not first


async def test_long_events_are_framed_whole() -> None:
    event = Event("snapshot", "a", {"type": "snapshot", "text": "x" * 70_000})
    assert _texts(SharedFrames().of([event], is_batched=False)) == [event.encoded]


def test_a_server_that_offers_no_frames_is_no_error() -> None:
    assert frame_writer({"type": "websocket"}) is None
