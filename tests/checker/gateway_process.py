"""A gateway as a process of its own that dies where a run says: the product's own assembly on a
fast clock, with a journal that knows the numbered steps of a ticket.

``run_gateway`` is what the process runs; nothing of it is reachable from the product.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from checker.plan import CrashPoint
from checker.planted import ForgetfulJournal, plant
from fxpool.cli import logs
from fxpool.cli.lifetime import run_until_signal
from fxpool.clock import Clock
from fxpool.domain.tickets import Entry, Ticket, TicketState
from fxpool.gateway import GatewayServer, create_app, serve
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.settings import Settings
from fxpool.store import Journal
from harness.fast_clock import FastClock
from harness.sqlite_writes import before_sqlite_writes

_NOTED = {
    TicketState.SENT: CrashPoint.SENT,
    TicketState.ACCEPTED: CrashPoint.ACCEPTED,
    TicketState.EXECUTED: CrashPoint.EXECUTED,
    TicketState.UNKNOWN: CrashPoint.UNKNOWN,
}


class Shared(Protocol):
    """A number that two processes share."""

    value: int


TELL_SIGNAL = signal.SIGUSR1
"""Has a gateway write its tasks into its log."""


@dataclass(frozen=True, slots=True)
class Controls:
    """What a run does to a gateway process from outside.

    Attributes:
        crash: the point at which it is to die, 0 for none.
        unwritable: 1 while its SQLite files refuse to be written.
    """

    crash: Shared
    unwritable: Shared


@dataclass(frozen=True, slots=True)
class GatewaySpec:
    """What a gateway process is started with; it is pickled on its way.

    Attributes:
        settings: of the product, by field.
        log_file: takes what the process says.
        plant: the name of a planted bug, empty for none.
    """

    settings: dict[str, Any]
    clock: FastClock
    log_file: Path
    plant: str = ""


def run_gateway(spec: GatewaySpec, controls: Controls, ready: Pipe) -> None:
    """Serve until killed; ``ready`` gets the URL."""
    with spec.log_file.open("a") as log:
        os.dup2(log.fileno(), 2)
    logs.configure("INFO")
    with _refusing_writes_when(controls.unwritable):
        run_until_signal(partial(_serve, spec, controls, ready))


async def _serve(spec: GatewaySpec, controls: Controls, ready: Pipe) -> None:
    settings = Settings(**spec.settings)
    kind = _JOURNALS.get(spec.plant, NumberedJournal)
    journal = kind(settings.journal_url, clock=spec.clock)
    if isinstance(journal, NumberedJournal):
        journal.armed = controls.crash
    platform = CTraderPlatform.from_settings(settings, clock=spec.clock, journal=journal)
    plant(spec.plant, platform)
    await platform.open()
    asyncio.get_running_loop().add_signal_handler(TELL_SIGNAL, _tell_tasks)

    def announce(server: GatewayServer) -> None:
        ready.send(server.url)

    await serve(create_app(platform), port=0, announce=announce, close=platform.close)


def _tell_tasks() -> None:
    """Write what every task waits for into the log."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)


def _refusing_writes_when(unwritable: Shared) -> AbstractContextManager[None]:
    """Have SQLite itself refuse, as it does on a disk that has become read-only."""

    def limit(driver: Any) -> None:
        driver.execute(f"PRAGMA query_only={unwritable.value}")

    def free(driver: Any) -> None:
        driver.execute("PRAGMA query_only=0")

    return before_sqlite_writes(limit, after=free)


class NumberedJournal(Journal):
    """The journal, in a process that is killed at one numbered step of a ticket."""

    armed: Shared | None = None

    def __init__(self, url: SecretStr, *, clock: Clock) -> None:
        super().__init__(url, clock=clock)

    async def enter(self, entry: Entry) -> bool:
        self._pass(CrashPoint.RECEIVED)
        entered = await super().enter(entry)
        self._pass(CrashPoint.JOURNALED)
        return entered

    def note(self, ticket: Ticket) -> None:
        point = _NOTED.get(ticket.state)
        if point is not None:
            self._pass(point)
        super().note(ticket)

    async def write(self, ticket: Ticket, *, frees_key: bool = False) -> None:
        self._pass(CrashPoint.EXECUTED)
        await super().write(ticket, frees_key=frees_key)
        self._pass(CrashPoint.STORED)

    async def settle(
        self, ticket: Ticket, expected: TicketState, *, frees_key: bool = False
    ) -> bool:
        self._pass(CrashPoint.SETTLING)
        stored = await super().settle(ticket, expected, frees_key=frees_key)
        self._pass(CrashPoint.SETTLED)
        return stored

    def _pass(self, point: CrashPoint) -> None:
        if self.armed is not None and self.armed.value == point:
            os.kill(os.getpid(), signal.SIGKILL)


class NeglectfulJournal(NumberedJournal):
    """Leaves the orders of processes that are gone where they are: a planted bug."""

    async def _take_over(self, file: Path) -> None:
        pass


_JOURNALS: Mapping[str, type[Journal]] = {
    "forget": ForgetfulJournal,
    "neglect": NeglectfulJournal,
}
