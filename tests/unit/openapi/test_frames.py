"""Frames by bytes written by hand, since client and simulator share this code."""

from __future__ import annotations

import pytest

from fxpool.errors import FrameTooLarge, LocalProtocolError
from fxpool.openapi import FrameDecoder, encode_frame


def test_a_frame_is_a_big_endian_size_and_the_payload() -> None:
    assert encode_frame(b"abc") == b"\x00\x00\x00\x03abc"
    assert encode_frame(b"") == b"\x00\x00\x00\x00"
    assert encode_frame(b"x" * 258)[:4] == b"\x00\x00\x01\x02"


def test_a_chunk_may_hold_several_frames_and_a_piece() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(b"\x00\x00\x00\x01a\x00\x00\x00\x02bc\x00\x00") == [b"a", b"bc"]
    assert decoder.feed(b"\x00\x01") == []
    assert decoder.feed(b"d") == [b"d"]
    assert decoder.feed(b"") == []


def test_an_empty_payload_is_a_frame() -> None:
    assert FrameDecoder().feed(b"\x00\x00\x00\x00" * 2) == [b"", b""]


def test_a_frame_may_arrive_byte_by_byte() -> None:
    decoder = FrameDecoder()
    pieces = [decoder.feed(bytes([byte])) for byte in b"\x00\x00\x00\x02hi"]
    assert pieces == [[], [], [], [], [], [b"hi"]]


def test_a_hostile_size_is_refused_before_its_bytes_come() -> None:
    decoder = FrameDecoder(max_frame_bytes=16)
    with pytest.raises(FrameTooLarge) as caught:
        decoder.feed(b"\x00\x00\x00\x11")
    assert (caught.value.size, caught.value.limit) == (17, 16)


def test_a_frame_of_the_largest_size_passes() -> None:
    decoder = FrameDecoder(max_frame_bytes=16)
    assert decoder.feed(b"\x00\x00\x00\x10" + b"x" * 16) == [b"x" * 16]


def test_we_do_not_send_what_is_too_large() -> None:
    with pytest.raises(LocalProtocolError):
        encode_frame(b"xx", max_frame_bytes=1)
