"""Subscribers with equal filters: what one of them wants, all want, so an event is queued once.

What was published waits here until the first of them takes what is ready; then each has it in its
own queue, with its own bound. For who takes, what waits here is in its queue already. Those that
follow a leader have no queue meanwhile: one of hundreds is fed.
"""

from __future__ import annotations

from typing import Final

from fxpool.platforms.events import Event, EventFilter, EventSubscription

MOST_UNSETTLED: Final = 1_000
"""Changes that wait here while nobody takes any; each subscriber's own bound goes on from there."""


class Audience:
    """The subscribers with one filter."""

    def __init__(self, wanted: EventFilter) -> None:
        self.wanted = wanted
        self._members: dict[EventSubscription, None] = {}  # in order, as they lie in memory
        self._leaders: dict[EventSubscription, EventSubscription] = {}  # by who follows
        self._waiting: dict[object, Event] = {}  # as in a subscriber's queue
        self._changes = 0

    def __len__(self) -> int:
        return len(self._members) + len(self._leaders) - len(set(self._leaders.values()))

    def add(self, subscription: EventSubscription) -> None:
        """Take in a subscriber; it gets what is published from now on."""
        self.settle()
        self._members[subscription] = None
        subscription.feed_from(self)

    def remove(self, subscription: EventSubscription) -> None:
        """Let a subscriber go."""
        self._members.pop(subscription, None)
        self._leaders.pop(subscription, None)

    def follow(self, subscription: EventSubscription, leader: EventSubscription) -> None:
        """Queue for a leader alone what a subscriber would get too; both have nothing waiting."""
        del self._members[subscription]
        self._leaders[subscription] = leader

    def part(self, subscription: EventSubscription) -> None:
        """Let a subscriber go on alone, with what its leader has waiting, if it follows one."""
        leader = self._leaders.pop(subscription, None)
        if leader is not None:
            self.add(subscription)
            leader.copy_to(subscription)

    def put(self, event: Event) -> None:
        """Queue a wanted event for all; never waits."""
        waiting, key = self._waiting, event.level_key
        is_first = not waiting
        if key is None:
            self._changes += 1
            waiting[event] = event
        else:
            if key in waiting:
                del waiting[key]  # the newest goes behind what came meanwhile
            waiting[key] = event
        if is_first:
            for member in self._members:
                member.wake()
        elif self._changes >= MOST_UNSETTLED:
            self.settle()

    def settle(self) -> None:
        """Hand what waits here to every subscriber."""
        if self._waiting:
            batch, changes = tuple(self._waiting.values()), self._changes
            self._waiting.clear()
            self._changes = 0
            for member in tuple(self._members):  # one that is too far behind leaves
                member.extend(batch, changes)
