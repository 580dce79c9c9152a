"""A profile as a TOML file: every switch by name, with its number, its options and why. Pure.

The file is made from the dataclasses and their docstrings, so a new switch appears in it by itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from fxpool.errors import SettingsError
from fxpool.simulator.engine.rules import Rules
from fxpool.simulator.fault_kinds import Fault
from fxpool.simulator.profile import Profile
from fxpool.simulator.tables import Described, described, made_from, unknown_key, written

_NUMBER = re.compile(r"SW-(\d\d)")
_WIDTH = 98

_HEAD = """\
# A profile of the simulated broker: what it does where the real one may do this or that.
# SW-nn is the number of the question. What is left out keeps its default, which is shown here.
"""

_FAULTS_HEAD = """\
# What goes wrong by itself; the control port takes the same fields. For example:
#
# [[faults]]
# kind = "delay_events"
# seconds = 1.5
#
"""


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch of a profile: its table in the file ("" for none), and its field."""

    table: str
    field: Described

    @property
    def numbers(self) -> tuple[int, ...]:
        """The questions that it answers (SW-nn)."""
        return tuple(int(number) for number in _NUMBER.findall(self.field.text))


def switches() -> Iterator[Switch]:
    """Every switch, in the order of the file."""
    for table, holder in (("", Profile), ("rules", Rules)):
        for field in described(holder).values():
            yield Switch(table, field)


def default_text() -> str:
    """Return the default profile as a commented TOML file."""
    parts, table = [_HEAD], ""
    for switch in switches():
        if switch.table != table:
            table = switch.table
            parts.append(f"[{table}]\n")
        parts.append(_entry(switch.field))
    return "\n".join([*parts, _FAULTS_HEAD + _fault_help()])


def parse(text: str, source: str = "profile") -> Profile:
    """Return the profile that a TOML text describes. Raises SettingsError, beginning ``source``."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError(f"{source}: {exc}") from exc
    rules = _table(document.pop("rules", {}), f"{source}: [rules]")
    faults = document.pop("faults", [])
    if not isinstance(faults, list):
        raise SettingsError(f"{source}: faults is not a list of tables")
    for key in document:
        if key not in described(Profile):
            keys = (*described(Profile), "rules", "faults")
            raise SettingsError(_nearest(key, keys, source))
    return made_from(
        Profile,
        document,
        source,
        rules=made_from(Rules, rules, f"{source}: [rules]"),
        faults=tuple(fault_from(one, f"{source}: [[faults]]") for one in faults),
    )


def differences(profile: Profile) -> list[str]:
    """Return one line for each switch that differs from the default, and for each fault."""
    lines = []
    for switch in switches():
        holder = profile.rules if switch.table else profile
        value = getattr(holder, switch.field.name)
        if value != switch.field.default:
            prefix = f"{switch.table}." if switch.table else ""
            was = written(switch.field.default)
            lines.append(f"{prefix}{switch.field.name} = {written(value)} (default {was})")
    return [*lines, *(f"fault: {fault.kind.value}" for fault in profile.faults)]


def fault_from(table: object, where: str) -> Fault:
    """Return the fault that a table describes. Raises SettingsError, beginning ``where``."""
    fields = _table(table, where)
    if "kind" not in fields:
        raise SettingsError(f"{where}: kind is missing")
    return made_from(Fault, fields, where)


def _nearest(key: str, keys: tuple[str, ...], source: str) -> str:
    if key in described(Rules):
        return f"{source}: {key!r} belongs under [rules]"
    return unknown_key(key, keys, source)


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{where} is not a table")
    return value


def _entry(field: Described) -> str:
    lines = wrap(field.text, _WIDTH)
    if field.options:
        words = ", ".join(written(one) for one in field.options)
        lines += wrap(f"Options: {words}.", _WIDTH)
    comment = "".join(f"# {line}\n" for line in lines)
    return f"{comment}{field.name} = {written(field.default)}\n"


def _fault_help() -> str:
    lines = []
    for field in described(Fault).values():
        words = ", ".join(written(one) for one in field.options if field.name == "kind")
        text = f"{field.name}: {field.text}" + (f" One of {words}." if words else "")
        lines += wrap(text, _WIDTH, subsequent_indent="    ")
    return "".join(f"# {line}\n" for line in lines)
