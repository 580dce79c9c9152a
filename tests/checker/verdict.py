"""What a run promised and did not keep. Pure: ``Observed`` in, violations out.

The promises: an intent makes one order at most; ok means that it exists and fail that it does not;
every unknown is resolved, by a ticket that tells the truth; each stream tells each deal once; each
gateway's book is the broker's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import pairwise

from checker.history import (
    AMEND_ORDER,
    AMEND_POSITION,
    CANCEL,
    CLOSE,
    PLACE,
    Book,
    BrokersOrder,
    Ledger,
    Observed,
    Operation,
    Outcome,
    ResumedStream,
    Stream,
    TicketRow,
    Told,
)

SAYS_NOTHING_OF_EARLIER = frozenset({"DUPLICATE_COPY", "CONNECT"})
"""Failures of a repeat that do not deny an earlier try: the first says that it made the
order, the other that nobody was there to ask."""


NOT_LOOKED_UP = frozenset({"JOURNAL_DOWN", "STOPPING"})
"""Answers to a key that was not looked up: the order may have been made by an earlier try."""


class Rule(Enum):
    """What can be broken."""

    ONE_ORDER = "an intent made more than one order"
    OK_EXISTS = "ok, and it does not exist"
    FAIL_DOES_NOT = "fail, and it exists"
    RESOLVED = "an unknown outcome is not resolved"
    TICKET_IS_TRUE = "a ticket tells what the broker does not show"
    HAS_TICKET = "an order has no ticket"
    ONE_CLOSE = "closes at the broker are not those that the tickets tell"
    DEAL_ONCE = "a deal was not told exactly once"
    NO_GAP = "a stream's numbers have a gap"
    BOOK_IS_BROKERS = "a book is not the broker's"
    UNJOURNALED = "a request without a ticket that may not go without one"
    QUIET = "the gateways did not become quiet"


LASTING = frozenset({Rule.ONE_ORDER, Rule.FAIL_DOES_NOT, Rule.NO_GAP, Rule.UNJOURNALED})
"""What no waiting can mend."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise, and where."""

    rule: Rule
    text: str

    def __str__(self) -> str:
        return f"{self.rule.value}: {self.text}"


def violations(seen: Observed) -> list[Violation]:
    """Return every broken promise of a run that is quiet."""
    return [Violation(rule, text) for check in _CHECKS for rule, text in check(seen)]


Broken = Iterator[tuple[Rule, str]]


def _orders(seen: Observed) -> Broken:
    """Compare each new order's answers with the orders of its label."""
    for intent, tries in seen.intents():
        made = _made(seen.ledgers[tries[0].account], intent)
        if len(made) > 1:
            yield Rule.ONE_ORDER, f"{intent}: orders {[order.order_id for order in made]}"
        for one in tries:
            yield from _answer(one, made)
        for order in made:
            if not any(t.outcome is not Outcome.FAIL and _precedes(t, order) for t in tries):
                yield Rule.FAIL_DOES_NOT, f"{intent}: all tries failed, order {order.order_id}"


def _answer(one: Operation, made: list[BrokersOrder]) -> Broken:
    if one.outcome is Outcome.OK:
        wanted = str(one.result["orderId"])
        if wanted not in {order.order_id for order in made}:
            yield Rule.OK_EXISTS, f"{one.intent}: order {wanted} is not at the broker"
    if one.outcome is Outcome.FAIL and one.code not in SAYS_NOTHING_OF_EARLIER:
        before = [order.order_id for order in made if order.created_ms < one.began_ms]
        if before:
            yield Rule.FAIL_DOES_NOT, f"{one.intent}: {one.code} was told with order {before} there"


def _keys(seen: Observed) -> Broken:
    """A key makes one order at most, whatever bodies came under it."""
    intents: dict[tuple[str, str], set[str]] = {}
    for one in seen.operations:
        if one.act == PLACE and one.key is not None:
            intents.setdefault((one.account, one.key), set()).add(one.intent)
    for (account, key), names in intents.items():
        made = [order for name in names for order in _made(seen.ledgers[account], name)]
        if len(names) > 1 and len(made) > 1:
            yield Rule.ONE_ORDER, f"key {key}: orders {[order.order_id for order in made]}"


def _tickets(seen: Observed) -> Broken:
    """Every ticket is settled, truly; every order has one that says executed."""
    executed: Counter[str] = Counter()
    for ticket in seen.tickets:
        if ticket.outcome not in {"executed", "not_executed"}:
            yield Rule.RESOLVED, f"ticket {ticket.ticket_id} of {ticket.intent} is {ticket.state}"
        elif ticket.kind == PLACE and ticket.outcome == "executed":
            executed[ticket.intent] += 1
            if not _made(seen.ledgers[ticket.account], ticket.intent):
                yield Rule.TICKET_IS_TRUE, f"{ticket.intent}: executed, and there is no order"
    for ledger in seen.ledgers.values():
        for order in ledger.orders:
            if order.label and not order.is_closing and not order.is_protection:
                count = executed[order.label]
                if order.has_effect and count != 1:
                    text = f"{order.label}: order {order.order_id} has {count} executed tickets"
                    yield Rule.HAS_TICKET, text
    known = {ticket.ticket_id for ticket in seen.tickets}
    for one in seen.operations:
        ticket_id = one.result.get("ticketId")
        if one.outcome is Outcome.UNKNOWN and ticket_id is not None and ticket_id not in known:
            yield Rule.RESOLVED, f"{one.intent}: ticket {ticket_id} is not known any more"


def _closes(seen: Observed) -> Broken:
    """Each executed close is one closing order, and each closing order one executed close."""
    told = Counter(
        (ticket.account, ticket.target)
        for ticket in seen.tickets
        if ticket.kind == CLOSE and ticket.outcome == "executed"
    )
    shown = Counter(
        (account, order.position_id)
        for account, ledger in seen.ledgers.items()
        for order in ledger.orders
        if order.is_closing and not order.is_protection and order.executed_lots > 0
    )
    ticketless = Counter((one.account, one.target) for one in seen.ticketless if one.kind == CLOSE)
    for account, position in sorted(told.keys() | shown.keys()):
        untold = shown[account, position] - told[account, position]
        is_gone = position not in seen.ledgers[account].book.positions
        if untold and not (is_gone and 0 < untold <= min(1, ticketless[account, position])):
            counts = f"{shown[account, position]} closing orders, {told[account, position]} told"
            yield Rule.ONE_CLOSE, f"position {position}: {counts}"
    for one in seen.operations:
        if one.act == CLOSE and one.outcome is Outcome.OK:
            deals = {deal.deal_id for deal in seen.ledgers[one.account].deals}
            if one.result["dealId"] not in deals:
                yield Rule.OK_EXISTS, f"close of {one.target}: deal {one.result['dealId']}"


def _unjournaled(seen: Observed) -> Broken:
    """Only a close or a cancel goes without a ticket: no order is unknown without one, but where
    it was not looked up whether its key has one."""
    for exit_ in seen.ticketless:
        if exit_.kind not in {CLOSE, CANCEL}:
            yield Rule.UNJOURNALED, f"{exit_.kind} of {exit_.target}"
    for one in seen.operations:
        is_told = one.act == PLACE and one.result.get("outcome") == "unknown"
        is_of_a_key = one.result.get("duplicate") or (one.key and one.code in NOT_LOOKED_UP)
        if is_told and not is_of_a_key and "ticketId" not in one.result:
            yield Rule.UNJOURNALED, f"{one.act} {one.intent} {one.target}: {one.code}"


def _changes(seen: Observed) -> Broken:
    """A cancelled order is cancelled; one whose cancel failed was not cancelled by it."""
    asked: dict[tuple[str, str], list[Operation]] = {}
    for one in seen.operations:
        if one.act == CANCEL:
            asked.setdefault((one.account, one.target), []).append(one)
    for (account, order_id), tries in asked.items():
        order = next((o for o in seen.ledgers[account].orders if o.order_id == order_id), None)
        status = "absent" if order is None else order.status
        outcomes = {one.outcome for one in tries}
        if Outcome.OK in outcomes and status != "CANCELLED":
            yield Rule.OK_EXISTS, f"cancel of order {order_id}, which is {status}"
        if outcomes == {Outcome.FAIL} and status == "CANCELLED":
            yield Rule.FAIL_DOES_NOT, f"cancel of order {order_id}, which is cancelled"
    yield from _last_amendments(seen)


def _last_amendments(seen: Observed) -> Broken:
    """An object carries what its last amendment set, if that was ok and nothing came after."""
    last: dict[tuple[str, str], Operation] = {}
    for one in seen.operations:
        if one.target:
            last[one.account, one.target] = one
    for (account, target), one in last.items():
        book = seen.ledgers[account].book
        if one.outcome is not Outcome.OK or "wanted" not in one.result:
            continue
        if one.act == AMEND_POSITION and target in book.positions:
            shown = book.positions[target].stop_loss
        elif one.act == AMEND_ORDER and target in book.orders:
            shown = book.orders[target].price
        else:
            continue
        if shown != Decimal(one.result["wanted"]):
            yield Rule.OK_EXISTS, f"{target} should be at {one.result['wanted']}, is at {shown}"


def _streams(seen: Observed) -> Broken:
    for stream in seen.streams:
        yield from _deals_told(stream, seen.ledgers[stream.account])
        numbers = stream.numbers
        for before, number in pairwise(numbers):
            if number != before + 1:
                where = f"{stream.gateway} {stream.account}"
                yield Rule.NO_GAP, f"{where}: {number} follows {before}"


def _deals_told(stream: Stream, ledger: Ledger) -> Broken:
    told = Counter(stream.deals)
    where = f"{stream.gateway} {stream.account}"
    for deal_id, times in told.items():
        if times > 1:
            yield Rule.DEAL_ONCE, f"{where}: deal {deal_id} {times} times"
    if stream.ended or stream.began_ms is None:
        return
    for deal in ledger.deals:
        if deal.executed_ms > stream.began_ms and not told[deal.deal_id]:
            yield Rule.DEAL_ONCE, f"{where}: deal {deal.deal_id} never"


def _resumed(seen: Observed) -> Broken:
    """Who goes on where it left off hears each change once, in order, or is told of a gap."""
    for stream in seen.resumed:
        where = f"{stream.gateway} {stream.account}, resumed"
        for text in _holes(stream):
            yield Rule.NO_GAP, f"{where}: {text}"
        known_ms = _known_from(stream)
        if known_ms is None:
            yield Rule.DEAL_ONCE, f"{where}: no snapshot after a gap or a new start"
        told = Counter(one.deal for one in stream.told if one.deal)
        for deal_id, times in told.items():
            if times > 1:
                yield Rule.DEAL_ONCE, f"{where}: deal {deal_id} {times} times"
        for deal in seen.ledgers[stream.account].deals:
            is_due = known_ms is not None and deal.executed_ms > known_ms
            if is_due and not told[deal.deal_id]:
                yield Rule.DEAL_ONCE, f"{where}: deal {deal.deal_id} never"


def _holes(stream: ResumedStream) -> Iterator[str]:
    """Numbers that do not follow: after a gap they go on from the next snapshot, and a new epoch
    begins at 1."""
    before: Told | None = None
    for one in stream.told:
        if one.type == "gap":
            before = None
        elif before is None:
            before = one if one.type == "snapshot" else None
        else:
            follows = before.seq + 1 if one.epoch == before.epoch else 1
            if one.seq != follows:
                yield f"{one.epoch}:{one.seq} {one.type} follows {before.epoch}:{before.seq}"
            before = one


def _known_from(stream: ResumedStream) -> int | None:
    """Return since when everything is told: the first snapshot after the last gap, and of the
    last life, which makes no events of what happened while there was no gateway."""
    gaps = [number for number, one in enumerate(stream.told) if one.type == "gap"]
    after = stream.told[gaps[-1] :] if gaps else stream.told
    born_ms = max(stream.starts_ms, default=0)
    at_ms = (one.at_ms for one in after if one.type == "snapshot" and one.at_ms >= born_ms)
    return next(at_ms, None)


def _books(seen: Observed) -> Broken:
    for (gateway, account), book in seen.books.items():
        broker = seen.ledgers[account].book
        for what in _differences(broker, book):
            yield Rule.BOOK_IS_BROKERS, f"{gateway} {account}: {what}"


def _differences(broker: Book, ours: Book) -> Iterator[str]:
    if broker.balance != ours.balance:
        yield f"balance {broker.balance} at the broker, {ours.balance} here"
    pairs: tuple[tuple[Mapping[str, object], Mapping[str, object]], ...] = (
        (broker.positions, ours.positions),
        (broker.orders, ours.orders),
    )
    for theirs, known in pairs:
        for name in sorted(theirs.keys() | known.keys()):
            if theirs.get(name) != known.get(name):
                yield f"{name}: {theirs.get(name)} at the broker, {known.get(name)} here"


_CHECKS = (
    _orders,
    _keys,
    _tickets,
    _closes,
    _unjournaled,
    _changes,
    _streams,
    _resumed,
    _books,
)


def _made(ledger: Ledger, intent: str) -> list[BrokersOrder]:
    """Return the orders that an intent made, and that had an effect."""
    return [
        order
        for order in ledger.orders
        if order.label == intent
        and not (order.is_closing or order.is_protection)
        and order.has_effect
    ]


def _precedes(one: Operation, order: BrokersOrder) -> bool:
    return one.began_ms <= order.created_ms


def has_lasting(found: list[Violation], seen: Observed) -> bool:
    """Whether something is broken that no waiting can mend."""
    twice = any(max(Counter(s.deals).values(), default=0) > 1 for s in seen.streams)
    return twice or any(one.rule in LASTING for one in found)


def open_tickets(tickets: tuple[TicketRow, ...]) -> int:
    """Return how many tickets are not settled."""
    return sum(ticket.outcome not in {"executed", "not_executed"} for ticket in tickets)
