"""A small HTTP server on this machine while the context lasts, for a browser to come back to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from fxpool.errors import SettingsError

ADDRESS = "127.0.0.1"


class LoopbackServer:
    """Serves an app on a port of 127.0.0.1."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app, self._port = app, port
        self._server: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Listen. Raises SettingsError for a port that cannot be had."""
        try:
            listener = socket.create_server((ADDRESS, self._port))
        except OSError as exc:
            raise SettingsError(
                f"port {self._port}, which CTRADER_REDIRECT_URI names, cannot be listened on "
                f"({exc.strerror}). If a gateway or a proxy has it, open its page "
                "/api/ctrader/oauth/authorize?account_id=... instead"
            ) from exc
        config = uvicorn.Config(
            self._app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Uvicorn(config)
        serving = self._server.serve(sockets=[listener])
        self._task = asyncio.create_task(serving, name="loopback-http")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await asyncio.wait([self._task])


class _Uvicorn(uvicorn.Server):
    """uvicorn that leaves signals to the command."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
