"""A real browser without a window, where this machine has one."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str:
    """Return the browser's path; skip the test where there is none."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    pytest.skip(f"no browser here ({', '.join(NAMES)}); on Debian: apt install chromium")


async def opened(page: Path, *more: str, width: int = 1280) -> tuple[str, str]:
    """Open a page; return its document after loading, and what the browser complained about."""
    process = await asyncio.create_subprocess_exec(
        browser(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--enable-logging=stderr",
        "--log-level=0",
        f"--user-data-dir={page.parent / 'profile'}",
        f"--window-size={width},2000",
        *more,
        "--dump-dom",
        page.as_uri(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    complaints = [line for line in err.decode().splitlines() if "CONSOLE" in line]
    return out.decode(), "\n".join(complaints)
