"""Faults that a test asks the simulated broker for, and how often each has struck. Pure."""

from __future__ import annotations

from collections import Counter


class Faults:
    """Knobs; all off at first.

    Attributes:
        spots_stalled: quotes stop while everything else goes on (SW-58).
        struck: how often each fault has struck, by name.
    """

    def __init__(self) -> None:
        self.spots_stalled = False
        self.struck: Counter[str] = Counter()
        self._swallow: Counter[int] = Counter()
        self._cut: Counter[int] = Counter()

    def swallow_answers(self, payload_type: int, times: int = 1) -> None:
        """Carry out the next requests of this type, and lose what answers them.

        Answers are known by their ``clientMsgId``, so a request without one is answered.
        """
        self._swallow[payload_type] += times

    def cut_before_answer(self, payload_type: int, times: int = 1) -> None:
        """Carry out the next requests of this type, and cut the link instead of answering.

        This is SW-62.
        """
        self._cut[payload_type] += times

    def takes_answer(self, payload_type: int) -> bool:
        """Return whether this request's answer is to be lost, and count it."""
        return self._take(self._swallow, payload_type, "swallow_answers")

    def takes_link(self, payload_type: int) -> bool:
        """Return whether this request's link is to be cut, and count it."""
        return self._take(self._cut, payload_type, "cut_before_answer")

    def _take(self, planned: Counter[int], payload_type: int, name: str) -> bool:
        if planned[payload_type] <= 0:
            return False
        planned[payload_type] -= 1
        self.struck[name] += 1
        return True
