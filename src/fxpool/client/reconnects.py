"""Reconnection callbacks: a program's functions, called when an account's link is back.

A callback is kept before any pool is told of it, and stays whatever the pools answer: it is called
from the event streams, one per platform, so that one without events silences no other.
"""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, runtime_checkable

from fxpool.client.calls import PlatformCalls
from fxpool.client.following import end, follow, told_safely
from fxpool.client.streams import EventStream
from fxpool.platforms.base import Platform, PlatformError
from fxpool.platforms.events import Event, EventFilter

ReconnectionCallback = Callable[[str, float], Awaitable[None] | None]
"""Gets the account's key and the seconds that its link was down."""

_WANTED = EventFilter(types=frozenset({"reconnected"}))

log = logging.getLogger(__name__)


@runtime_checkable
class TakesCallbacks(Protocol):
    """A platform that wants to know of callbacks."""

    async def register_reconnection_callback(self, callback_id: str) -> None:
        """Tell the pool of a callback by name. Raises PlatformError."""
        ...


class ReconnectCalls(PlatformCalls):
    """Part of ``UnifiedPoolClient``."""

    _streams: set[EventStream]
    _callbacks: list[ReconnectionCallback]
    _watching: set[asyncio.Task[None]]

    async def register_reconnection_callback(self, callback: ReconnectionCallback) -> bool:
        """Call ``callback(account, seconds)`` whenever an account's link is back; always True.

        What it raises is logged, and the others are called all the same. Pools are told of it, and
        nothing depends on their answer.
        """
        if callback not in self._callbacks:
            self._callbacks.append(callback)
        if not self._watching:
            for platform in self._platforms.values():
                work = follow(
                    partial(self._reconnects_of, platform),
                    self._reconnected,
                    _over,
                    clock=self._clock,
                )
                name = f"reconnects-of-{platform.name}"
                self._watching.add(asyncio.create_task(work, name=name))
        name = getattr(callback, "__name__", "anonymous").strip("<>").replace("lambda", "anonymous")
        for platform in self._platforms.values():
            if isinstance(platform, TakesCallbacks):
                await _tell_of(platform, name)
        return True

    def _reconnects_of(self, platform: Platform) -> EventStream:
        stream = EventStream([platform.subscribe(_WANTED)], self._streams.discard)
        self._streams.add(stream)
        return stream

    async def _reconnected(self, event: Event) -> None:
        if event.type != "reconnected":
            return
        seconds = float(event.body["disconnectDuration"])
        for callback in tuple(self._callbacks):
            await told_safely(callback, event.account, seconds)

    async def _end_callbacks(self) -> None:
        await end(self._watching)

    registerReconnectionCallback = register_reconnection_callback


async def _tell_of(platform: TakesCallbacks, name: str) -> None:
    try:
        await platform.register_reconnection_callback(name)
    except PlatformError as error:
        log.info("a pool did not take callback %s: %s", name, error.detail)


async def _over(_reason: str) -> None:
    """Do nothing: the stream is opened again, and begins with what comes then."""
