"""A supervisor that follows a systemd unit's rules where no systemd runs: how to start, when to
start again, how to end, and the socket on which the service says how it is."""

from __future__ import annotations

import asyncio
import configparser
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from harness.commands import CODE, DEADLINE
from harness.wait import wait_until

UNIT: Final = Path(__file__).parents[2] / "deploy" / "fxpool.service"


class Unit(configparser.RawConfigParser):
    """The unit's file."""

    def __init__(self, path: Path = UNIT) -> None:
        super().__init__(strict=False)
        self.optionxform = str  # type: ignore[assignment,method-assign] # names keep their case
        self.read(path)
        self.service: Final = self["Service"]

    @property
    def arguments(self) -> list[str]:
        """The arguments of ExecStart; its program is the test's own."""
        return self.service["ExecStart"].split()[1:]

    @property
    def final_codes(self) -> frozenset[int]:
        """The exit codes after which nothing is started again."""
        return frozenset(map(int, self.service["RestartPreventExitStatus"].split()))

    @property
    def kill_signal(self) -> signal.Signals:
        return signal.Signals[self.service["KillSignal"]]


class Supervised:
    """The service while it is supervised.

    Attributes:
        told: what it said on the socket, oldest first.
        codes: with what each of its processes ended.
        pid: of the one that runs.
    """

    def __init__(self, unit: Unit, environment: Mapping[str, str], socket_: socket.socket) -> None:
        self._unit, self._environment, self._socket = unit, environment, socket_
        self._stops = False
        self.told: list[str] = []
        self.codes: list[int] = []
        self.pid = 0

    async def run(self) -> None:
        """Start it, and again as the unit says, until it may not be started any more."""
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                CODE,
                *self._unit.arguments,
                env=self._environment,
                stderr=asyncio.subprocess.DEVNULL,
            )
            self.pid = process.pid
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                process.kill()
                await process.wait()
                raise
            self.codes.append(code)
            if self._stops or code in self._unit.final_codes:
                return

    async def hear(self) -> None:
        """Take down what it says; never returns."""
        loop = asyncio.get_running_loop()
        while True:
            self.told.append((await loop.sock_recv(self._socket, 4096)).decode())

    async def says(self, word: str, *, times: int = 1) -> None:
        """Return once it said a word so often."""
        await wait_until(lambda: sum(word in told for told in self.told) >= times, within=DEADLINE)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self) -> None:
        """End it as the unit says."""
        self._stops = True
        self.send(self._unit.kill_signal)


@asynccontextmanager
async def supervised(folder: Path, **environment: str) -> AsyncIterator[Supervised]:
    """Run the shipped unit's service while the block lasts."""
    unit = Unit()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CTRADER_")}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(folder / "notify"))
        told.setblocking(False)
        own = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "600000"}
        service = Supervised(unit, kept | own | environment, told)
        async with asyncio.TaskGroup() as tasks:
            hearing = tasks.create_task(service.hear())
            running = tasks.create_task(service.run())
            yield service
            try:
                async with asyncio.timeout(DEADLINE):
                    await asyncio.wait([running])
            finally:
                running.cancel()
                hearing.cancel()
