"""symbols.json -> symbol rules, in all spellings that are in use. Pure.

Ids and digits in the file are not read: ids belong to one broker server, and both are looked up per
account. Other top-level keys belong to other programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from fxpool.domain.symbol_names import SymbolRule
from fxpool.errors import SettingsError
from fxpool.mapping.slips import slip_in

_MAPPING: Final = "symbolMapping"
_BROKER_NAMES: Final = ("cTraderSymbol", "cTraderName")
_SCALING: Final = ("multiplier", "brokers")
"""The fields that change volumes."""


def parse_symbols(text: bytes | str, *, source: str) -> list[SymbolRule]:
    """Return the rules of a file: a general one per entry, and one per broker that it names.

    ``source`` is the file's name, for errors. Raises SettingsError, naming entry and cure.
    """
    try:
        document = msgspec.json.decode(text)
    except msgspec.DecodeError as exc:
        raise SettingsError(f"{source} is not JSON ({exc}): correct it, or remove it") from exc
    entries = document.get(_MAPPING) if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        raise SettingsError(f'{source} has no object "{_MAPPING}": add it, it may be empty')
    return [rule for name, entry in entries.items() for rule in _rules(name, entry, source)]


def _rules(mt_name: str, entry: object, source: str) -> Iterator[SymbolRule]:
    where = f"{source}: {_MAPPING}.{mt_name}"
    if isinstance(entry, str):  # the README's table: nothing but the broker's name
        yield SymbolRule(mt_name, entry)
        return
    fields = _object(entry, where)
    yield _rule(mt_name, fields, where, Decimal(1), ())
    brokers = _object(fields.get("brokers", {}), f"{where}.brokers")
    general = _multiplier(fields, where, Decimal(1))
    for broker, own in brokers.items():
        at = f"{where}.brokers.{broker}"
        yield _rule(mt_name, _object(own, at), at, general, (broker,))


def _rule(
    mt_name: str,
    fields: Mapping[str, Any],
    where: str,
    multiplier: Decimal,
    brokers: tuple[str, ...],
) -> SymbolRule:
    if slip := slip_in(fields, _SCALING):
        raise SettingsError(f"{where}.{slip[0]} is not known: write {slip[1]}")
    return SymbolRule(
        mt_name=mt_name,
        broker_name=_broker_name(fields, where),
        multiplier=_multiplier(fields, where, multiplier),
        aliases=_aliases(fields, where),
        brokers=brokers,
    )


def _broker_name(fields: Mapping[str, Any], where: str) -> str | None:
    names = {str(fields[key]) for key in _BROKER_NAMES if fields.get(key)}
    if len(names) > 1:
        keys = " and ".join(_BROKER_NAMES)
        raise SettingsError(f"{where}: {keys} differ; keep one of them")
    return names.pop() if names else None


def _multiplier(fields: Mapping[str, Any], where: str, default: Decimal) -> Decimal:
    value = fields.get("multiplier")
    if value is None:
        return default
    try:
        multiplier = Decimal(str(value))
    except InvalidOperation:
        multiplier = Decimal(0)
    if not multiplier.is_finite() or multiplier <= 0:
        raise SettingsError(f"{where}.multiplier is {value!r}: use a number above 0, usually 1")
    return multiplier


def _aliases(fields: Mapping[str, Any], where: str) -> tuple[str, ...]:
    aliases = fields.get("aliases", [])
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise SettingsError(
            f'{where}.aliases is no list of names: use ["XAU/USD"], or leave it out'
        )
    return tuple(aliases)


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f'{where} is no object: use {{"cTraderSymbol": "the broker\'s name"}}')
    return value
