"""A client that stops reading costs a bounded queue, then its link is cut."""

from __future__ import annotations

import asyncio
import socket

import pytest

from fxpool.gateway import GatewayLimits, GatewayServer, create_app
from harness.hub_platform import HubPlatform

UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="needs TCP_USER_TIMEOUT")
@pytest.mark.parametrize(("path", "headers"), [("/ws", UPGRADE), ("/events", "")])
async def test_a_client_that_stops_reading_is_cut_off(path: str, headers: str) -> None:
    platform = HubPlatform(max_waiting=100)
    app = create_app(platform, limits=GatewayLimits(stall_seconds=0.3))
    async with GatewayServer(app, port=0, drain_seconds=1) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
            async with asyncio.timeout(10):
                while app.metrics.streams == 0:  # noqa: ASYNC110 (the server tells nobody)
                    await asyncio.sleep(0.005)
                while app.metrics.streams == 1:
                    platform.change(text="x" * 20_000)
                    await asyncio.sleep(0.005)
    assert platform.hub.subscribers == 0
