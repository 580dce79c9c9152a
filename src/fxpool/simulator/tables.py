"""Frozen dataclasses of plain fields, read from the tables of a TOML or JSON document. Pure.

A field is a bool, an int, a float, a string or an Enum of strings, and may also be None, which a
document writes as "none". What a field means is read from its class's docstring.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

from fxpool.errors import SettingsError

NONE = "none"
_PLAIN = (bool, int, float, str)

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Described:
    """A field of a class.

    Attributes:
        kind: bool, int, float, str or an Enum.
        may_be_none: whether "none" is a value.
        text: what its class's docstring says of it.
    """

    name: str
    kind: type
    may_be_none: bool
    default: object
    text: str

    @property
    def options(self) -> tuple[object, ...]:
        """The words of an Enum or a bool; nothing for numbers and text."""
        words: list[object] = []
        if issubclass(self.kind, Enum):
            words = [one.value for one in self.kind]
        elif self.kind is bool:
            words = [False, True]
        return (*words, NONE) if words and self.may_be_none else tuple(words)


@cache
def described(made: type) -> Mapping[str, Described]:
    """Return the plain fields of a dataclass by name; others are left out."""
    texts, hints = _texts(made), get_type_hints(made)
    blank = (
        {}
        if _needs_arguments(made)
        else {one.name: getattr(made(), one.name) for one in fields(made)}
    )
    found = {}
    for one in fields(made):
        kinds = get_args(hints[one.name]) or (hints[one.name],)
        plain = [kind for kind in kinds if kind is not NoneType]
        if len(plain) == 1 and isinstance(plain[0], type) and _is_plain(plain[0]):
            default = blank.get(one.name)
            found[one.name] = Described(
                one.name, plain[0], NoneType in kinds, default, texts.get(one.name, "")
            )
    return found


def made_from(made: type[Made], table: Mapping[str, object], where: str, **others: Any) -> Made:
    """Return an instance from a table; ``others`` are fields that the table does not hold.

    Raises SettingsError that begins with ``where`` for an unknown key or a value that does not fit.
    """
    plain: type = made
    known = described(plain)
    values = {}
    for key, value in table.items():
        if key not in known:
            raise SettingsError(unknown_key(key, known, where))
        values[key] = _value(known[key], value, f"{where}: {key}")
    return made(**values, **others)


def unknown_key(key: str, known: Iterable[str], where: str) -> str:
    """Return the sentence about a key that nobody knows, with the nearest one."""
    near = get_close_matches(key, list(known), n=1, cutoff=0.0)
    return f"{where}: unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def written(value: object) -> str:
    """Return a value as TOML writes it."""
    if value is None:
        return f'"{NONE}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return f'"{value.value}"'
    return f'"{value}"' if isinstance(value, str) else str(value)


def _value(field: Described, value: object, where: str) -> object:
    if field.may_be_none and value == NONE:
        return None
    kind = field.kind
    if issubclass(kind, Enum):
        return _member(kind, value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        wanted = kind.__name__ + (f' or "{NONE}"' if field.may_be_none else "")
        raise SettingsError(f"{where} is {value!r}, not {wanted}")
    return value


def _member(kind: type[Enum], value: object, where: str) -> Enum:
    words = [str(one.value) for one in kind]
    if value not in words:
        raise SettingsError(f"{where} is {value!r}, not one of {', '.join(words)}")
    return kind(value)


def _needs_arguments(made: type) -> bool:
    parameters = inspect.signature(made).parameters.values()
    return any(one.default is inspect.Parameter.empty for one in parameters)


def _is_plain(kind: type) -> bool:
    return kind in _PLAIN or issubclass(kind, Enum)


def _texts(made: type) -> dict[str, str]:
    """Return what the docstring's list of attributes says of each."""
    lines = inspect.getdoc(made) or ""
    listed = lines.partition("Attributes:\n")[2]
    found: dict[str, str] = {}
    name = ""
    for line in listed.splitlines():
        start = re.match(r" {4}(\w+): (.*)", line)
        if start:
            name, found[start[1]] = start[1], start[2]
        elif name and line.startswith(" " * 8):
            found[name] += " " + line.strip()
    return found
