"""Pauses of the interpreter, made short and rare in a process that serves: no order leaves in one.

A thread that computes keeps all others from running for 5 ms at a time, which the writer of the
audit log did to orders. And the garbage collector went through all that was loaded at the start,
again and again, for 2 to 9 ms each time (measured: in 5 of 100 orders).
"""

from __future__ import annotations

import gc
import sys
from typing import Final

SWITCH_SECONDS: Final = 0.0002
"""How long a thread keeps others waiting; when two compute, a switch costs some 5 us."""

YOUNG_OBJECTS: Final = 10_000
"""So many new objects are let grow old before those that refer to each other only are looked for:
an order leaves about 30."""


def shorten() -> None:
    """Have this process pause little from now on. To be called once all is loaded."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
