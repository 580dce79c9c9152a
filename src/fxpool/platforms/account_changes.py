"""What a changed configuration means for the accounts that are served. Pure.

Only what is safe while others trade is done without a restart: an account comes, goes, is switched
on or off, or is shown and bounded otherwise. Who it is, and its loss limits, stay until one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fxpool.platforms.routing import AccountConfig

IN_PLACE: Final = ("name", "broker", "type", "symbol_suffix", "read_only", "max_lots", "symbols")
"""The fields that an account takes up while it is served."""


@dataclass(frozen=True, slots=True)
class AccountChanges:
    """What to do.

    Attributes:
        taken: accounts that go on with other settings.
        begun: accounts that are new, or switched on or off, and begin again.
        ended: the keys of those that are gone.
        refused: what needs a restart, each in one sentence.
    """

    taken: tuple[AccountConfig, ...]
    begun: tuple[AccountConfig, ...]
    ended: tuple[str, ...]
    refused: tuple[str, ...]


def changes(old: Mapping[str, AccountConfig], new: Sequence[AccountConfig]) -> AccountChanges:
    """Return what leads from the accounts that are served to those that are configured."""
    taken: list[AccountConfig] = []
    begun: list[AccountConfig] = []
    refused: list[AccountConfig] = []
    for config in new:
        before = old.get(config.key)
        if before == config:
            continue
        guarded = config.guards is not None or (before is not None and before.guards is not None)
        if before is None:
            (refused if guarded else begun).append(config)
        elif _with(before, config, *IN_PLACE) == config:
            taken.append(config)
        elif not guarded and _with(before, config, *IN_PLACE, "enabled") == config:
            begun.append(config)
        else:
            refused.append(config)
    names = {config.key for config in new}
    gone = [config for key, config in old.items() if key not in names]
    refused += [config for config in gone if config.guards is not None]
    return AccountChanges(
        taken=tuple(taken),
        begun=tuple(begun),
        ended=tuple(config.key for config in gone if config.guards is None),
        refused=tuple(
            f"account {config.key}: who it is or its loss limits changed" for config in refused
        ),
    )


def _with(before: AccountConfig, after: AccountConfig, *fields: str) -> AccountConfig:
    return replace(before, **{field: getattr(after, field) for field in fields})
