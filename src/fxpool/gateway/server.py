"""The gateway on a socket: uvicorn, told when to begin and end. Signals are the entry point's."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Final, Self

import structlog
import uvicorn

from fxpool.background import Background
from fxpool.errors import AddressTaken, SettingsError
from fxpool.gateway.app import Gateway
from fxpool.gateway.caller_links import CallerLinks, LinkConfig
from fxpool.gateway.http_link import HttpLink
from fxpool.gateway.websocket_link import WebSocketLink

DEFAULT_PORT: Final = 8088
_MAX_MESSAGE_BYTES: Final = 64 * 1024
_BACKLOG: Final = 2048
_TLS_SECONDS: Final = 10.0
_MANY: Final = 1_000_000

# Longer than the pause of any polling caller, so that a request does not meet a closing connection.
_KEEP_ALIVE_SECONDS: Final = 75

_DATE_SECONDS: Final = 1.0

DRAIN_SECONDS: Final = 35
"""Longer than a trading call waits for the broker, so that every one of them can finish."""

_LAST_WORDS_SECONDS: Final = 2

log = structlog.get_logger(__name__)


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
        drain_seconds: int = DRAIN_SECONDS,
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
        self._background = Background(app.clock)

    @property
    def port(self) -> int:
        """The real port, once the server was entered."""
        return self._port

    @property
    def url(self) -> str:
        """The base URL, once the server was entered."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'http' if self._app.certificate is None else 'https'}://{host}:{self._port}"

    async def __aenter__(self) -> Self:
        """As ``open``."""
        await self.open()
        return self

    async def open(self) -> None:
        """Listen. Raises AddressTaken or SettingsError with the cure if the address cannot be
        had."""
        listener = _listen(self._host, self._port, self._app.limits.stall_seconds)
        self._port = listener.getsockname()[1]
        access = self._app.access
        links = CallerLinks(
            self._app.limits, open_files=_open_files(), is_proxy=access.is_trusted_proxy
        )
        self._server = _Uvicorn(_config(self._app, links, self._drain_seconds))
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
        self._background.keep(self._app.keep_access, "gateway-access")
        self._background.keep(links.keep, "gateway-links")
        if self._app.configuration is not None:
            self._background.keep(self._app.configuration.watch, "gateway-configuration")
        if self._app.certificate is not None:
            self._background.keep(self._app.certificate.watch, "gateway-certificate")

    async def __aexit__(self, *exc_info: object) -> None:
        """Tell the streams, finish what is in flight, close. What did not end by then gets a
        moment to send what it has, and is cut."""
        if self._server is None or self._task is None:
            return
        if not self._server.should_exit:
            await self.drain()
        await asyncio.wait([self._task], timeout=_LAST_WORDS_SECONDS)
        self._server.force_exit = True
        await asyncio.wait([self._task])

    async def drain(self) -> None:
        """Refuse what comes from now on, tell the streams, and wait for requests in flight, as
        long as they may take. Cancelled, it waits for none of them."""
        if self._server is None or self._task is None:
            return
        self._app.stop()
        log.info("gateway stops", in_flight=self._in_flight, waits_seconds=self._drain_seconds)
        try:
            try:
                await self._app.streams.said_goodbye()
            finally:  # not before: the server's own ending would cut the streams' last words
                self._server.end()
            await asyncio.wait([self._task], timeout=self._drain_seconds)
        finally:
            if self._in_flight:
                log.warning("gateway stops with requests in flight", in_flight=self._in_flight)
            await self._end_own_work()

    @property
    def _in_flight(self) -> int:
        return 0 if self._server is None else len(self._server.server_state.tasks)

    async def _end_own_work(self) -> None:
        await self._background.close()
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
    close: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Serve until cancelled, then end gracefully and ``close`` what was served.

    Requests in flight are waited for. When they take too long, or the task is cancelled again,
    ``close`` ends them with what is known: an order that was sent is answered as unknown, with its
    ticket. ``announce`` is called once the server listens, with its real port known.
    Raises AddressTaken, or SettingsError if the address is refused.
    """
    server = GatewayServer(app, host=host, port=port)
    async with AsyncExitStack() as ending:  # the last one pushed is the first to run
        ending.push_async_exit(server)
        if close is not None:
            ending.push_async_callback(close)
        await server.open()
        ending.push_async_callback(server.drain)
        if announce is not None:
            announce(server)
        await server.wait()


class _Uvicorn(uvicorn.Server):
    """uvicorn that leaves signals alone, says when it listens, and need not ask whether to end."""

    def __init__(self, config: LinkConfig) -> None:
        super().__init__(config)
        self.links = config
        self.listening = asyncio.Event()
        self._is_told_to_end = asyncio.Event()

    def end(self) -> None:
        """Have it end soon."""
        self.should_exit = True
        self._is_told_to_end.set()

    async def main_loop(self) -> None:
        """Keep the date of answers until told to end; uvicorn's own wakes ten times a second."""
        while not await self.on_tick(0):  # at the count of 0 it sets the date
            with suppress(TimeoutError):
                async with asyncio.timeout(_DATE_SECONDS):
                    await self._is_told_to_end.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen as uvicorn does, with time limits for the beginning and the end of TLS."""
        config, loop = self.config, asyncio.get_running_loop()
        tls_seconds = None if config.ssl is None else _TLS_SECONDS
        await self.lifespan.startup()
        self.servers = [
            await loop.create_server(
                self._new_link,
                sock=listener,
                ssl=config.ssl,
                backlog=config.backlog,
                ssl_handshake_timeout=tls_seconds,
                ssl_shutdown_timeout=tls_seconds,
            )
            for listener in sockets or ()
        ]
        self.started = True
        self.listening.set()

    def _new_link(self) -> asyncio.Protocol:
        return HttpLink(self.links, self.server_state, self.lifespan.state)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: Gateway, links: CallerLinks, drain_seconds: int) -> LinkConfig:
    certificate = app.certificate
    return LinkConfig(
        app,
        links,
        http=HttpLink,
        ws=WebSocketLink,
        ws_per_message_deflate=False,  # doubles the cost of a quote
        ws_max_size=_MAX_MESSAGE_BYTES,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=drain_seconds + _LAST_WORDS_SECONDS,
        ssl_context_factory=None if certificate is None else lambda *_: certificate.context,
    )


def _open_files() -> int:
    """How many files and links this process may have open."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MANY if most == resource.RLIM_INFINITY else most


def _listen(host: str, port: int, stall_seconds: float) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise AddressTaken(
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
