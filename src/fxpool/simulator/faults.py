"""Faults that a test asks the simulated broker for, and how often each has struck. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from fxpool.openapi import TRADING_REQUESTS
from fxpool.openapi.registry import EXECUTION_EVENT
from fxpool.simulator.fault_kinds import EVENT_FAULTS, REQUEST_FAULTS, Fault, FaultKind


@dataclass(slots=True)
class Standing:
    """A fault that waits for messages; ``left`` is None where it strikes until it is cleared."""

    fault_id: int
    fault: Fault
    left: int | None


class Faults:
    """The faults that strike messages, and the count of all.

    Attributes:
        spots_stalled: quotes stop while everything else goes on (SW-58).
        struck: how often each fault has struck, by name.
        is_any_event_struck: whether an event could be struck now; looked at for every frame.
    """

    def __init__(self, chance: Random | None = None) -> None:
        self.spots_stalled = False
        self.struck: Counter[str] = Counter()
        self.is_any_event_struck = False
        self._chance = chance or Random(0)
        self._standing: list[Standing] = []
        self._ids = 0

    @property
    def standing(self) -> tuple[Standing, ...]:
        """The faults that wait for messages, oldest first."""
        return tuple(self._standing)

    def stand(self, fault: Fault) -> int:
        """Let a fault of requests or events wait for them; return its id."""
        self._ids += 1
        self._standing.append(Standing(self._ids, fault, fault.times or None))
        self._note_events()
        return self._ids

    def clear(self, fault_id: int | None = None) -> None:
        """Take one fault back, or all of them; what was counted stays."""
        self._standing = [
            one for one in self._standing if fault_id is not None and one.fault_id != fault_id
        ]
        self._note_events()

    def swallow_answers(self, payload_type: int, times: int = 1) -> None:
        """Carry out the next requests of this type, and lose what answers them.

        Answers are known by their ``clientMsgId``, so a request without one is answered.
        """
        self.stand(Fault(FaultKind.SWALLOW_ANSWERS, payload_type, times=times))

    def cut_before_answer(self, payload_type: int, times: int = 1) -> None:
        """Carry out the next requests of this type, and cut the link instead of answering.

        This is SW-62.
        """
        self.stand(Fault(FaultKind.CUT_BEFORE_ANSWER, payload_type, times=times))

    def of_request(self, payload_type: int, request: Any, symbol_name: str) -> Fault | None:
        """Return what strikes this request, and count it; ``symbol_name`` is of a new order."""
        if not self._standing:
            return None
        account_id = getattr(request, "ctidTraderAccountId", 0)
        volume = request.volume if symbol_name else 0
        for one in self._possible(REQUEST_FAULTS):
            fault = one.fault
            if (
                _meets(fault, payload_type, account_id, TRADING_REQUESTS)
                and fault.symbol in {"", symbol_name}
                and volume >= fault.min_volume
                and self._strikes(one)
            ):
                return fault
        return None

    def of_event(self, payload_type: int, account_id: int) -> Fault | None:
        """Return what strikes this event, and count it."""
        for one in self._possible(EVENT_FAULTS):
            if _meets(one.fault, payload_type, account_id, {EXECUTION_EVENT}) and self._strikes(
                one
            ):
                return one.fault
        return None

    def happens(self, chance: float, name: str) -> bool:
        """Return whether something of this likelihood happens now, and count it."""
        if chance <= 0 or self._chance.random() >= chance:
            return False
        self.struck[name] += 1
        return True

    def _possible(self, kinds: frozenset[FaultKind]) -> Iterator[Standing]:
        return (one for one in list(self._standing) if one.fault.kind in kinds)

    def _strikes(self, one: Standing) -> bool:
        if not self.happens(one.fault.chance, one.fault.kind.value):
            return False
        if one.left is not None:
            one.left -= 1
            if one.left == 0:
                self._standing.remove(one)
                self._note_events()
        return True

    def _note_events(self) -> None:
        self.is_any_event_struck = any(one.fault.kind in EVENT_FAULTS for one in self._standing)


def _meets(
    fault: Fault, payload_type: int, account_id: int, unless_said: frozenset[int] | set[int]
) -> bool:
    if fault.account not in {0, account_id}:
        return False
    return payload_type == fault.payload_type if fault.payload_type else payload_type in unless_said
