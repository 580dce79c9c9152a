"""The gateway on a socket: uvicorn, told when to begin and end. Signals are the entry point's."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Self

import uvicorn
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from fxpool.errors import SettingsError
from fxpool.gateway.app import Gateway

DEFAULT_PORT: Final = 8088
_MAX_MESSAGE_BYTES: Final = 64 * 1024
_BACKLOG: Final = 2048

# Longer than the pause of any polling caller, so that a request does not meet a closing connection.
_KEEP_ALIVE_SECONDS: Final = 75


class GatewayServer:
    """One app on one address while the context lasts.

    Runs in the caller's event loop; the entry points choose uvloop.
    """

    def __init__(
        self,
        app: Gateway,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        drain_seconds: int = 35,
    ) -> None:
        """Prepare; port 0 means any free one.

        ``drain_seconds`` is how long requests in flight may take to finish at the end.
        Raises SettingsError if other machines could reach an app that has no key.
        """
        app.access.require_key_at(host)
        self._app, self._host, self._port = app, host, port
        self._drain_seconds = drain_seconds
        self._server: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The real port, once the server was entered."""
        return self._port

    @property
    def url(self) -> str:
        """The base URL, once the server was entered."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def __aenter__(self) -> Self:
        """Listen. Raises SettingsError with the cure if the address cannot be had."""
        listener = _listen(self._host, self._port, self._app.limits.stall_seconds)
        self._port = listener.getsockname()[1]
        self._server = _Uvicorn(_config(self._app, self._drain_seconds))
        serving = self._server.serve(sockets=[listener])
        self._task = asyncio.create_task(serving, name="gateway-http")
        started = asyncio.create_task(self._server.listening.wait(), name="gateway-start")
        try:
            await asyncio.wait([self._task, started], return_when=asyncio.FIRST_COMPLETED)
        finally:
            started.cancel()
        if self._task.done():
            await self._task
        await self._app.callbacks.open()
        self._watch = asyncio.create_task(self._app.keep_access(), name="gateway-access")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Tell the streams, finish what is in flight, close."""
        if self._server is None or self._task is None:
            return
        self._app.streams.close()
        self._server.should_exit = True
        await asyncio.wait([self._task])
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        await self._app.callbacks.close()

    async def wait(self) -> None:
        """Wait until the server ends by itself, which it should not; raises what ended it."""
        if self._task is not None:
            await asyncio.shield(self._task)


async def serve(
    app: Gateway,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    announce: Callable[[GatewayServer], None] | None = None,
) -> None:
    """Serve until cancelled, then end gracefully.

    ``announce`` is called once the server listens, with its real port known.
    Raises SettingsError if the address is refused or taken.
    """
    async with GatewayServer(app, host=host, port=port) as server:
        if announce is not None:
            announce(server)
        await server.wait()


class _Uvicorn(uvicorn.Server):
    """uvicorn that leaves signals alone and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, for which a refusal with an HTTP answer is a finished handshake.

    Without this it logs each refused WebSocket as an error of the application.
    """

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True


def _config(app: Gateway, drain_seconds: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws=_WebSocketProtocol,
        ws_per_message_deflate=False,  # doubles the cost of a quote
        ws_max_size=_MAX_MESSAGE_BYTES,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=drain_seconds,
    )


def _listen(host: str, port: int, stall_seconds: float) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} on {host} is taken: stop the process that has it, or choose another "
                "port with --port or CTRADER_POOL_PORT (0 means any free one)"
            ) from exc
        raise SettingsError(f"cannot listen on {host} port {port}: {exc.strerror}") from exc
    # Accepted sockets inherit it. asyncio sets it itself only on sockets that name their protocol,
    # which these do not; without it an answer waits some 40 ms for the client's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; accepted sockets inherit it
        # A client that stops reading is cut off; nothing above the socket can close a full one.
        stall_ms = int(stall_seconds * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stall_ms)
    return listener
