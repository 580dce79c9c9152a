"""One Redis as this process reaches it: address, TLS, time-outs, and whether it is up.

While Redis is down every call fails at once and one task alone tries again, so nothing that serves
an account or a caller ever waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeout

from fxpool.clock import Clock
from fxpool.errors import RedisDown, RedisRefused, SettingsError
from fxpool.settings import Settings
from fxpool.tls import MINIMUM

CALL_SECONDS: Final = 2.0
"""How long one call may take, the connection to make it included."""

LOOK_SECONDS: Final = 1.0
"""How often is looked whether Redis is up."""

_WRITE: Final = ("SET", "ctrader:probe", "1", "PX", 1000)
"""Shows that Redis takes what is written; the value means nothing and ends by itself."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where a Redis is, and who we are to it; its repr shows no password."""

    host: str
    port: int = 6379
    database: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    is_tls: bool = False
    ca_file: Path | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """Return what the settings mean; None if they name no Redis. Raises SettingsError.

        REDIS_URL goes before the single variables, which say what it leaves out.
        """
        url = settings.redis_url.get_secret_value()
        if not url and not settings.redis_host:
            return None
        given = _UrlParts.of(url) if url else _UrlParts(host=settings.redis_host)
        return cls(
            given.host,
            given.port or settings.redis_port,
            settings.redis_db if given.database is None else given.database,
            given.username or settings.redis_username,
            given.password or settings.redis_password.get_secret_value(),
            is_tls=given.is_tls or settings.redis_tls,
            ca_file=settings.redis_cacert,
        )

    @property
    def place(self) -> str:
        """Where it is, in words for people; no secret."""
        tls = " with TLS" if self.is_tls else ""
        return f"Redis at {self.host} port {self.port}{tls}, database {self.database}"


@dataclass(frozen=True, slots=True)
class _UrlParts:
    host: str
    port: int | None = None
    database: int | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    is_tls: bool = False

    @classmethod
    def of(cls, url: str) -> Self:
        """Read a URL. Its text is never repeated in an error: it may hold a password."""
        form = "use redis://[user:password@]host[:port][/database], or rediss:// for TLS"
        try:
            parts = urlsplit(url)
            port, database = parts.port, parts.path.strip("/")
            number = int(database) if database else None
        except ValueError:
            raise SettingsError(f"REDIS_URL is no address of a Redis: {form}") from None
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
            raise SettingsError(f"REDIS_URL is no address of a Redis: {form}")
        if parts.query or parts.fragment:
            raise SettingsError(f"REDIS_URL takes no options after the database: {form}")
        return cls(
            parts.hostname,
            port,
            number,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            is_tls=parts.scheme == "rediss",
        )


class RedisConnection:
    """Commands to one Redis, and its state.

    Attributes:
        error: why it is down; empty while it is up.
        since: when it last went up or down.
        came_back: what is called each time Redis answers again; must not wait.
    """

    def __init__(self, address: RedisAddress, *, clock: Clock) -> None:
        self.address = address
        self._clock = clock
        self._client = _client(address)
        self._keeping: asyncio.Task[None] | None = None
        self.error = "not asked yet"
        self.since: datetime = clock.at()
        self.came_back: list[Callable[[], None]] = []

    @property
    def is_up(self) -> bool:
        return not self.error

    async def open(self) -> None:
        """Look whether Redis answers, and go on looking; that it does not is no error."""
        await self._look()
        if not self.is_up:
            log.warning("redis is down; this process goes on alone", error=self.error)
        self._keeping = asyncio.create_task(self._keep(), name="redis")

    async def close(self) -> None:
        """End all connections."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        await self._client.aclose()

    async def command(self, *words: str | bytes | float) -> Any:
        """Send one command and return its answer; texts come as bytes.

        Raises RedisDown at once while Redis is down, and RedisRefused if we may not.
        """
        if self.error:
            raise RedisDown(self.error)
        return await self._send(*words)

    async def script(self, text: str, keys: list[str], *words: str | bytes | float) -> Any:
        """Run a Lua script, which nothing else can come between; raises as ``command`` does."""
        return await self.command("EVAL", text, len(keys), *keys, *words)

    async def _send(self, *words: str | bytes | float) -> Any:
        task = asyncio.current_task()
        cancels = 0 if task is None else task.cancelling()
        try:
            return await self._answer(*words)
        finally:
            # In the place of a cancellation redis-py may raise an error of its own, and asyncio's
            # wait_for under it returns what it waited for (before Python 3.12).
            if task is not None and task.cancelling() > cancels:
                raise asyncio.CancelledError

    async def _answer(self, *words: str | bytes | float) -> Any:
        place = self.address.place
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await self._client.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py leaves it bare
        except (AuthenticationError, NoPermissionError) as exc:
            cure = "check REDIS_USERNAME and REDIS_PASSWORD, and what the user may do"
            raise self._down(RedisRefused(f"{place} refused us ({exc}); {cure}")) from exc
        except BusyLoadingError as exc:
            raise self._down(RedisDown(f"{place} is still loading its data")) from exc
        except ResponseError as exc:
            raise self._down(RedisRefused(f"{place} refused a command ({exc})")) from exc
        except (TimeoutError, RedisTimeout) as exc:
            text = f"{place} gave no answer within {CALL_SECONDS:g} s"
            raise self._down(RedisDown(text)) from exc
        except (RedisError, OSError) as exc:
            cure = "check REDIS_URL, or REDIS_HOST and REDIS_PORT, and that the server runs"
            if self.address.is_tls:
                cure += ", speaks TLS 1.2 or newer, and has a certificate that REDIS_CACERT trusts"
            raise self._down(RedisDown(f"{place} cannot be reached ({exc}); {cure}")) from exc

    def _down(self, error: RedisDown) -> RedisDown:
        """Take note of a failure; return it."""
        if self.is_up:
            self.since = self._clock.at()
            log.warning("redis went down; this process goes on alone", error=str(error))
        self.error = str(error)
        return error

    async def _look(self) -> None:
        was_down = bool(self.error)
        try:
            # One that refuses what we write (no memory left, a replica) still answers a PING.
            await self._send(*(_WRITE if was_down else ("PING",)))
        except RedisDown:
            return
        if was_down:
            self.error, self.since = "", self._clock.at()
            log.info("redis is up", place=self.address.place)
            for call in self.came_back:
                call()

    async def _keep(self) -> None:
        """Look until cancelled: the outermost frame of its task."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except Exception as exc:  # whatever it was, Redis is taken up again at the next look
                log.exception("looking after redis")
                self._down(RedisDown(f"an internal error: {type(exc).__name__}"))


def _client(address: RedisAddress) -> Redis:
    tls: dict[str, Any] = {}
    if address.is_tls:
        tls = {
            "ssl": True,
            "ssl_ca_certs": None if address.ca_file is None else str(address.ca_file),
            "ssl_min_version": MINIMUM,
            "ssl_check_hostname": True,
        }
    return Redis(
        host=address.host,
        port=address.port,
        db=address.database,
        username=address.username or None,
        password=address.password or None,
        protocol=2,
        socket_timeout=CALL_SECONDS,
        socket_connect_timeout=CALL_SECONDS,
        retry=Retry(NoBackoff(), 0),  # a command whose answer was lost may have been done
        **tls,
    )
