"""What the contract tests share: a running product, and its platform direct and remote."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from fxpool.platforms.base import Platform
from harness.client_setup import Setup, running_setup
from harness.stack import Stack, running_stack


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    """Broker, platform and gateway; the market stands still until the test quotes."""
    async with running_stack() as running:
        yield running


@pytest.fixture(params=["direct", "remote"])
async def platform(stack: Stack, request: pytest.FixtureRequest) -> AsyncIterator[Platform]:
    """The same pool, in this process and over HTTP and WebSocket."""
    if request.param == "direct":
        yield stack.platform
        return
    remote = stack.remote()
    await remote.open()
    yield remote
    await remote.close()


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A loopback port that nobody listens on, nor can: it is kept for as long as the test runs."""
    with socket.socket() as keeper:
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()[1]


@pytest.fixture
async def setup(unused_port: int) -> AsyncIterator[Setup]:
    """A client of three platforms by a routing file; nobody listens at dxtrade's address."""
    async with running_setup(unused_port) as running:
        yield running
