"""The shipped systemd unit: checked by systemd's own tool, and its rules applied to the service."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fxpool.cli.exits import Exit
from fxpool.gateway.server import DRAIN_SECONDS
from fxpool.simulator import Simulator
from harness.served import environment_for
from harness.stack import STILL
from harness.supervisor import UNIT, Unit, supervised

ANALYZE = shutil.which("systemd-analyze")
ANY_PORT = {"CTRADER_POOL_PORT": "0"}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(STILL) as running:
        yield running


async def test_a_service_is_watched_reloaded_started_again_and_stopped(
    simulator: Simulator, tmp_path: Path
) -> None:
    environment = environment_for(simulator, tmp_path) | ANY_PORT
    async with supervised(tmp_path, **environment) as service:
        await service.says("READY=1")
        await service.says("WATCHDOG=1")
        service.send(signal.SIGHUP)
        await service.says("RELOADING=1")
        await service.says("READY=1", times=2)
        service.send(signal.SIGKILL)
        await service.says("READY=1", times=3)
        service.stop()
    assert service.codes == [-signal.SIGKILL, Exit.OK]


async def test_a_wrong_configuration_is_not_started_again(tmp_path: Path) -> None:
    async with supervised(tmp_path, LOG_LEVEL="LOUD") as service:
        pass
    assert service.codes == [Exit.CONFIG]


def test_the_unit_waits_longer_than_requests_in_flight_may_take() -> None:
    assert int(Unit().service["TimeoutStopSec"]) > DRAIN_SECONDS + 5


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    installed = tmp_path / "fxpool.service"
    installed.write_text(re.sub(r"/opt/fxpool/\S*bin/fxpool", "/bin/true", UNIT.read_text()))
    done = subprocess.run(  # noqa: S603 (a fixed program)
        [str(ANALYZE), "verify", "--man=no", str(installed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
