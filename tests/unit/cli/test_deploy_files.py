"""The container files name what exists: settings that are read, images with their versions."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from fxpool.settings import PREFIX, Settings

DEPLOY = Path(__file__).parents[3] / "deploy"
CONTAINER = DEPLOY / "container"


def variables() -> set[str]:
    """The variables that are read."""
    return {
        str(field.validation_alias or f"{PREFIX}{name}".upper())
        for name, field in Settings.model_fields.items()
    }


def test_the_gateway_reads_every_variable_that_compose_gives_it() -> None:
    text = (CONTAINER / "compose.yaml").read_text()
    service = text[text.index("  fxpool:") : text.index("  redis:")]
    named = set(re.findall(r"^      ([A-Z_]+):", service, re.MULTILINE))
    assert len(named) > 8
    assert named <= variables()


def test_images_have_versions() -> None:
    compose = (CONTAINER / "compose.yaml").read_text()
    images = re.findall(r"image: (\S+)", compose)
    images += re.findall(r"^FROM (\S+)", (CONTAINER / "Containerfile").read_text(), re.MULTILINE)
    assert len(images) == 5
    assert all(re.search(r":\d", image) for image in images), images


def test_the_example_names_every_secret_that_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+):\?", (CONTAINER / "compose.yaml").read_text()))
    given = re.findall(r"^([A-Z_]+)=", (CONTAINER / "env.example").read_text(), re.MULTILINE)
    assert asked <= set(given)


def asked_of(folder: Path, *, has_unit: bool) -> list[str]:
    """What ``deploy/fxpool.sh run keys list`` starts, on a machine with and without our unit."""
    said = 'echo "$(basename "$0") $*"\n'
    for name, does in (
        ("systemctl", "exit 0\n" if has_unit else "exit 1\n"),
        ("sudo", said),
        ("fxpool", said),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{does}")
        (folder / name).chmod(0o755)
    done = subprocess.run(  # noqa: S603 (a script of ours)
        [str(DEPLOY / "fxpool.sh"), "run", "keys", "list"],
        env={"PATH": f"{folder}:/usr/bin:/bin", "FXPOOL": str(folder / "fxpool")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_a_command_beside_a_systemd_service_has_its_user_and_its_data(tmp_path: Path) -> None:
    assert asked_of(tmp_path, has_unit=False) == ["fxpool", "keys", "list"]
    words = asked_of(tmp_path, has_unit=True)
    assert words[:2] == ["sudo", "systemd-run"]
    assert words[-2:] == ["keys", "list"]
    unit = (DEPLOY / "fxpool.service").read_text()
    for option, line in (
        ("--uid=", "User="),
        ("--gid=", "Group="),
        ("--property=EnvironmentFile=", "EnvironmentFile="),
        ("--property=UMask=", "UMask="),
        ("--setenv=CTRADER_DATA_DIR=", "Environment=CTRADER_DATA_DIR="),
    ):
        value = next(word.removeprefix(option) for word in words if word.startswith(option))
        assert f"\n{line}{value}\n" in unit
