"""The command line in processes of its own, as a shell would start it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

CODE = """
import signal
from fxpool.cli import main
# A job that a script runs in the background ignores Ctrl-C, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return what it printed; fails unless that is one line of JSON."""
        (line,) = self.out.splitlines()
        return json.loads(line)


async def command(*arguments: str, **environment: str) -> Done:
    """Run a command to its end."""
    async with asyncio.timeout(DEADLINE), started(*arguments, **environment) as process:
        out, err = await process.communicate()
    return Done(process.returncode or 0, out.decode(), err.decode())


@asynccontextmanager
async def started(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command while the block lasts; one that still runs then gets SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CODE,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(environment),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def interrupted(process: asyncio.subprocess.Process) -> Done:
    """End a command with Ctrl-C and return how it ended."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(DEADLINE):
        out, err = await process.communicate()
    return Done(process.returncode or 0, out.decode(), err.decode())


async def line_where(stream: asyncio.StreamReader | None, condition: Callable[[str], bool]) -> str:
    """Return the first line for which ``condition`` holds; fails if the stream ends before."""
    assert stream is not None
    seen = []
    async with asyncio.timeout(DEADLINE):
        while line := (await stream.readline()).decode():
            if condition(line):
                return line
            seen.append(line)
    raise AssertionError(f"the line did not come; seen: {''.join(seen)}")


def _environment(wanted: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without what configures fxpool, and ``wanted``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CTRADER_")}
    return {**kept, **wanted}
