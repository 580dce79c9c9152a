"""The gateway's sockets."""

from __future__ import annotations

import asyncio
import socket

import httpx

from fxpool.gateway import GatewayServer, create_app
from harness.hub_platform import HubPlatform


async def test_accepted_connections_do_not_hold_small_answers_back() -> None:
    """Only the stock event loop is told apart by this: uvloop sets the option itself."""
    assert type(asyncio.get_running_loop()).__module__.startswith("asyncio")
    async with (
        GatewayServer(create_app(HubPlatform()), port=0, drain_seconds=1) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        await client.get("/openapi.json")
        assert server._server is not None
        (accepted,) = server._server.server_state.connections
        connection = accepted.transport.get_extra_info("socket")
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
