"""The life of an account as a table: ``{(phase, trigger): phase}``. Pure.

A pair that is missing is a bug of ours and raises LocalProtocolError.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from fxpool.errors import LocalProtocolError


class Phase(Enum):
    """Where an account stands; only in LIVE is its book known to be the broker's."""

    CONFIGURED = "configured"
    """Known by configuration; nothing was tried yet."""
    AUTHORISING = "authorising"
    """Waiting for a session that serves it."""
    SYNCHRONISING = "synchronising"
    """Served, and its state is being read."""
    LIVE = "live"
    """The book is the broker's, kept so by events."""
    STALE = "stale"
    """Served, but something was missed or unclear: the state is being read again."""
    RECONNECTING = "reconnecting"
    """It was served, the session is gone, the pool is working on it."""
    NEEDS_CONSENT = "needs_consent"
    """The token is dead: its owner must authorise the application again."""
    REFUSED = "refused"
    """It cannot be served until a person has changed the configuration."""


class Trigger(Enum):
    """What moves an account from one phase to another."""

    ATTACHED = "attached"
    AUTHORISED = "authorised"
    SYNCHRONISED = "synchronised"
    DOUBTED = "doubted"
    LOST = "lost"
    TOKEN_DEAD = "token_dead"  # noqa: S105 (a word, not a secret)
    REFUSED = "refused"


_END: Final = {Trigger.TOKEN_DEAD: Phase.NEEDS_CONSENT, Trigger.REFUSED: Phase.REFUSED}
_RETRY: Final = {Trigger.AUTHORISED: Phase.SYNCHRONISING, Trigger.LOST: Phase.RECONNECTING}

_BY_PHASE: Final[dict[Phase, dict[Trigger, Phase]]] = {
    Phase.CONFIGURED: {Trigger.ATTACHED: Phase.AUTHORISING, **_END},
    Phase.AUTHORISING: {
        Trigger.AUTHORISED: Phase.SYNCHRONISING,
        Trigger.LOST: Phase.AUTHORISING,
        **_END,
    },
    Phase.SYNCHRONISING: {
        Trigger.SYNCHRONISED: Phase.LIVE,
        Trigger.DOUBTED: Phase.SYNCHRONISING,
        **_RETRY,
        **_END,
    },
    Phase.LIVE: {Trigger.DOUBTED: Phase.STALE, **_RETRY, **_END},
    Phase.STALE: {
        Trigger.SYNCHRONISED: Phase.LIVE,
        Trigger.DOUBTED: Phase.STALE,
        **_RETRY,
        **_END,
    },
    Phase.RECONNECTING: {**_RETRY, **_END},
    Phase.NEEDS_CONSENT: {Trigger.ATTACHED: Phase.AUTHORISING, **_RETRY, **_END},
    Phase.REFUSED: {Trigger.ATTACHED: Phase.AUTHORISING, **_RETRY, **_END},
}

TRANSITIONS: Final = {
    (phase, trigger): following
    for phase, moves in _BY_PHASE.items()
    for trigger, following in moves.items()
}


def next_phase(phase: Phase, trigger: Trigger) -> Phase:
    """Return the phase that follows. Raises LocalProtocolError if there is none."""
    try:
        return TRANSITIONS[phase, trigger]
    except KeyError:
        raise LocalProtocolError(
            f"an account that is {phase.value} cannot be {trigger.value}"
        ) from None
