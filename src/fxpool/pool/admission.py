"""Who sends next on a session, and who waits. Pure.

Exits go first, then new orders, then reads, then history; within a priority, first come first
served. A payload type that the broker blocked is held back while all others go on. What waits is
bounded.

Source: Open API help, request rates; BLOCKED_PAYLOAD_TYPE and its ``retryAfter`` in the schema.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Final, Generic, TypeVar

from fxpool.errors import PoolBusy
from fxpool.openapi import HISTORICAL_REQUESTS
from fxpool.pool.channel import Priority
from fxpool.pool.limits import PoolLimits
from fxpool.pool.rate import HISTORY_LIMIT, ORDINARY_LIMIT, TokenBucket

Item = TypeVar("Item")

HOLD_BASE: Final = 1.0
HOLD_CAP: Final = 300.0
"""Seconds. Waits of minutes were needed after a burst drained a slower quota."""


@dataclass(slots=True, eq=False)
class Ticket(Generic[Item]):
    """A request that waits for its slot."""

    item: Item
    payload_type: int
    priority: Priority
    deadline: float
    number: int
    is_waiting: bool = field(default=True)


@dataclass(slots=True)
class _Hold:
    until: float
    times: int


class Admission(Generic[Item]):
    """The queue in front of one session, and the right to send on it."""

    def __init__(self, limits: PoolLimits, now: float) -> None:
        self._limit = limits.waiting_requests
        self._ordinary = TokenBucket.under(ORDINARY_LIMIT, limits.requests_per_second, now)
        self._history = TokenBucket.under(HISTORY_LIMIT, limits.history_per_second, now)
        self._lanes: dict[tuple[Priority, int], deque[Ticket[Item]]] = {}
        self._waiting = dict.fromkeys(Priority, 0)
        self._deadlines: list[tuple[float, int, Ticket[Item]]] = []
        self._holds: dict[int, _Hold] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return sum(self._waiting.values())

    def admit(self, payload_type: int, now: float) -> bool:
        """Take a slot for a request that has just come, if none waits and one is free."""
        if any(self._waiting.values()) or self._wait(payload_type, now) > 0.0:
            return False
        self._spend(payload_type, now)
        return True

    def queue(
        self, item: Item, payload_type: int, priority: Priority, deadline: float, now: float
    ) -> Ticket[Item]:
        """Let a request wait for its slot. Raises PoolBusy if its priority's queue is full."""
        if self._waiting[priority] >= self._limit:
            retry_after = max(1.0, self._ordinary.wait(now))
            raise PoolBusy(
                f"{self._limit} requests wait for a slot already", retry_after=retry_after
            )
        ticket = Ticket(item, payload_type, priority, deadline, next(self._numbers))
        self._lanes.setdefault((priority, payload_type), deque()).append(ticket)
        self._waiting[priority] += 1
        heappush(self._deadlines, (deadline, ticket.number, ticket))
        return ticket

    def next(self, now: float) -> Item | None:
        """Take a slot for the request whose turn it is, or return None if none may leave now."""
        for ticket in self._heads():
            if self._wait(ticket.payload_type, now) <= 0.0:
                self._spend(ticket.payload_type, now)
                self.withdraw(ticket)
                return ticket.item
        return None

    def withdraw(self, ticket: Ticket[Item]) -> None:
        """Take a request out of the queue, if it is still there."""
        if not ticket.is_waiting:
            return
        ticket.is_waiting = False
        self._waiting[ticket.priority] -= 1
        key = (ticket.priority, ticket.payload_type)
        lane = self._lanes[key]
        if lane[0] is ticket:
            lane.popleft()
        else:
            lane.remove(ticket)
        if not lane:
            del self._lanes[key]

    def expired(self, now: float) -> list[Item]:
        """Take out the requests whose deadline passed while they waited."""
        items: list[Item] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, _, ticket = heappop(self._deadlines)
            if ticket.is_waiting:
                self.withdraw(ticket)
                items.append(ticket.item)
        return items

    def drain(self) -> list[Item]:
        """Take out all requests, because the session ended."""
        tickets = [ticket for lane in self._lanes.values() for ticket in lane]
        for ticket in tickets:
            self.withdraw(ticket)
        return [ticket.item for ticket in tickets]

    def expires_at(self) -> float:
        """Return when ``expired`` will have something, in monotonic seconds."""
        while self._deadlines and not self._deadlines[0][2].is_waiting:
            heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else inf

    def free_at(self, now: float) -> float:
        """Return when ``next`` will have something, in monotonic seconds."""
        waits = (self._wait(ticket.payload_type, now) for ticket in self._heads())
        return now + min(waits, default=inf)

    def hold(self, payload_type: int, retry_after: float | None, now: float) -> None:
        """Hold a payload type back after the broker blocked it.

        The broker's ``retry_after`` (seconds) is a lower bound: it was seen to cover only the
        short pacing, so a type that is blocked again after its hold waits twice as long. Blocks
        during a hold answer requests that were on the wire already, and count once.
        """
        held = self._holds.get(payload_type)
        times = 0 if held is None else held.times
        until = 0.0 if held is None else held.until
        if held is not None and now >= until:
            times += 1
        seconds = min(HOLD_CAP, HOLD_BASE * 2.0 ** min(times, 16))
        until = max(until, now + max(seconds, retry_after or 0.0))
        self._holds[payload_type] = _Hold(until, times)

    def release(self, payload_type: int, now: float) -> None:
        """Forget how often a payload type was blocked: a request of it was answered.

        An answer during a hold was on the wire before and releases nothing.
        """
        held = self._holds.get(payload_type)
        if held is not None and now >= held.until:
            del self._holds[payload_type]

    def _heads(self) -> list[Ticket[Item]]:
        heads = [lane[0] for lane in self._lanes.values()]
        heads.sort(key=lambda ticket: (ticket.priority, ticket.number))
        return heads

    def _wait(self, payload_type: int, now: float) -> float:
        wait = self._ordinary.wait(now)
        if payload_type in HISTORICAL_REQUESTS:
            wait = max(wait, self._history.wait(now))
        held = self._holds.get(payload_type)
        return wait if held is None else max(wait, held.until - now)

    def _spend(self, payload_type: int, now: float) -> None:
        self._ordinary.take(now)
        if payload_type in HISTORICAL_REQUESTS:
            self._history.take(now)
