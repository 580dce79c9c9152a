"""Slips in the field names of configuration files that other programs share. Pure.

Such a file has fields that we do not know, so an unknown one is no error. One whose name is nearly
that of a field that bounds or scales orders is: it would bound and scale nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_NEARLY: Final = 0.85
"""From this ratio of equal letters on; ``guard`` is nearly ``guards``, ``disabled`` not
``enabled``."""


def slip_in(fields: Iterable[str], names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first field that is nearly one of ``names``, and that name; None for none."""
    plain = {_plain(name): name for name in names}
    for field in fields:
        if field not in plain.values():
            near = get_close_matches(_plain(field), plain, n=1, cutoff=_NEARLY)
            if near:
                return field, plain[near[0]]
    return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
