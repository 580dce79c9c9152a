"""The examples of docs/python-client.md, each run as a program of its own."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from harness.stack import Stack

PAGE = Path(__file__).parents[2] / "docs" / "python-client.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_an_example_of_the_page_runs(number: int, stack: Stack) -> None:
    program = EXAMPLES[number].replace("http://localhost:8088", stack.url)
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await running.communicate()
    assert (running.returncode, complained.decode()) == (0, "")
    assert said.decode().strip()


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == 3
