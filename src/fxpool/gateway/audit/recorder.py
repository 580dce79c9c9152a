"""Every call that changes something, and every key that is new or refused, becomes an audit event.

The edge shows what passes, refusals of the gatekeeper too. What was asked and answered is taken
from the bytes that pass; they are read and cleaned only when the call is over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.types import Message, Receive, Scope

from fxpool.clock import Clock
from fxpool.domain.audit import AuditEvent
from fxpool.domain.permissions import Operation
from fxpool.gateway.access.gatekeeper import CALLER, NOTE
from fxpool.gateway.access.operations import operation_of
from fxpool.gateway.audit.trail import AuditTrail
from fxpool.gateway.errors import request_id_of
from fxpool.platforms.base import Platform, PlatformError
from fxpool.redaction import hidden

ORDERS: Final = frozenset({Operation.PLACE, Operation.AMEND, Operation.CLOSE})
AUDITED: Final = ORDERS | {Operation.HALT, Operation.OPERATE}

MAX_BODY_BYTES: Final = 8192
MAX_SUBJECT: Final = 256
MAX_KNOWN: Final = 4096
REFUSALS_A_MINUTE: Final = 60
_MINUTE: Final = 60.0

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ACCOUNT_FIELDS: Final = ("account_id", "accountId", "account")


class AuditedCalls:
    """Notes calls in the audit log: ``begin`` before a call, ``told`` once its answer is known."""

    def __init__(self, trail: AuditTrail, platform: Platform, clock: Clock) -> None:
        self._trail, self._platform, self._clock = trail, platform, clock
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._refusals = 0
        self._unwritten = 0
        self._minute = clock.now()

    def begin(self, scope: Scope) -> Seen:
        """Return what will be seen of a call; routes may leave a note in it."""
        seen = Seen(takes_all=scope.get("method", "GET") not in _READS)
        scope["state"][NOTE] = seen.note
        return seen

    async def told(self, scope: Scope, seen: Seen) -> None:
        """Take down a call, once."""
        if seen.is_told:
            return
        seen.is_told = True
        note = seen.note
        caller = scope["state"].get(CALLER)
        if caller is None:
            self._refused(scope, seen)
            return
        operation = _operation(scope)
        self._note_new(scope, str(caller.principal.subject)[:MAX_SUBJECT])
        is_change = operation in AUDITED and scope.get("method") not in _READS
        if not is_change and "action" not in note:
            return
        event = self._event(scope, seen, note)
        if operation in ORDERS or seen.status in (401, 403, 404, 422, 429):
            self._trail.note(event)
        else:
            await self._trail.keep(event)

    def _event(self, scope: Scope, seen: Seen, note: Mapping[str, Any]) -> AuditEvent:
        asked, answer = _json(seen.request), _json(seen.answer)
        details = {
            "request": None if asked is None else hidden(asked),
            "answer": None if answer is None else hidden(answer),
            **{name: note[name] for name in ("before", "after") if name in note},
        }
        return self._base(
            scope,
            action=note.get("action") or f"{scope.get('method', 'WEBSOCKET')} {_route_path(scope)}",
            outcome=_outcome(seen.status, answer),
            account=self._account(scope, asked),
            ticket=str(answer.get("ticketId", "")) if isinstance(answer, dict) else "",
            details={name: value for name, value in details.items() if value is not None}
            | {"status": seen.status},
        )

    def _refused(self, scope: Scope, seen: Seen) -> None:
        now = self._clock.now()
        if now - self._minute >= _MINUTE:
            self._minute, self._refusals = now, 0
        self._refusals += 1
        if self._refusals > REFUSALS_A_MINUTE:
            self._unwritten += 1
            return
        details: dict[str, Any] = {"status": seen.status, "path": scope["path"][:200]}
        if self._unwritten:
            details["notWrittenBefore"] = self._unwritten
            self._unwritten = 0
        answer = _json(seen.answer)
        if isinstance(answer, dict):
            details["code"] = answer.get("code")
        self._trail.note(
            self._base(scope, action="access refused", outcome="refused", details=details)
        )

    def _note_new(self, scope: Scope, subject: str) -> None:
        """Note that a key or token is used from an address for the first time since the start."""
        caller = scope["state"][CALLER]
        pair = (subject, caller.origin.text)
        if subject == "anonymous" or pair in self._known:
            return
        self._known[pair] = None
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        self._trail.note(self._base(scope, action="access", outcome="done", details={}))

    def _base(
        self,
        scope: Scope,
        *,
        action: str,
        outcome: str,
        details: Mapping[str, Any],
        account: str = "",
        ticket: str = "",
    ) -> AuditEvent:
        caller = scope["state"].get(CALLER)
        client = scope.get("client")
        address = caller.origin.text if caller else (client[0] if client else "")
        return AuditEvent(
            at=self._clock.at(),
            subject=caller.principal.subject[:MAX_SUBJECT] if caller else "stranger",
            name=caller.principal.name if caller else "",
            address=address,
            action=action,
            account=account,
            ticket=ticket,
            request_id=request_id_of(scope),
            outcome=outcome,
            details=details,
        )

    def _account(self, scope: Scope, asked: object) -> str:
        """Return the key of the account that a call is about, empty if it names none that is."""
        given: object = scope.get("path_params", {}).get("account_id")
        if given is None and isinstance(asked, dict):
            given = next((asked[name] for name in _ACCOUNT_FIELDS if name in asked), None)
        if given is None:
            return ""
        try:
            return self._platform.key_of(str(given))
        except PlatformError:
            return ""


class Seen:
    """What passed of one call, up to a bound; of one that only reads, no bodies.

    Attributes:
        note: what routes leave for the audit log.
        status: that of the answer, None before it.
        is_told: whether the audit log has taken the call.
    """

    __slots__ = ("_receive", "_takes_all", "answer", "is_told", "note", "request", "status")

    def __init__(self, *, takes_all: bool) -> None:
        self._takes_all = takes_all
        self.note: dict[str, Any] = {}
        self.status: int | None = None
        self.request = b""
        self.answer = b""
        self.is_told = False

    def receiving(self, receive: Receive) -> Receive:
        """Return what gives the request, and shows it here where its body counts."""
        self._receive = receive
        return self._receive_and_see if self._takes_all else receive

    async def _receive_and_see(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and len(self.request) <= MAX_BODY_BYTES:
            self.request += message.get("body", b"")
        return message

    def answered(self, message: Message) -> bool:
        """Take a part of the answer; return whether it was the last one of one that counts."""
        if not self._takes_all:
            return False
        if len(self.answer) <= MAX_BODY_BYTES:
            self.answer += message.get("body", b"")
        return not message.get("more_body", False)


def _json(body: bytes) -> object:
    """Return a body that is a JSON value; what is something else, or too long, is not kept."""
    if not body or len(body) > MAX_BODY_BYTES:
        return None if not body else {"bytes": len(body)}
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _outcome(status: int | None, answer: object) -> str:
    """Return what became of a call: done, refused, failed or unknown."""
    if isinstance(answer, dict):
        told = answer.get("outcome")
        if told is not None:
            return {"executed": "done", "not_executed": "refused"}.get(str(told), "unknown")
    if status is None:
        return "unknown"
    if status >= 500:
        return "failed"
    return "refused" if status >= 400 else "done"


def _operation(scope: Scope) -> Operation | None:
    route = scope.get("route")
    endpoint = getattr(route, "endpoint", None)
    return None if endpoint is None else operation_of(endpoint, scope["path"])


def _route_path(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", scope["path"]))
