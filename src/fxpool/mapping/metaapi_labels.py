"""A magic number and a client id in one label of cTrader, and back. Pure.

The label is the one text of an order that stays on its position. A client id alone is the label as
it is, a magic number alone is its digits; only both together need a form of their own. Any other
label is a client id, whoever wrote it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_BOTH: Final = re.compile(r"m1:(\d{1,18}):(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Label:
    """What a label says; ``magic`` is 0 where there is none."""

    magic: int
    client_id: str


def write_label(magic: int, client_id: str) -> str:
    """Return the label for a magic number and a client id; 0 and empty mean that there is none."""
    if magic and client_id:
        return f"m1:{magic}:{client_id}"
    return client_id or (str(magic) if magic else "")


def read_label(label: str) -> Label:
    """Return what a label says. Digits alone are both: they may have been meant as either."""
    both = _BOTH.fullmatch(label)
    if both is not None:
        return Label(int(both[1]), both[2])
    return Label(int(label) if label.isascii() and label.isdigit() else 0, label)
