"""The tickets of one account: what may leave, and what is known of what left.

Every order request passes ``send``, which sends nothing before its ticket is stored. Knows neither
callers' formats nor how an unknown outcome is settled (``resolver``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec
import structlog
from google.protobuf.message import Message

from fxpool import context
from fxpool.account.call_tickets import note_ticket
from fxpool.account.journal import TicketJournal
from fxpool.clock import Clock
from fxpool.domain.order_keys import OrderKey, client_order_id
from fxpool.domain.requests import OrderIntent
from fxpool.domain.tickets import Entry, Ticket, TicketKind, TicketState, TicketTrigger, received
from fxpool.domain.trades import Execution, ExecutionType
from fxpool.errors import (
    JournalDown,
    KeyTaken,
    LocalProtocolError,
    Outcome,
    PoolBusy,
    RequestError,
    RequestNotSent,
)
from fxpool.mapping.request_fields import fields_of
from fxpool.openapi.proto import messages_pb2 as wire

T = TypeVar("T")

ORDER: Final = "order"
"""The part of a new order's intent that holds its OrderIntent."""

STORE_SECONDS: Final = 4.0
"""How long after its ticket was made a request may still leave: with the time that it may take then
(TRADE_SECONDS) less than the age at which other processes take its own for gone."""

_KINDS: Final[Mapping[type[Message], TicketKind]] = {
    wire.ProtoOANewOrderReq: TicketKind.PLACE,
    wire.ProtoOAClosePositionReq: TicketKind.CLOSE,
    wire.ProtoOAAmendPositionSLTPReq: TicketKind.AMEND_POSITION,
    wire.ProtoOAAmendOrderReq: TicketKind.AMEND_ORDER,
    wire.ProtoOACancelOrderReq: TicketKind.CANCEL,
}

_ENDS: Final = {
    Outcome.NOT_SENT: TicketTrigger.NOT_SENT,
    Outcome.REFUSED: TicketTrigger.REFUSED,
    Outcome.UNKNOWN: TicketTrigger.LOST,
}

log = structlog.get_logger(__name__)


class TicketObserver(Protocol):
    """What the tickets of an account tell their owner. Never blocks."""

    def ticket_unknown(self, ticket: Ticket) -> None:
        """It is not known what became of a ticket; it is being looked up."""
        ...

    def ticket_resolved(self, ticket: Ticket) -> None:
        """It is known now."""
        ...

    def exit_unjournaled(self, ticket: Ticket, why: str) -> None:
        """A close or cancel leaves though its ticket could not be stored."""
        ...


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What the broker answered to a request.

    Attributes:
        value: for who sent it.
        text: the ids of what it is about, as evidence.
        order_ids: the orders of its executions; the last one carries the request out.
    """

    value: T
    text: str = ""
    order_ids: tuple[int, ...] = ()

    @property
    def result(self) -> Mapping[str, Any]:
        """What is kept of it as the ticket's result."""
        told = {"success": True, "outcome": "executed"}
        return {**told, "orderId": str(self.order_ids[-1])} if self.order_ids else told


Exchange = Callable[[], Awaitable[Answer[T]]]
"""Sends a request and returns its answer."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A new order's ticket before its request is made."""

    ticket: Ticket
    key: OrderKey | None
    attempt: int


class Tickets:
    """The tickets of one account, by process: those that a request of ours holds."""

    def __init__(
        self,
        account: str,
        journal: TicketJournal,
        observer: TicketObserver,
        *,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        """``account`` is its key; ``new_id`` makes ids, unique over processes, of 50 characters at
        most."""
        self.observer = observer
        self._account = account
        self._journal = journal
        self._clock = clock
        self._new_id = new_id
        self._prepared: dict[str, _Prepared] = {}
        self._held: dict[str, Ticket] = {}
        self._orders: dict[str, str] = {}  # client order id -> ticket id

    def holds(self, ticket_id: str) -> bool:
        """Whether a request of this process will still say what became of a ticket."""
        ticket = self._held.get(ticket_id)
        return ticket is not None and ticket.state.is_running

    def prepare(
        self, intent: Mapping[str, Any], key: OrderKey | None, attempt: int, fingerprint: str
    ) -> Ticket:
        """Return the ticket of a new order, not stored yet.

        The order is to be placed with its ``client_order_id``; ``finish`` or ``leave`` ends it.
        """
        ticket_id = self._new_id()
        ticket = received(
            ticket_id,
            self._account,
            TicketKind.PLACE,
            self._clock.at(),
            intent=intent,
            client_order_id=client_order_id(key, attempt, ticket_id),
            key=None if key is None else key.stored,
            fingerprint=fingerprint,
            asked=context.asker(),
        )
        context.add(ticket=ticket_id)
        self._prepared[ticket.client_order_id] = _Prepared(ticket, key, attempt)
        return ticket

    def is_stored(self, ticket: Ticket) -> bool:
        """Whether a new order's ticket is in the journal, so that it may have left."""
        return ticket.ticket_id in self._held

    def send(
        self,
        exchange: Exchange[T],
        request: Message,
        intent: OrderIntent | None = None,
        *,
        is_exit: bool = False,
    ) -> Coroutine[Any, Any, T]:
        """Store a request's ticket, then send it by ``exchange``; return what that was answered.

        ``exchange`` is called once, and its error says what became of the request. ``intent`` is
        that of a new order. Raises JournalDown, PoolBusy and KeyTaken before anything is sent. An
        exit (``is_exit``: the close of a whole position, a cancel) goes without a ticket then: sent
        twice it finds its object gone, and not to get out of a position is the greater harm.
        """
        return self._send(exchange, self._entry(request, intent), is_exit=is_exit)

    def send_order(
        self, exchange: Exchange[T], ticket: Ticket, order: Mapping[str, Any]
    ) -> Coroutine[Any, Any, T]:
        """As ``send``, for a prepared new order that leaves as JSON and not as a message."""
        prepared = self._prepared.pop(ticket.client_order_id, None)
        return self._send(exchange, self._journaled(ticket, prepared, order), is_exit=False)

    def send_change(
        self,
        exchange: Exchange[T],
        kind: TicketKind,
        fields: Mapping[str, Any],
        *,
        is_exit: bool = False,
    ) -> Coroutine[Any, Any, T]:
        """As ``send``, for any other request that leaves as JSON."""
        ticket = self._change(kind, fields)
        return self._send(exchange, self._journaled(ticket, None), is_exit=is_exit)

    async def _send(self, exchange: Exchange[T], entry: Entry, *, is_exit: bool) -> T:
        began, ticket = self._clock.now(), entry.ticket
        is_stored = await self._enter(entry, is_exit=is_exit)
        note_ticket(ticket.ticket_id if is_stored else None)
        if not is_stored:
            return (await exchange()).value
        self._held[ticket.ticket_id] = ticket
        if ticket.client_order_id:
            self._orders[ticket.client_order_id] = ticket.ticket_id
        self._step(ticket.ticket_id, TicketTrigger.SENT)
        try:
            if not is_exit:
                self._require_prompt(ticket, began)
            answer = await exchange()
        except RequestError as exc:
            self._step(ticket.ticket_id, _ENDS[exc.outcome], str(exc))
            raise
        except BaseException as exc:
            self._step(ticket.ticket_id, TicketTrigger.LOST, f"{type(exc).__name__} while sending")
            raise
        else:
            if ticket.kind is not TicketKind.PLACE:
                self._step(ticket.ticket_id, TicketTrigger.EXECUTED, answer.text, answer.result)
            return answer.value
        finally:
            if ticket.kind is not TicketKind.PLACE:
                self._release(ticket)

    async def finish(self, ticket: Ticket, result: Mapping[str, Any]) -> None:
        """Store what a new order's caller is told, durably. A ticket that was never journaled is
        forgotten. Raises JournalDown; the result is stored later then."""
        self._prepared.pop(ticket.client_order_id, None)
        held = self._held.get(ticket.ticket_id)
        if held is None:
            return
        if held.state.is_running:
            part = result.get("partial", False)
            end = TicketTrigger.PARTIALLY_EXECUTED if part else TicketTrigger.EXECUTED
            held = held.after(end, self._clock.at(), _what(result))
        held = replace(held, result=result)
        self._release(held)
        key = OrderKey.from_stored(held.key)
        await self._journal.write(held, frees_key=key is not None and key.is_freed_by(result))

    def leave(self, ticket: Ticket) -> None:
        """End a new order whose caller is gone; does nothing after ``finish``."""
        self._prepared.pop(ticket.client_order_id, None)
        held = self._held.get(ticket.ticket_id)
        if held is None:
            return
        if held.state.is_running:
            self._step(ticket.ticket_id, TicketTrigger.LOST, "its caller was told no end of it")
        self._release(held)

    def heard(self, execution: Execution) -> None:
        """Take note that the broker has an order of ours."""
        order = execution.order
        if order is None or execution.type is not ExecutionType.ORDER_ACCEPTED:
            return
        ticket_id = self._orders.get(order.client_order_id)
        if ticket_id is not None and self._held[ticket_id].state is TicketState.SENT:
            self._step(ticket_id, TicketTrigger.ACCEPTED, f"order {order.order_id}")

    async def _enter(self, entry: Entry, *, is_exit: bool) -> bool:
        """Store a ticket; False if it could not be and its request goes all the same."""
        try:
            if not await self._journal.enter(entry):
                raise KeyTaken(f"another request holds the key {entry.key}")
        except (JournalDown, PoolBusy) as exc:
            if not is_exit:
                raise
            log.critical(
                "exit without a ticket",
                account=self._account,
                kind=entry.ticket.kind.value,
                intent=entry.ticket.intent,
                error=str(exc),
            )
            self.observer.exit_unjournaled(entry.ticket, str(exc))
            return False
        return True

    def _require_prompt(self, ticket: Ticket, began: float) -> None:
        """Raise RequestNotSent for a ticket whose storing took too long, by either clock: a process
        that shares the journal may be about to call it lost, and then absent."""
        by_date = (self._clock.at() - ticket.updated_at).total_seconds()
        seconds = max(self._clock.now() - began, by_date)
        if seconds > STORE_SECONDS:
            raise RequestNotSent(f"not sent: {seconds:.0f} s passed while its ticket was stored")

    def _entry(self, request: Message, intent: OrderIntent | None) -> Entry:
        prepared = None if intent is None else self._prepared.pop(intent.client_order_id, None)
        ticket = self._new(request) if prepared is None else prepared.ticket
        order = None if intent is None else msgspec.to_builtins(intent)
        return self._journaled(ticket, prepared, order)

    def _journaled(
        self, ticket: Ticket, prepared: _Prepared | None, order: Mapping[str, Any] | None = None
    ) -> Entry:
        """Return a ticket as it is stored; ``order`` is what a new order asks of the broker."""
        at = self._clock.at()
        intent = None if order is None else {**ticket.intent, ORDER: order}
        ticket = ticket.after(TicketTrigger.JOURNALED, at, intent=intent)
        if prepared is None or prepared.key is None:
            return Entry(ticket)
        return Entry(ticket, prepared.key.stored, prepared.attempt, at + prepared.key.age)

    def _new(self, request: Message) -> Ticket:
        kind = _KINDS.get(type(request))
        if kind is None:
            raise LocalProtocolError(f"{type(request).__name__} is no order request")
        return self._change(kind, fields_of(request))

    def _change(self, kind: TicketKind, fields: Mapping[str, Any]) -> Ticket:
        """Return the ticket of a request that was not prepared."""
        ticket_id = self._new_id()
        context.add(ticket=ticket_id)
        return received(
            ticket_id,
            self._account,
            kind,
            self._clock.at(),
            intent=fields,
            client_order_id=str(fields.get("clientOrderId", "")),
            asked=context.asker(),
        )

    def _step(
        self,
        ticket_id: str,
        trigger: TicketTrigger,
        text: str = "",
        result: Mapping[str, Any] | None = None,
    ) -> None:
        ticket = self._held[ticket_id].after(trigger, self._clock.at(), text, result)
        self._held[ticket_id] = ticket
        self._journal.note(ticket)
        if ticket.state is TicketState.UNKNOWN:
            log.error("ticket unknown", account=self._account, ticket=ticket_id, why=text)
            self.observer.ticket_unknown(ticket)

    def _release(self, ticket: Ticket) -> None:
        self._held.pop(ticket.ticket_id, None)
        self._orders.pop(ticket.client_order_id, None)


def _what(result: Mapping[str, Any]) -> str:
    """Return the ids in a result, as evidence."""
    names = {"orderId": "order", "positionId": "position", "dealId": "deal"}
    return ", ".join(f"{word} {result[name]}" for name, word in names.items() if name in result)
