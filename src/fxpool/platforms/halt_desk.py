"""The kill switch as callers use it: sets and ends halts, and says what stands."""

from __future__ import annotations

from fxpool.clock import Clock
from fxpool.mapping.formats import HaltState
from fxpool.platforms.base import PlatformError
from fxpool.platforms.halts import Halts


class HaltDesk:
    """The halts of one platform. ``key`` is an account's own, None means all accounts;
    ``shown_id`` is the name that the caller used."""

    def __init__(self, halts: Halts, *, clock: Clock) -> None:
        self._halts = halts
        self._clock = clock

    def halt(self, key: str | None, shown_id: str | None, reason: str) -> HaltState:
        """Stop what opens. Raises PlatformError if a restart would forget it."""
        try:
            self._halts.halt(key, reason, self._clock.at())
        except OSError as exc:
            raise _not_stored("halted now, but a restart would forget it", exc) from exc
        return self._state(key, shown_id)

    def resume(self, key: str | None, shown_id: str | None) -> HaltState:
        """End a halt. Raises PlatformError if a restart would bring it back."""
        try:
            self._halts.resume(key)
        except OSError as exc:
            raise _not_stored("resumed now, but a restart would halt it again", exc) from exc
        return self._state(key, shown_id)

    def _state(self, key: str | None, shown_id: str | None) -> HaltState:
        halt = self._halts.everywhere if key is None else self._halts.of(key)
        who = "all accounts" if halt is not None and halt is self._halts.everywhere else shown_id
        return HaltState(
            success=True,
            account_id=shown_id,
            halted=halt is not None,
            reason=None if halt is None else halt.reason,
            since=None if halt is None else halt.since,
            message=f"{who or 'all accounts'} {'may only close' if halt else 'may trade'}",
        )


def _not_stored(what: str, error: OSError) -> PlatformError:
    return PlatformError(
        500, "HALT_NOT_STORED", f"{what}: its file cannot be written ({error.strerror or error})"
    )
