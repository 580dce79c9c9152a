"""Callbacks: where callers want to be told of reconnects, signed, tried again, replayed.

A callback is an HTTP address of the caller. Registrations are kept in a file. Events that wait for
an address that does not answer are kept in memory, within bounds, tried again, and replayed at once
when the caller registers again.

Source: ``registerReconnectionCallback`` of the older pools' clients; the signature is new.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypedDict

import httpx
import structlog

from fxpool.clock import Clock
from fxpool.errors import SettingsError, SlowConsumer
from fxpool.files import replace_durably
from fxpool.gateway.callback_rules import CallbackRules, callback_refused, signed
from fxpool.mapping.instants import iso
from fxpool.platforms.base import Platform, PlatformError
from fxpool.platforms.event_hub import event_id
from fxpool.platforms.events import Event, EventFilter
from fxpool.tls import client_context

MAX_CALLBACKS: Final = 50
MAX_WAITING: Final = 100
"""Events that wait for one address; then the oldest goes, and is counted as dropped."""

ANSWER_SECONDS: Final = 5.0
RETRY_SECONDS: Final = (1.0, 5.0, 30.0, 120.0, 600.0)
"""Pauses after failed attempts; the last one repeats."""

_EVENT: Final = "reconnected"
_SUBSCRIBE_AGAIN_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class CallbackState(TypedDict):
    """How the deliveries to one address stand."""

    callback_id: str
    callback_url: str
    waiting: int
    delivered: int
    dropped: int
    lastDeliveredAt: str | None
    lastError: str | None


@dataclass(slots=True, eq=False)
class _Callback:
    """One address and what waits for it."""

    url: str
    waiting: deque[tuple[str, bytes]] = field(default_factory=deque)
    delivered: int = 0
    dropped: int = 0
    last_delivered_at: str | None = None
    error: str | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    now: asyncio.Event = field(default_factory=asyncio.Event)
    sending: asyncio.Task[None] | None = None


class Callbacks:
    """The callbacks of one gateway: ``open`` and ``close`` it with the server."""

    def __init__(self, platform: Platform, rules: CallbackRules, *, clock: Clock) -> None:
        """Raises SettingsError for a file of registrations that cannot be read."""
        self._platform, self._rules, self._clock = platform, rules, clock
        self._callbacks = {name: _Callback(url) for name, url in _kept_in(rules.file).items()}
        self._http: httpx.AsyncClient | None = None
        self._hearing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to hear and to deliver."""
        self._http = httpx.AsyncClient(
            timeout=ANSWER_SECONDS,
            follow_redirects=False,
            verify=client_context(),
            trust_env=False,
        )
        for callback in self._callbacks.values():
            self._start(callback)
        self._hear()

    async def close(self) -> None:
        """End; what still waits is lost."""
        tasks = [callback.sending for callback in self._callbacks.values()] + [self._hearing]
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        if self._http is not None:
            await self._http.aclose()

    # Registrations

    def register(self, name: str, url: str) -> CallbackState:
        """Call an address from now on; what waits for it is delivered at once.

        A second registration of a name replaces the first. Raises PlatformError.
        """
        self._rules.check(url)
        if name not in self._callbacks and len(self._callbacks) >= MAX_CALLBACKS:
            raise callback_refused(f"{MAX_CALLBACKS} callbacks are registered, which is the limit")
        callback = self._callbacks.setdefault(name, _Callback(url))
        callback.url = url
        self._write()
        callback.now.set()
        self._start(callback)
        self._hear()
        return _state(name, callback)

    async def forget(self, name: str) -> None:
        """End a registration. Raises PlatformError if there is none."""
        callback = self._callbacks.pop(name, None)
        if callback is None:
            raise PlatformError(404, "NOT_FOUND", f"no callback is registered as {name}")
        self._write()
        if callback.sending is not None:
            callback.sending.cancel()
            await asyncio.wait([callback.sending])

    def states(self) -> list[CallbackState]:
        """Return how the deliveries stand."""
        return [_state(name, callback) for name, callback in self._callbacks.items()]

    def _write(self) -> None:
        if self._rules.file is None:
            return
        content = {name: callback.url for name, callback in self._callbacks.items()}
        try:
            replace_durably(self._rules.file, json.dumps(content, indent=2).encode())
        except OSError as exc:
            text = f"the registration cannot be kept: {exc.strerror or exc}"
            raise PlatformError(500, "CALLBACK_NOT_STORED", text) from exc

    # Hearing

    def _hear(self) -> None:
        if self._http is not None and self._hearing is None and self._callbacks:
            self._hearing = asyncio.create_task(self._listen(), name="callbacks")

    async def _listen(self) -> None:
        """Queue events for all callbacks until cancelled: the outermost frame of its task."""
        while True:
            try:
                wanted = EventFilter(types=frozenset({_EVENT}))
                async with self._platform.subscribe(wanted) as events:
                    async for event in events:
                        if event.type == _EVENT:
                            self._queue(event)
            except (SlowConsumer, PlatformError) as exc:
                log.warning("callbacks hear no events", error=str(exc))
            except Exception:  # whatever it was, they listen again
                log.exception("callbacks hear no events")
            await self._clock.sleep(_SUBSCRIBE_AGAIN_SECONDS)

    def _queue(self, event: Event) -> None:
        name = event_id(event) or ""
        for callback in self._callbacks.values():
            callback.waiting.append((name, event.encoded))
            if len(callback.waiting) > MAX_WAITING:
                callback.waiting.popleft()
                callback.dropped += 1
            callback.wake.set()

    # Delivering

    def _start(self, callback: _Callback) -> None:
        if self._http is not None and callback.sending is None:
            sending = self._deliver_forever(callback, self._http)
            callback.sending = asyncio.create_task(sending, name="callback")

    async def _deliver_forever(self, callback: _Callback, http: httpx.AsyncClient) -> None:
        """Deliver in order until cancelled: the outermost frame of its task."""
        failures = 0
        while True:
            if not callback.waiting:
                callback.wake.clear()
                await callback.wake.wait()
            delivery = callback.waiting[0]
            callback.now.clear()
            try:
                callback.error = await self._try(callback.url, delivery, http)
            except Exception as exc:  # whatever it was, the delivery is tried again
                log.exception("callback", url=_shown(callback.url))
                callback.error = f"an internal error: {type(exc).__name__}"
            if callback.error is None:
                failures = 0
                callback.delivered += 1
                callback.last_delivered_at = iso(self._clock.at())
                if callback.waiting and callback.waiting[0] is delivery:
                    callback.waiting.popleft()
                continue
            log.warning("callback", url=_shown(callback.url), error=callback.error)
            await self._pause(callback, RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
            failures += 1

    async def _pause(self, callback: _Callback, seconds: float) -> None:
        """Wait, or until the caller registers again."""
        waiting = {
            asyncio.create_task(self._clock.sleep(seconds)),
            asyncio.create_task(callback.now.wait()),
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def _try(
        self, url: str, delivery: tuple[str, bytes], http: httpx.AsyncClient
    ) -> str | None:
        """Deliver one event; return why not, None if it was taken."""
        name, body = delivery
        headers = signed(body, self._rules.secret, at=int(self._clock.at().timestamp()))
        headers |= {"Content-Type": "application/json", "X-Fxpool-Delivery": name}
        encoded = httpx.Headers(headers, encoding="utf-8")  # the name of an account is any text
        try:
            self._rules.check(url)  # the rules may have changed since it was registered
            async with (
                asyncio.timeout(ANSWER_SECONDS),  # httpx bounds each read, not their sum
                http.stream("POST", url, content=body, headers=encoded) as answer,
            ):
                return None if answer.is_success else f"answered with status {answer.status_code}"
        except PlatformError as exc:
            return exc.detail
        except (TimeoutError, httpx.TimeoutException):
            return f"no answer within {ANSWER_SECONDS:g} s"
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            return f"cannot be reached ({type(exc).__name__})"


def _state(name: str, callback: _Callback) -> CallbackState:
    return CallbackState(
        callback_id=name,
        callback_url=_shown(callback.url),
        waiting=len(callback.waiting),
        delivered=callback.delivered,
        dropped=callback.dropped,
        lastDeliveredAt=callback.last_delivered_at,
        lastError=callback.error,
    )


def _shown(url: str) -> str:
    """Return an address without its query, which may hold a secret of the caller's."""
    return url.partition("?")[0]


def _kept_in(file: Path | None) -> Mapping[str, str]:
    if file is None:
        return {}
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): str(url) for name, url in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as exc:
        text = f"{file}: the callbacks cannot be read ({type(exc).__name__}): mend or delete it"
        raise SettingsError(text) from exc
