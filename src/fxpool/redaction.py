"""What is a secret by its name or its looks, and how it is hidden. Imports nothing of ours.

A name is recognised wherever it is a key. A text is searched for what looks like a credential:
keys and tokens of ours, JWTs, bearer headers, passwords in URLs, and fields with a secret's name
in queries, JSON and ``name=value`` texts. ``known`` secrets of this process are found anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

HIDDEN: Final = "[hidden]"

_NAMES: Final = (
    r"secret|passw(?:or)?d|passphrase|token|authorization|api_?-?key|cookie|credential|signature"
)
_SECRET_NAME: Final = re.compile(_NAMES, re.IGNORECASE)
_BROKERS_CODE: Final = r"_(?:INVALID|EXPIRED)\b"
"""How the broker's codes about tokens end; the text after one is its words, not a value."""
_SECRET_FIELD: Final = re.compile(
    rf"""(?P<name>["']?[\w-]*(?:{_NAMES})(?!{_BROKERS_CODE})[\w-]*["']?\s*[=:]\s*["']?)"""
    r"""(?P<value>(?:bearer\s+|basic\s+)?[^\s"'&,;)}\]]{4,})""",
    re.IGNORECASE,
)
_LOOKS: Final = (
    (re.compile(r"\bfxp_[0-9a-f]{12}_[\w-]{20,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?P<start>[a-z][\w+.-]*://[^\s/@:]*):[^\s/@]+@"), rf"\g<start>:{HIDDEN}@"),
    (re.compile(r"(?P<start>[?&](?:code|state|key|sig)=)[^\s&\"']+"), rf"\g<start>{HIDDEN}"),
    (re.compile(r"/bot\d+:[\w-]{10,}"), f"/bot{HIDDEN}"),
)
_MIN_KNOWN: Final = 6
"""Shorter texts are no secrets, and hiding them would hide words."""


class _Known:
    """The secrets of this process, which are hidden wherever they appear."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self.pattern: re.Pattern[str] | None = None

    def add(self, values: Iterable[str]) -> None:
        new = {value for value in values if len(value) >= _MIN_KNOWN} - self._values
        if not new:
            return
        self._values |= new
        longest_first = sorted(self._values, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, longest_first)))


_known: Final = _Known()


def learn(values: Iterable[str]) -> None:
    """Hide these texts from now on, wherever they appear in this process's logs and errors."""
    _known.add(values)


def learn_fields(fields: Mapping[str, str]) -> None:
    """Hide the values of those fields whose name is that of a secret."""
    learn(value for name, value in fields.items() if _SECRET_NAME.search(name))


def hidden(value: object, name: object = None) -> object:
    """Return a value without its secrets; containers are copied, at any depth."""
    if isinstance(name, str) and _SECRET_NAME.search(name) and not isinstance(value, bool | None):
        return HIDDEN
    if isinstance(value, str):
        return hidden_text(value)
    if isinstance(value, Mapping):
        return {key: hidden(part, key) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [hidden(part) for part in value]
    return value


def without_known(text: str) -> str:
    """Return a text of somebody else's without this process's secrets, should it repeat one."""
    return text if _known.pattern is None else _known.pattern.sub(HIDDEN, text)


def hidden_text(text: str) -> str:
    """Return a text without what looks like a secret in it."""
    text = without_known(text)
    for pattern, stand_in in _LOOKS:
        text = pattern.sub(stand_in, text)
    return _SECRET_FIELD.sub(lambda found: f"{found['name']}{HIDDEN}", text)
