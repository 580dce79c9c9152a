"""The event stream of another pool over a WebSocket: read at once, reconnected, in sequence.

The socket is read by a task of its own, whatever the consumer does; events wait in the same kind
of queue that subscribers in the pool's process have. After a cut link the stream connects again
and goes on after the last change it got, even over a restart of a pool that keeps its events; the
consumer sees ``streamClosed`` and ``streamResumed`` in between, whatever it asked for. After a gap
in an account's sequence numbers, or where the pool does not know any more what came after (then it
says ``gap``), the stream begins with fresh snapshots.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import urlencode

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from fxpool.background import ended
from fxpool.clock import Clock
from fxpool.errors import RemoteProtocolError
from fxpool.mapping.instants import iso, ms_from_instant
from fxpool.platforms.base import PlatformError
from fxpool.platforms.event_hub import event_id
from fxpool.platforms.event_ring import EventPosition, ResumeFrom
from fxpool.platforms.events import HEARTBEAT, Event, EventFilter, EventSubscription
from fxpool.platforms.remote_http import CONNECT_TIMEOUT, error_told, pool_unreachable
from fxpool.tls import client_context

MAX_MESSAGE_BYTES: Final = 64 * 2**20  # a snapshot with every position of a large account
CLOSE_TIMEOUT: Final = 1.0
FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 15.0  # a pool restarts in 10 to 15 s
STABLE_SECONDS: Final = 30.0  # a link that lived so long is not to blame for the next failure

_NOWHERE: Final = ResumeFrom(last_event_id="unknown")
"""No pool knows this position: it tells of a gap, so that what was missed is no secret."""

_decode = msgspec.json.Decoder(list[dict[str, Any]] | dict[str, Any]).decode

_QUIET: Final = logging.getLogger("websockets.client.fxpool")
_QUIET.setLevel(logging.INFO)  # below that the library logs our headers, the key among them


class SequenceCheck:
    """Whether an account's changes arrive without a gap (pure).

    A complete stream counts up by one. One that the pool filters may leave numbers out, so there
    only their order is checked.
    """

    def __init__(self, *, is_complete: bool) -> None:
        self._is_complete = is_complete
        self._last: dict[str, EventPosition] = {}

    def accept(self, event: Event) -> None:
        """Take note of an event; raises RemoteProtocolError if one before it is missing."""
        if "seq" not in event.body:
            return
        epoch, number = event.body.get("epoch", ""), event.body["seq"]
        last = self._last.get(event.account)
        if last is not None and event.type != "snapshot":
            before = last.seq if epoch == last.epoch else 0  # another epoch begins at 1
            if number <= before or (self._is_complete and number != before + 1):
                text = f"events of {event.account} jump from {last.seq} to {number}"
                raise RemoteProtocolError(text)
        self._last[event.account] = EventPosition(event.account, epoch, number)

    def compare(self, heartbeat: Mapping[str, Any]) -> None:
        """Raise RemoteProtocolError if changes that a heartbeat tells of have not arrived."""
        sequences, epoch = heartbeat.get("sequences"), heartbeat.get("epoch")
        if not isinstance(sequences, dict):
            raise RemoteProtocolError(
                f"the pool sent a heartbeat without numbers: {heartbeat!r:.200}"
            )
        for account, number in sequences.items():
            last = self._last.get(account)
            is_behind = last is not None and (last.epoch, last.seq) != (epoch, number)
            if self._is_complete and is_behind:
                raise RemoteProtocolError(f"events of {account} before {number} are missing")


class RemoteSubscription:
    """One consumer's stream from another pool (a ``platforms.base.Subscription``)."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        wanted: EventFilter,
        *,
        clock: Clock,
        chance: random.Random,
        resume: ResumeFrom | None = None,
    ) -> None:
        self._base_url, self._headers, self._wanted = base_url, headers, wanted
        self._clock, self._chance = clock, chance
        self._queue = EventSubscription(EventFilter(), self._stop_reading)
        is_complete = wanted.types is None and wanted.symbols is None
        self._sequence = SequenceCheck(is_complete=is_complete)
        self._resume = resume
        self._is_cut = False
        self._reader: asyncio.Task[None] | None = None
        self._is_closed = False

    async def __aenter__(self) -> Self:
        """Connect. Raises PlatformError if the pool does not take the stream."""
        if self._reader is not None or self._is_over():
            return self
        link = await self._connect()
        if self._is_over():  # closed meanwhile
            await link.close()
        else:
            self._reader = asyncio.create_task(self._read(link), name="remote-events")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def _is_over(self) -> bool:
        return self._is_closed

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            for event in await self.next_batch():
                yield event

    async def next_batch(self) -> list[Event]:
        """Wait for at least one event and return all that are ready, oldest first.

        Connects first if that was not done yet. Raises PlatformError when the stream ended,
        SlowConsumer when this consumer did not keep up.
        """
        if self._reader is None:
            await self.__aenter__()
        return await self._queue.next_batch()

    def on_ready(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when something is ready or the stream ended; once it was entered."""
        self._queue.on_ready(wake)

    def take(self) -> tuple[Event, ...]:
        """Return all that are ready, oldest first, possibly none; raises as ``next_batch`` does."""
        return self._queue.take()

    def beat(self, at: datetime) -> None:
        """Queue a heartbeat; it tells nothing, since what other pools number is not known here."""
        self._queue.beat(at)

    def shared(self) -> None:
        """Return None: each consumer has its own link to the other pool."""

    async def close(self) -> None:
        """End the stream and wait until its task is gone."""
        self._is_closed = True
        self._queue.end(PlatformError(503, "STREAM_CLOSED", "the event stream was closed"))
        if self._reader is not None:
            await ended([self._reader])

    def _stop_reading(self, _queue: EventSubscription) -> None:
        if self._reader is not None:
            self._reader.cancel()

    async def _read(self, link: ClientConnection) -> None:
        """Read until cancelled or refused; the outermost frame of the task."""
        delays = _delays(self._chance)
        try:
            while True:
                since = self._clock.now()
                reason = await self._read_link(link)
                self._queue.offer(_about_stream("streamClosed", self._clock, reason=reason))
                self._is_cut = True
                self._resume = self._resume or _NOWHERE
                if self._clock.now() - since >= STABLE_SECONDS:
                    delays = _delays(self._chance)
                link = await self._connect_again(delays)
        except Exception as exc:  # whatever it is, the consumer gets it
            self._queue.end(exc)

    async def _read_link(self, link: ClientConnection) -> str:
        """Queue what one link brings; return why it ended."""
        async with link:
            try:
                async for message in link:
                    for body in _bodies(message):
                        self._tell_resumed(body)
                        if body.get("type") == HEARTBEAT:
                            self._sequence.compare(body)
                            self._resume_after(Event(HEARTBEAT, "", body))
                            continue
                        if "accountId" not in body:
                            # About the stream itself: the pool's last word before it ends it.
                            return str(body.get("detail", body))
                        event = _event(body)
                        self._sequence.accept(event)
                        self._resume_after(event)
                        self._queue.offer(event)
            except ConnectionClosed as exc:
                return str(exc)
            except RemoteProtocolError as exc:
                self._resume = _NOWHERE  # what is missing may lie before the last event
                return str(exc)
        return f"the pool closed the stream: {link.close_reason or link.close_code}"

    def _resume_after(self, event: Event) -> None:
        if (name := event_id(event)) is not None:
            self._resume = ResumeFrom(last_event_id=name)

    def _tell_resumed(self, body: Mapping[str, Any]) -> None:
        """Tell once after a cut that the stream goes on, if no snapshot says so."""
        if self._is_cut and body.get("type") not in {"gap", "snapshot"}:
            self._queue.offer(_about_stream("streamResumed", self._clock))
        self._is_cut = False

    async def _connect_again(self, delays: Iterator[float]) -> ClientConnection:
        """Try until it works. Raises PlatformError only if the pool refuses us for good."""
        while True:
            await self._clock.sleep(next(delays))
            try:
                return await self._connect()
            except PlatformError as error:
                if not error.retryable:
                    raise

    async def _connect(self) -> ClientConnection:
        try:
            return await _ConnectThere(
                stream_url(self._base_url, self._wanted, self._resume),
                additional_headers=self._headers,
                compression=None,
                proxy=None,
                logger=_QUIET,
                ssl=client_context() if self._base_url.startswith("https") else None,
                open_timeout=CONNECT_TIMEOUT,
                close_timeout=CLOSE_TIMEOUT,
                max_size=MAX_MESSAGE_BYTES,
            )
        except InvalidStatus as exc:
            raise _refused(exc) from exc
        except (OSError, InvalidHandshake, TimeoutError) as exc:
            raise pool_unreachable(self._base_url, _reason(exc)) from exc


class _ConnectThere(connect):
    """Connects to the pool that is configured, and follows no redirect to another, as calls over
    HTTP do not: what that one tells would be taken for the pool's word."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def stream_url(base_url: str, wanted: EventFilter, resume: ResumeFrom | None = None) -> str:
    """Return the WebSocket address of a filtered stream that comes in batches."""
    lists = {"accounts": wanted.accounts, "symbols": wanted.symbols, "types": wanted.types}
    query = {name: ",".join(sorted(values)) for name, values in lists.items() if values is not None}
    if wanted.account_ms:
        query["accountMs"] = str(wanted.account_ms)
    if resume is not None:
        query |= resume.query()
    return f"ws{base_url.removeprefix('http')}/ws?{urlencode({'batch': 1, **query})}"


def _delays(chance: random.Random) -> Iterator[float]:
    """Seconds before each further attempt: doubling up to a bound, with full jitter."""
    bound = FIRST_DELAY
    while True:
        yield chance.uniform(0.0, bound)
        bound = min(LONGEST_DELAY, bound * 2)


def _bodies(message: str | bytes) -> list[dict[str, Any]]:
    """Return the events of one message: an array of them, or a single one."""
    try:
        decoded = _decode(message)
    except msgspec.DecodeError as exc:
        raise RemoteProtocolError(f"the pool sent what is no event: {exc}") from exc
    return decoded if isinstance(decoded, list) else [decoded]


def _event(body: dict[str, Any]) -> Event:
    """Return the event that a body tells of; one without ``seq`` is a level."""
    kind, account, position = body.get("type"), body["accountId"], body.get("position") or {}
    if not (isinstance(kind, str) and isinstance(account, str) and isinstance(position, dict)):
        raise RemoteProtocolError(f"the pool sent what is no event: {body!r:.200}")
    if not (isinstance(body.get("seq", 0), int) and isinstance(body.get("epoch", ""), str)):
        raise RemoteProtocolError(f"the pool sent an event without its number: {body!r:.200}")
    symbol = body.get("symbol") or position.get("symbol")
    if "seq" in body:
        return Event(kind, account, body, symbol=symbol)
    subject = body.get("positionId") or position.get("id") or symbol or ""
    return Event(kind, account, body, symbol=symbol, level_key=(kind, account, subject))


def _about_stream(kind: str, clock: Clock, **facts: str) -> Event:
    at = clock.at()
    body = {"type": kind, **facts, "ts": ms_from_instant(at), "timestamp": iso(at)}
    return Event(kind, "", body)


def _refused(exc: InvalidStatus) -> PlatformError:
    """Return the error for a pool that answered, and not with a WebSocket."""
    response = exc.response
    body, retry_after = bytes(response.body), response.headers.get("Retry-After")
    return error_told(response.status_code, body, "GET /ws", retry_after=retry_after)


def _reason(exc: Exception) -> str:
    if isinstance(exc, ConnectionRefusedError) or "Multiple exceptions" in str(exc):
        return "connection refused"
    return "timeout" if isinstance(exc, TimeoutError) else str(exc)
