"""The container files name what exists: settings that are read, images with their versions."""

from __future__ import annotations

import re
from pathlib import Path

from fxpool.settings import PREFIX, Settings

CONTAINER = Path(__file__).parents[3] / "deploy" / "container"


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
