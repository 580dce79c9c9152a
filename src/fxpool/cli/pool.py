"""A running gateway, as the commands see it: one question, one answer, one way to end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import typer

from fxpool.cli.exits import Exit, end_with, warn_unknown
from fxpool.errors import FxPoolError
from fxpool.platforms.base import Platform
from fxpool.platforms.remote import RemotePlatform

Answer = TypeVar("Answer")
INTERRUPTED = 130
"""The shell's own code for a command that Ctrl-C ended."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Where the gateway is, and how its answers are printed."""

    url: str
    api_key: str = field(repr=False)
    as_json: bool

    def remote(self) -> RemotePlatform:
        """Return a platform that speaks to this gateway; open and close it."""
        return RemotePlatform(self.url, api_key=self.api_key or None)

    def ask(self, question: Callable[[Platform], Awaitable[Answer]]) -> Answer:
        """Return the answer to a read, or end the command with the reason and its exit code."""
        try:
            return asyncio.run(self._ask(question))
        except FxPoolError as error:
            end_with(error, as_json=self.as_json)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    def order(self, request: Callable[[Platform], Awaitable[Answer]]) -> Answer:
        """Return the answer to a trading call. Interrupted, its outcome is not known: say so."""
        try:
            return asyncio.run(self._ask(request))
        except FxPoolError as error:
            end_with(error, as_json=self.as_json)
        except KeyboardInterrupt:
            warn_unknown("interrupted before the answer")
            raise typer.Exit(Exit.OUTCOME_UNKNOWN) from None

    async def _ask(self, question: Callable[[Platform], Awaitable[Answer]]) -> Answer:
        remote = self.remote()
        await remote.open()
        try:
            return await question(remote)
        finally:
            await remote.close()
