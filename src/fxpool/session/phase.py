"""The life of a session, and of each account on it, as tables. Pure.

A pair that is not in its table is a bug of ours and raises LocalProtocolError.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from fxpool.errors import LocalProtocolError


class Phase(Enum):
    """How far a session is."""

    CONNECTED = "connected"
    AUTHENTICATING = "authenticating"
    READY = "ready"
    ENDED = "ended"


class Trigger(Enum):
    """What moves a session on."""

    APPLICATION_AUTH_SENT = "application_auth_sent"
    APPLICATION_ACCEPTED = "application_accepted"
    APPLICATION_REFUSED = "application_refused"
    FINISHED = "finished"


class AccountPhase(Enum):
    """How far an account is on one session."""

    ABSENT = "absent"
    AUTHORISING = "authorising"
    AUTHORISED = "authorised"
    LEAVING = "leaving"


class AccountTrigger(Enum):
    """What moves an account on."""

    AUTH_SENT = "auth_sent"
    ACCEPTED = "accepted"
    FAILED = "failed"
    LOGOUT_SENT = "logout_sent"
    DROPPED = "dropped"
    """The broker ended the account's session, or said that there is none."""


TRANSITIONS: Final[Mapping[tuple[Phase, Trigger], Phase]] = {
    (Phase.CONNECTED, Trigger.APPLICATION_AUTH_SENT): Phase.AUTHENTICATING,
    (Phase.CONNECTED, Trigger.FINISHED): Phase.ENDED,
    (Phase.AUTHENTICATING, Trigger.APPLICATION_ACCEPTED): Phase.READY,
    (Phase.AUTHENTICATING, Trigger.APPLICATION_REFUSED): Phase.CONNECTED,
    (Phase.AUTHENTICATING, Trigger.FINISHED): Phase.ENDED,
    (Phase.READY, Trigger.FINISHED): Phase.ENDED,
}

ACCOUNT_TRANSITIONS: Final[Mapping[tuple[AccountPhase, AccountTrigger], AccountPhase]] = {
    (AccountPhase.ABSENT, AccountTrigger.AUTH_SENT): AccountPhase.AUTHORISING,
    (AccountPhase.ABSENT, AccountTrigger.DROPPED): AccountPhase.ABSENT,
    (AccountPhase.AUTHORISING, AccountTrigger.ACCEPTED): AccountPhase.AUTHORISED,
    (AccountPhase.AUTHORISING, AccountTrigger.FAILED): AccountPhase.ABSENT,
    # The late echo of the session that the running authorisation replaces.
    (AccountPhase.AUTHORISING, AccountTrigger.DROPPED): AccountPhase.AUTHORISING,
    (AccountPhase.AUTHORISED, AccountTrigger.AUTH_SENT): AccountPhase.AUTHORISING,
    (AccountPhase.AUTHORISED, AccountTrigger.LOGOUT_SENT): AccountPhase.LEAVING,
    (AccountPhase.AUTHORISED, AccountTrigger.DROPPED): AccountPhase.ABSENT,
    # The logout itself may be refused; the account is not ours any more either way.
    (AccountPhase.LEAVING, AccountTrigger.AUTH_SENT): AccountPhase.AUTHORISING,
    (AccountPhase.LEAVING, AccountTrigger.DROPPED): AccountPhase.ABSENT,
}


def next_phase(phase: Phase, trigger: Trigger) -> Phase:
    """Return the phase after ``trigger``. Raises LocalProtocolError for a missing pair."""
    try:
        return TRANSITIONS[phase, trigger]
    except KeyError:
        raise LocalProtocolError(
            f"{trigger.value} cannot happen to a {phase.value} session"
        ) from None


def next_account_phase(phase: AccountPhase, trigger: AccountTrigger) -> AccountPhase:
    """Return the phase after ``trigger``. Raises LocalProtocolError for a missing pair."""
    try:
        return ACCOUNT_TRANSITIONS[phase, trigger]
    except KeyError:
        raise LocalProtocolError(
            f"{trigger.value} cannot happen to an account {phase.value}"
        ) from None
