"""A real PM2 with a home, a daemon and files of its own, for one test."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
_OURS: Final = ROOT / ".node-pm2" / "node_modules" / ".bin" / "pm2"
PM2: Final = str(_OURS) if _OURS.exists() else shutil.which("pm2")
WHY_NOT: Final = "no PM2 here: install Node, then `make pm2-env`"
FILE: Final = "ecosystem.ctrader.config.cjs"
NAME: Final = "ctrader-pool"


@dataclass(frozen=True, slots=True)
class Pm2:
    """A daemon, and the folder that its application runs in."""

    folder: Path
    environment: Mapping[str, str]

    async def run(self, *arguments: str) -> str:
        """Return what a command prints; fails unless it succeeds."""
        assert PM2 is not None
        process = await asyncio.create_subprocess_exec(
            PM2,
            *arguments,
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        return out.decode()

    async def state(self) -> dict[str, Any]:
        """Return what PM2 says of the application."""
        listed = await self.run("jlist", "--silent")
        (application,) = json.loads(listed[listed.index("[{") :])
        state: dict[str, Any] = application["pm2_env"]
        return state | {"pid": application["pid"]}


@asynccontextmanager
async def pm2_in(folder: Path, **environment: str) -> AsyncIterator[Pm2]:
    """Copy what PM2 needs into ``folder``; the daemon ends with the block."""
    for name in (FILE, "ctrader_pool_api.py"):
        shutil.copy(ROOT / name, folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CTRADER_")}
    own = {
        "PM2_HOME": str(folder / "pm2"),
        "FXPOOL_PYTHON": sys.executable,
        "PM2_DISCRETE_MODE": "1",
    }
    pm2 = Pm2(folder, kept | own | environment)
    try:
        yield pm2
    finally:
        await pm2.run("kill")
