"""The container image, built and run for real where that is asked for and buildah is there.

    FXPOOL_TEST_IMAGE=1 .venv/bin/python -m pytest tests/integration/test_deploy_image.py

It takes minutes and the network. What a machine needs beside (a mirror of packages, its
certificates) goes into FXPOOL_TEST_IMAGE_ARGS, as arguments of ``buildah build``; storage and
isolation are chosen by buildah's own variables, such as BUILDAH_ISOLATION=chroot.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "deploy" / "container"
TAG = "localhost/fxpool-test:latest"
CONFIGURATION = 78

pytestmark = pytest.mark.timeout(1200)


def buildah(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (arguments are this file's and the operator's)
        ["buildah", *arguments],  # noqa: S607 (the one that the operator installed)
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    """A container of the image that was built just now."""
    if os.environ.get("FXPOOL_TEST_IMAGE") != "1":
        # An image takes minutes and pulls its base: nothing to do unasked in every run.
        pytest.skip("builds an image: set FXPOOL_TEST_IMAGE=1, with buildah installed")
    if shutil.which("buildah") is None:
        # The one engine that needs no daemon and no privileges of its own.
        pytest.skip("no buildah: install Debian's package buildah")
    built = buildah(
        "build",
        *shlex.split(os.environ.get("FXPOOL_TEST_IMAGE_ARGS", "")),
        "--format=docker",
        f"--file={CONTAINER / 'Containerfile'}",
        f"--ignorefile={CONTAINER / 'Containerfile.dockerignore'}",
        f"--tag={TAG}",
        str(ROOT),
    )
    assert built.returncode == 0, built.stderr
    made = buildah("from", TAG)
    assert made.returncode == 0, made.stderr
    name = made.stdout.strip()
    yield name
    buildah("rm", name)


def test_the_command_is_there_and_runs_without_privileges(container: str) -> None:
    told = buildah("run", container, "--", "sh", "-c", "id -u; fxpool --version; pwd")
    assert told.stdout.split("\n")[:3] == ["10088", "fxpool 0.1.0", "/var/lib/fxpool"], told.stderr


def test_nothing_but_the_data_folder_can_be_written(container: str) -> None:
    told = buildah("run", container, "--", "sh", "-c", "touch /opt/fxpool/src/x; touch /var/lib/x")
    assert told.stderr.count("Permission denied") == 2
    told = buildah("run", container, "--", "touch", "/var/lib/fxpool/x")
    assert told.returncode == 0, told.stderr


def test_a_gateway_without_a_configuration_says_so_and_ends_with_its_code(container: str) -> None:
    told = buildah("run", container, "--", "fxpool", "serve", "--log-to", "stdout")
    assert "CTRADER_CLIENT_ID" in told.stdout + told.stderr
    assert told.returncode == CONFIGURATION


def test_tests_secrets_and_history_are_not_in_the_image(container: str) -> None:
    told = buildah("run", container, "--", "ls", "-A", "/opt/fxpool")
    assert set(told.stdout.split()) == {"LICENSE", "ctrader_pool_api.py", "requirements.txt", "src"}
