"""The bounds of one gateway."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """What one gateway accepts before it says no.

    Attributes:
        max_body_bytes: the largest request body; a longer one is answered with 413.
        max_head_bytes: the longest request line with its headers; more is answered with 431.
        head_seconds: how long a head may take to arrive; then 408 and the end of the link.
        body_seconds: the same for a body.
        max_links: connections open at once; one more is told 503 and closed.
        max_links_per_address: those of one address that is no trusted proxy; then 429.
        max_streams: event streams open at once; one more is answered with 503.
        max_streams_per_key: those of one key or token; one more is answered with 429.
        max_streams_per_address: those from one address; one more is answered with 429.
        heartbeat_seconds: how often a stream of server-sent events shows that it lives.
        stall_seconds: how long sent bytes may wait for a client before its link is cut.
    """

    max_body_bytes: int = 1 << 20
    max_head_bytes: int = 1 << 16
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    max_links: int = 8_000
    max_links_per_address: int = 4_000
    max_streams: int = 2_000
    max_streams_per_key: int = 1_000
    max_streams_per_address: int = 1_500
    heartbeat_seconds: float = 15.0
    stall_seconds: float = 30.0
