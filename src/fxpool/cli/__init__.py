"""The command line: arguments and assembly, nothing else. ``main`` is the console script."""

from fxpool.cli.app import main

__all__ = ["main"]
