"""What an operator is told of accounts and of the pool, in words. Sends nothing itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from fxpool.account import AccountState, Phase
from fxpool.alerts import Alert, Alerts, Severity
from fxpool.domain.tickets import Ticket
from fxpool.mapping.formats import GuardInfo

PARKED_COOLDOWN: Final = 300.0
"""Seconds between alerts of an account that goes on being refused."""

DOWN_COOLDOWN: Final = 300.0
"""The same, of a part of the pool that goes up and down."""

OUTCOME_COOLDOWN: Final = 30.0
"""The same, of unknown outcomes: a cut link may leave many at once. GET /tickets has them all."""

RENEWAL_COOLDOWN: Final = 21_600.0
"""The same, of tokens that cannot be renewed: there are days left to mend it."""

GUARD_COOLDOWN: Final = 60.0
"""The same, of one limit and state: an equity may go to and fro around a warning."""

_PARKED: Final = {
    Phase.NEEDS_CONSENT: "Its owner must authorise the application again: run `fxpool connect "
    "{account}`, or send a link that `fxpool connect {account} --link` makes",
    Phase.REFUSED: "It stays so until somebody has mended that; `fxpool doctor` names the cure",
}


class OperatorAlerts:
    """The alerts of one platform."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def ticket_unknown(self, ticket: Ticket) -> None:
        why = ticket.evidence[-1].text
        self._tell(
            "outcome_unknown",
            f"{_what(ticket)} was sent and no clear answer was seen ({why}). It may be live; the "
            "broker's records are being read",
            ticket.account,
            Severity.FAILURE,
            OUTCOME_COOLDOWN,
        )

    def ticket_resolved(self, ticket: Ticket) -> None:
        step = ticket.evidence[-1]
        text = f"{_what(ticket)}, unknown before, is {step.state.value}: {step.text}"
        self._tell("outcome_resolved", text, ticket.account, Severity.INFO, OUTCOME_COOLDOWN)

    def exit_unjournaled(self, ticket: Ticket, why: str) -> None:
        text = f"{_what(ticket)} is sent without a record of it: {why}"
        self._tell("exit_unjournaled", text, ticket.account)

    def protection_failed(self, account: str, position_id: str, why: str) -> None:
        text = f"position {position_id} is open without the protection that was asked for: {why}"
        self._tell("protection_failed", text, account, Severity.FAILURE)

    def margin_called(self, account: str, threshold: Decimal) -> None:
        text = f"the broker calls for margin: the margin level is below {threshold.normalize():f} %"
        self._tell("margin_call", text, account, Severity.FAILURE)

    def guard_changed(self, account: str, kind: str, guard: GuardInfo) -> None:
        """Tell of a loss limit that is near, was reached, or that nobody can watch."""
        severity = Severity.FAILURE if kind == "guardTripped" else Severity.WARNING
        text = f"limit {guard['guard']} is {guard['state']}: {guard['reason']}"
        if kind == "guardTripped":
            text += f". Action: {guard['action']}; it stays so until somebody resets it"
        if kind != "guardReset":
            word = f"guard_{guard['guard']}_{guard['state']}"
            self._tell(word, text, account, severity, GUARD_COOLDOWN)

    def moved(self, account: str, state: AccountState) -> None:
        """Tell of a phase that only a person can end."""
        cure = _PARKED.get(state.phase)
        if cure is not None:
            text = f"the account is not served: {state.reason}. {cure.format(account=account)}"
            self._tell(state.phase.value, text, account, Severity.FAILURE, PARKED_COOLDOWN)

    def part_changed(self, part: str, failure: str | None) -> None:
        """Tell that a part which all accounts need has failed, or (None) works again."""
        if failure is None:
            self._tell(f"{part}_up", f"{part}: works again", None, Severity.INFO, DOWN_COOLDOWN)
            return
        text = f"{part}: {failure}"
        self._tell(f"{part}_down", text, None, Severity.FAILURE, DOWN_COOLDOWN)

    def renewal_fails(self, account: str, why: str) -> None:
        """Tell that an account's tokens could not be renewed for a while, before they end."""
        text = f"its tokens are not renewed: {why}. `fxpool doctor` says what is wrong"
        self._tell("renewal_fails", text, account, Severity.FAILURE, RENEWAL_COOLDOWN)

    def _tell(
        self,
        kind: str,
        text: str,
        account: str | None,
        severity: Severity = Severity.WARNING,
        cooldown: float = 0.0,
    ) -> None:
        self._alerts.tell(Alert(kind, text, account, severity, cooldown))


def _what(ticket: Ticket) -> str:
    return f"{ticket.kind.value.replace('_', ' ')} ticket {ticket.ticket_id}"
