"""New orders of one account, each at most once: keys and repeats, the same on every platform.

A request with a key that was seen before is answered with what became of the first one; it waits
for it if need be, and is never a second order. How an order is sent is the platform's.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields as fields_of
from datetime import datetime
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import Any, Final, cast
from weakref import WeakValueDictionary

import structlog

from fxpool.account import Tickets
from fxpool.domain.order_keys import OrderKey, Standing, order_key, standing
from fxpool.domain.tickets import Ticket
from fxpool.errors import DATABASE_CURE, FxPoolError, JournalDown, KeyTaken
from fxpool.mapping.actions import parse_action
from fxpool.mapping.formats import TradeResult
from fxpool.mapping.instants import iso
from fxpool.platforms.base import PlatformError, TradeRequest
from fxpool.platforms.trade_answers import certain
from fxpool.platforms.words import Call, explain, refusal
from fxpool.store import Journal

REPEAT_SECONDS: Final = 25.0
"""How long a repeat waits for the first request; callers of old pools give up after 30 s."""

_NOT_THE_ORDER: Final = frozenset({"idempotency_key", "environment", "allow_unsynchronized"})
_OF_THE_ORDER: Final = tuple(
    field.name for field in fields_of(TradeRequest) if field.name not in _NOT_THE_ORDER
)
_values_of: Final = attrgetter(*_OF_THE_ORDER)

log = structlog.get_logger(__name__)


class KeyedOrders(ABC):
    """The new orders of one account."""

    def __init__(self, account: str, tickets: Tickets, journal: Journal) -> None:
        """``account`` is its key."""
        self._key = account
        self._tickets = tickets
        self._journal = journal
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @abstractmethod
    async def _send(self, request: TradeRequest, ticket: Ticket) -> TradeResult:
        """Send an order under its ticket, once. Raises kinds of FxPoolError."""

    @abstractmethod
    def _is_open(self, position_id: str) -> bool:
        """Whether a position is open, or may be: nothing is known of it while its account is not
        live."""

    async def execute(self, request: TradeRequest) -> TradeResult:
        """Place an order, or answer with what became of the one that has its key.

        Raises kinds of FxPoolError where nothing was stored, so that nothing was sent.
        """
        key = order_key(request.idempotency_key, request.comment)
        fields = _fields_of(request)
        if key is None:
            return await self._place(request, fields, None, 1)
        turn = self._turns.get(key.stored)
        if turn is None:  # nobody else asks for this order now, so nothing is waited for
            turn = self._turns[key.stored] = asyncio.Lock()
            await turn.acquire()
        else:
            try:
                async with asyncio.timeout(REPEAT_SECONDS):
                    await turn.acquire()
            except TimeoutError:
                return _still_running(None)
        try:
            return await self._place_once(request, fields, key)
        finally:
            turn.release()

    async def _place_once(
        self, request: TradeRequest, fields: Mapping[str, Any], key: OrderKey
    ) -> TradeResult:
        while True:
            try:
                holder = await self._journal.holder(self._key, key.stored)
                if holder is not None and not holder.is_free:
                    return await self._repeat(holder.ticket, key, key.fingerprint(fields))
            except JournalDown as exc:
                return _not_known(exc)
            try:
                attempt = 1 if holder is None else holder.attempt + 1
                return await self._place(request, fields, key, attempt)
            except KeyTaken:
                continue  # another process was faster: its ticket holds the key now

    async def _place(
        self,
        request: TradeRequest,
        fields: Mapping[str, Any],
        key: OrderKey | None,
        attempt: int,
    ) -> TradeResult:
        mark = "" if key is None else key.fingerprint(fields)
        ticket = self._tickets.prepare({"request": fields}, key, attempt, mark)
        try:
            result = await self._result(request, ticket, is_keyed=key is not None)
            if self._tickets.is_stored(ticket):
                result["ticketId"] = ticket.ticket_id
            if not self._is_open_still(ticket, result):
                await self._finish(ticket, result)
            return result
        finally:
            self._tickets.leave(ticket)

    async def _result(
        self, request: TradeRequest, ticket: Ticket, *, is_keyed: bool
    ) -> TradeResult:
        try:
            return await self._send(request, ticket)
        except KeyTaken:
            raise
        except FxPoolError as exc:
            told = explain(
                certain(exc, may_have_left=self._tickets.is_stored(ticket)),
                Call.KEYED_ORDER if is_keyed else Call.NEW_ORDER,
            )
            log.warning("trade", code=told.code, outcome=told.outcome, detail=told.detail)
            return refusal(told)

    def _is_open_still(self, ticket: Ticket, result: TradeResult) -> bool:
        """Whether an order was answered and nobody can say with what: it is looked up then."""
        return result["outcome"] == "unknown" and self._tickets.holds(ticket.ticket_id)

    async def _finish(self, ticket: Ticket, result: TradeResult) -> None:
        try:
            await self._tickets.finish(ticket, result)
        except JournalDown as exc:  # it is stored later; the caller must hear of the trade now
            log.critical("result not stored yet", ticket=ticket.ticket_id, error=str(exc))

    async def _repeat(self, holder: Ticket, key: OrderKey, mark: str) -> TradeResult:
        place = standing(holder, mark)
        if place is Standing.CONFLICT:
            return _conflict(holder, key)
        if place is Standing.RUNNING:
            settled = await self._journal.settled(holder.ticket_id, REPEAT_SECONDS)
            holder = settled or holder
        if holder.state.is_open or holder.result is None:
            return _still_running(holder)
        if key.is_copy and self._is_closed_again(holder.result):
            return _closed_copy(holder)
        return cast("TradeResult", {**holder.result, "duplicate": True})

    def _is_closed_again(self, result: Mapping[str, Any]) -> bool:
        """Whether an executed copy's position is known not to be open any more."""
        position_id = result.get("positionId")
        if not result.get("success") or position_id is None:
            return False
        return not self._is_open(str(position_id))


def _fields_of(request: TradeRequest) -> dict[str, Any]:
    """Return what makes an order this one, as JSON; 0.10 lots are 0.1 lots."""
    fields: dict[str, Any] = {}
    for name, value in zip(_OF_THE_ORDER, _values_of(request), strict=True):
        match value:
            case None:
                continue
            case Decimal():
                fields[name] = f"{value.normalize():f}"
            case datetime():
                fields[name] = iso(value)
            case Enum():
                fields[name] = value.value
            case _:
                fields[name] = value
    fields["action"] = parse_action(request.action).word
    return fields


def _still_running(holder: Ticket | None) -> TradeResult:
    """The texts may ask for another try: it is recognised, and never a second order."""
    text = (
        "timeout: no response yet: the same order was sent before and what became of it is being "
        "looked up. Outcome unknown, the same call may be repeated"
    )
    unclear = PlatformError(504, "OUTCOME_UNKNOWN", text, retryable=True, outcome="unknown")
    return _duplicate(unclear, holder)


def _not_known(error: JournalDown) -> TradeResult:
    """This call sent nothing; whether an earlier one with its key did, nobody can tell now."""
    text = (
        f"network: {error}. {DATABASE_CURE}. Nothing was sent now; whether the same order was "
        "executed before is not known until the journal is back. The same call may be repeated"
    )
    unclear = PlatformError(503, "JOURNAL_DOWN", text, retryable=True, outcome="unknown")
    log.warning("trade", code=unclear.code, outcome=unclear.outcome, detail=text)
    return refusal(unclear)


def _conflict(holder: Ticket, key: OrderKey) -> TradeResult:
    what = "comment" if key.is_copy else "idempotency key"
    text = (
        f"this {what} belongs to another order, which was received at {iso(holder.received_at)}: "
        "nothing was sent. A new order needs a new one"
    )
    refused = PlatformError(409, "IDEMPOTENCY_CONFLICT", text, outcome="not_executed")
    return refusal(refused) | TradeResult(ticketId=holder.ticket_id)


def _closed_copy(holder: Ticket) -> TradeResult:
    position_id = (holder.result or {}).get("positionId")
    text = (
        f"this copy was made before, as position {position_id}, and is closed: "
        "it is not opened again"
    )
    refused = PlatformError(409, "DUPLICATE_COPY", text, outcome="not_executed")
    return _duplicate(refused, holder)


def _duplicate(error: PlatformError, holder: Ticket | None) -> TradeResult:
    result = refusal(error) | TradeResult(duplicate=True)
    return result if holder is None else result | TradeResult(ticketId=holder.ticket_id)
