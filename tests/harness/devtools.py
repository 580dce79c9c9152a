"""A person at a real browser that ``webbrowser.open`` starts, driven by the DevTools protocol."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from harness.browser import browser

SECONDS = 60.0


class Person:
    """Looks at the one page that is open, and clicks.

    ``command`` is for the variable BROWSER of the program that opens the page.
    """

    def __init__(self, folder: Path) -> None:
        self._profile = folder / "profile"
        self._pid_file = folder / "browser.pid"
        self.command = folder / "browser.sh"
        self.command.write_text(
            f'#!/bin/sh\n"{browser()}" --headless --no-sandbox --disable-gpu --no-first-run'
            " --disable-dev-shm-usage --remote-debugging-port=0"
            f' --user-data-dir="{self._profile}" "$1" >/dev/null 2>&1 &\n'
            f'echo $! > "{self._pid_file}"\n'
        )
        self.command.chmod(0o700)
        self._number = 0

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[ClientConnection]:
        """Attach to the page once the browser is up."""
        async with asyncio.timeout(SECONDS):
            address = await self._page()
        async with connect(address, max_size=None, proxy=None) as link:
            yield link

    async def _page(self) -> str:
        told = self._profile / "DevToolsActivePort"
        while True:
            with suppress(OSError, IndexError, httpx.HTTPError):
                port = told.read_text().split()[0]
                async with httpx.AsyncClient(trust_env=False) as http:
                    pages = (await http.get(f"http://127.0.0.1:{port}/json/list")).json()
                for page in pages:
                    if page["type"] == "page":
                        return str(page["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)

    async def evaluate(self, link: ClientConnection, script: str) -> Any:
        """Return what a script has in the page; None while the page is being changed."""
        self._number += 1
        question = {"expression": script, "returnByValue": True}
        call = {"id": self._number, "method": "Runtime.evaluate", "params": question}
        await link.send(json.dumps(call))
        while (answer := json.loads(await link.recv())).get("id") != self._number:
            continue
        return answer.get("result", {}).get("result", {}).get("value")

    async def sees(self, link: ClientConnection, text: str) -> str:
        """Wait until the page shows a text; return all that it shows."""
        shown = ""
        try:
            async with asyncio.timeout(SECONDS):
                while text not in shown:
                    shown = await self.evaluate(link, "document.body?.innerText ?? ''") or ""
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"the page never showed {text!r}: {shown}") from None
        return shown

    def leave(self) -> None:
        """End the browser."""
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(self._pid_file.read_text()), signal.SIGTERM)
