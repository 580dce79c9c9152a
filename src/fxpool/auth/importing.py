"""Secrets from one place to another: what would be written, and writing it with proof.

Never replaces a pair of tokens by one that is not newer, unless told to: a refresh token works
once, so that an older pair over a newer one ends an account.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from fxpool.auth.secrets import ACCOUNTS, APPLICATION, METAAPI, ROTATIONS, TELEGRAM, SecretStore
from fxpool.auth.tokens import TokenPair, pair_from
from fxpool.errors import SecretConflict, SecretError, SecretUnreadable

OURS: Final = "fxpool"
"""Folder of the keys that we made ourselves: one that is in use is never replaced."""

_ENTRIES: Final = (APPLICATION, METAAPI, TELEGRAM)
_FOLDERS: Final = (ACCOUNTS, ROTATIONS, OURS)


class Step(Enum):
    """What becomes of an entry."""

    IMPORT = "import"
    SAME = "same"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Move:
    """One entry on its way.

    Attributes:
        reason: why it is so, without values.
        version: the version that it replaces.
    """

    path: str
    step: Step
    reason: str
    version: int
    fields: Mapping[str, str] = field(repr=False)


async def entries_of(store: SecretStore, paths: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """Return what a store has at ``paths`` and at all paths that we know. Raises SecretError."""
    known = [*_ENTRIES, *paths]
    for folder in _FOLDERS:
        known += [f"{folder}/{name}" for name in await store.names(folder)]
    found = {path: (await store.read(path)).fields for path in dict.fromkeys(known)}
    return {path: fields for path, fields in found.items() if fields}


def entries_in(file: Path) -> dict[str, Mapping[str, str]]:
    """Read ``{path: {name: text or number}}``. Raises SecretUnreadable, which shows no value."""
    try:
        content = json.loads(file.read_bytes(), parse_float=str)
    except OSError as exc:
        raise SecretUnreadable(f"{file}: cannot be read: {exc.strerror}") from exc
    except ValueError:
        raise SecretUnreadable(f"{file}: is no JSON") from None
    if not isinstance(content, dict) or not content:
        raise SecretUnreadable(f'{file}: must be an object such as {{"{ACCOUNTS}/123": {{...}}}}')
    return {path: _texts(fields, path, file) for path, fields in content.items()}


async def planned(
    entries: Mapping[str, Mapping[str, str]], store: SecretStore, *, is_forced: bool
) -> list[Move]:
    """Return what would become of each entry in ``store``; nothing is written.

    Raises SecretError, for an entry with tokens of a shape that nobody could use too.
    """
    moves = []
    for path, fields in entries.items():
        pair = pair_from(fields, source=path)
        there = await store.read(path)
        step, reason = _step(path, fields, pair, there.fields, is_forced=is_forced)
        moves.append(Move(path, step, reason, there.version, fields))
    return moves


async def carry_out(move: Move, store: SecretStore) -> None:
    """Write an entry and read it back.

    Raises SecretConflict if another writer came first, SecretError if it does not read back.
    """
    try:
        await store.write(move.path, move.fields, version=move.version)
    except SecretConflict as exc:
        raise SecretConflict(f"{exc}; it was left as it is: run the import again") from exc
    if dict((await store.read(move.path)).fields) != dict(move.fields):
        raise SecretError(f"{store.place}: {move.path} does not read back as it was written")


def _step(
    path: str,
    fields: Mapping[str, str],
    pair: TokenPair | None,
    there: Mapping[str, str],
    *,
    is_forced: bool,
) -> tuple[Step, str]:
    if not there:
        return Step.IMPORT, "new"
    if dict(there) == dict(fields):
        return Step.SAME, "there already"
    if path.startswith(f"{OURS}/"):
        return Step.KEEP, "another one is in use there"
    if is_forced:
        return Step.IMPORT, "replaces another one, as --force says"
    known = pair_from(there, source=path)
    if pair is None or known is None:
        return Step.KEEP, "another one is there; --force replaces it"
    if _is_newer(pair, known):
        return Step.IMPORT, "replaces an older pair"
    return Step.KEEP, "the pair there is not known to be older; --force replaces it"


def _is_newer(pair: TokenPair, known: TokenPair) -> bool:
    """Whether a pair was given after another one, so far as their times tell."""
    if pair.obtained_at is not None and known.obtained_at is not None:
        return pair.obtained_at > known.obtained_at
    if pair.expires_at is not None and known.expires_at is not None:
        return pair.expires_at > known.expires_at
    return False


def _texts(fields: object, path: str, file: Path) -> dict[str, str]:
    if not isinstance(fields, dict) or not fields:
        raise SecretUnreadable(f"{file}: {path} must be an object of texts")
    for name, value in fields.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise SecretUnreadable(f"{file}: {path}: {name} must be a text or a number")
    return {name: str(value) for name, value in fields.items()}
