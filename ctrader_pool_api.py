#!/usr/bin/env python3
"""Starts the gateway: ``python3 ctrader_pool_api.py``. The name under which old scripts know it.

The same as ``fxpool serve --log-to stdout``, with the same arguments. It needs what
requirements.txt names: installed for this Python, or in the folder .venv beside this file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"


def main() -> None:
    """Serve until a signal."""
    sys.path.insert(0, str(HERE / "src"))
    try:
        from fxpool.cli import main as command  # noqa: PLC0415 (it may have to be looked for)
    except ModuleNotFoundError as missing:
        start_in_environment(missing)
    else:
        sys.argv = ["fxpool", "serve", "--log-to", "stdout", *sys.argv[1:]]
        command()


def start_in_environment(missing: ModuleNotFoundError) -> None:
    """Begin again with the Python of .venv; end with the cure where that is not possible."""
    python = ENVIRONMENT / "bin" / "python"
    if python.exists() and Path(sys.prefix).resolve() != ENVIRONMENT.resolve():
        os.execv(python, [str(python), __file__, *sys.argv[1:]])  # noqa: S606 (no shell wanted)
    print(  # noqa: T201 (there is nothing yet to print it with)
        f"fxpool: {missing.name} is not installed for {sys.executable}: "
        f"run `make env` in {HERE}, or `{sys.executable} -m pip install -r requirements.txt`",
        file=sys.stderr,
    )
    raise SystemExit(78)  # EX_CONFIG: starting it again does not help


if __name__ == "__main__":
    main()
