"""Ports on loopback for programs that must be given a number."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a port that nobody has now, for programs that cannot take any free one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
