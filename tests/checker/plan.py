"""What a run does, drawn from its seed alone: the same seed is the same plan. Pure.

Which position or order a step is about is drawn as a number, and taken from those that the client
knows when the step comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Act(Enum):
    """What a client does in one step. Without an object to act on it is a market order."""

    MARKET = "market"
    RANGE = "market range"
    LIMIT = "limit"
    STOP = "stop"
    CLOSE = "close"
    CLOSE_PART = "close a part"
    PROTECT = "protect"
    MOVE = "move"
    CANCEL = "cancel"
    QUOTE = "quote"


class Keyed(Enum):
    """How a repeat of an order is to be recognised."""

    NOT = "no key"
    GIVEN = "key"
    COPY = "copy"


class Trouble(Enum):
    """What goes wrong around a step."""

    NONE = "nothing"
    CUT_BEFORE = "cut before it is sent"
    LOST_ON_THE_WAY = "sent, and never at the broker"
    CUT_AT_ANSWER = "carried out, and cut instead of answered"
    CUT_IN_BETWEEN = "cut after the acceptance, before the fill"
    CUT_AFTER = "cut after the fill"
    LOST_ANSWER = "answer lost"
    LATE_ANSWER = "answer late"
    EVENTS_TWICE = "events doubled"
    EVENTS_SWAPPED = "events swapped"
    EVENTS_LATE = "events late"
    HALF_OPEN = "half-open"
    RATE_LIMIT = "rate limit"
    UNCLEAR = "an error that says nothing"
    MAINTENANCE = "maintenance"
    DROPPED = "account dropped"
    NEW_TOKENS = "tokens renewed"
    LOCKED = "database locked"
    DATABASE_AWAY = "database stopped or unwritable"
    REDIS_AWAY = "Redis stopped"
    SUBSCRIBER_AWAY = "subscriber away"
    RESTART = "gateway restarted in order"
    KILL = "kill -9"


class CrashPoint(IntEnum):
    """Where a gateway is killed, in the order of a ticket's life."""

    RECEIVED = 1
    JOURNALED = 2
    SENT = 3
    AT_THE_BROKER = 4
    ACCEPTED = 5
    EXECUTED = 6
    STORED = 7
    UNKNOWN = 8
    SETTLING = 9
    SETTLED = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a client does, and what goes wrong meanwhile.

    Attributes:
        pick: 0 to 1, which of the known objects; also where prices and sizes come from.
        hundredths: size in hundredths of a lot.
        twice: sent through all gateways at the same moment.
        tries: how often an order is sent at most; only one with a key is repeated.
        patience: the client's own time-out, in seconds of the fast clock.
    """

    act: Act
    gateway: int
    pick: float
    hundredths: int
    is_buy: bool
    keyed: Keyed = Keyed.NOT
    twice: bool = False
    tries: int = 1
    patience: float = 60.0
    trouble: Trouble = Trouble.NONE
    crash: CrashPoint | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole run.

    Attributes:
        clients: the steps of each client; they go on side by side.
        delay_ms: between acceptance and fill at the broker.
        has_redis: whether the gateways share a Redis.
        has_postgres: whether they keep their journal in PostgreSQL; else in a file.
        plant: the name of a planted bug, empty for none.
    """

    seed: int
    gateways: int
    delay_ms: int
    clients: tuple[tuple[Step, ...], ...]
    has_redis: bool = False
    has_postgres: bool = False
    plant: str = ""


_ACTS = {
    Act.MARKET: 8,
    Act.RANGE: 1,
    Act.LIMIT: 3,
    Act.STOP: 2,
    Act.CLOSE: 4,
    Act.CLOSE_PART: 3,
    Act.PROTECT: 3,
    Act.MOVE: 2,
    Act.CANCEL: 2,
    Act.QUOTE: 1,
}
_TROUBLES = {
    Trouble.NONE: 20,
    Trouble.CUT_BEFORE: 2,
    Trouble.LOST_ON_THE_WAY: 3,
    Trouble.CUT_AT_ANSWER: 3,
    Trouble.CUT_IN_BETWEEN: 3,
    Trouble.CUT_AFTER: 2,
    Trouble.LOST_ANSWER: 2,
    Trouble.LATE_ANSWER: 1,
    Trouble.EVENTS_TWICE: 2,
    Trouble.EVENTS_SWAPPED: 1,
    Trouble.EVENTS_LATE: 1,
    Trouble.HALF_OPEN: 1,
    Trouble.RATE_LIMIT: 2,
    Trouble.UNCLEAR: 1,
    Trouble.MAINTENANCE: 1,
    Trouble.DROPPED: 1,
    Trouble.NEW_TOKENS: 1,
    Trouble.SUBSCRIBER_AWAY: 2,
    Trouble.RESTART: 1,
}
_FILE_TROUBLES = {Trouble.LOCKED: 1, Trouble.DATABASE_AWAY: 2}
_POSTGRES_TROUBLES = {Trouble.DATABASE_AWAY: 4}
_REDIS_TROUBLES = {Trouble.REDIS_AWAY: 4}

NEEDS_A_LOSS = frozenset({CrashPoint.UNKNOWN, CrashPoint.SETTLING, CrashPoint.SETTLED})
"""Crash points that a ticket comes to only when its answer is lost."""


def plan_of(seed: int) -> Plan:
    """Return the plan of a seed; its servers go round with the seed."""
    chance = Random(seed)
    has_redis, has_postgres = seed % 3 == 0, seed % 8 in {1, 6}
    troubles = (
        _TROUBLES
        | (_POSTGRES_TROUBLES if has_postgres else _FILE_TROUBLES)
        | (_REDIS_TROUBLES if has_redis else {})
    )
    gateways = 2 if chance.random() < 0.3 else 1
    clients = tuple(
        tuple(_step(chance, gateways, troubles) for _ in range(chance.randint(4, 7)))
        for _ in range(3)
    )
    plan = Plan(seed, gateways, chance.choice((0, 400)), clients, has_redis, has_postgres)
    return _with_kill(plan, chance) if chance.random() < 0.6 else plan


def _step(chance: Random, gateways: int, troubles: Mapping[Trouble, int]) -> Step:
    keyed = chance.choice(tuple(Keyed))
    return Step(
        act=_drawn(chance, _ACTS),
        gateway=chance.randrange(gateways),
        pick=chance.random(),
        hundredths=chance.randint(2, 9),
        is_buy=chance.random() < 0.5,
        keyed=keyed,
        twice=gateways > 1 and keyed is not Keyed.NOT and chance.random() < 0.3,
        tries=1 if keyed is Keyed.NOT else 3,
        patience=chance.choice((8.0, 30.0, 60.0)),
        trouble=_drawn(chance, troubles),
    )


def _with_kill(plan: Plan, chance: Random) -> Plan:
    """Return the plan with a gateway killed at one step of a ticket; the seed goes round them."""
    points = tuple(CrashPoint)
    point = points[plan.seed % len(points)]
    client = chance.randrange(len(plan.clients))
    index = chance.randrange(len(plan.clients[client]))
    step = killing(plan.clients[client][index], point)
    steps = (*plan.clients[client][:index], step, *plan.clients[client][index + 1 :])
    clients = (*plan.clients[:client], steps, *plan.clients[client + 1 :])
    return replace(plan, clients=clients)


def killing(step: Step, point: CrashPoint) -> Step:
    """Return a step during which its gateway is killed at this point."""
    return replace(
        step,
        act=step.act if step.act is not Act.QUOTE else Act.MARKET,
        twice=False,
        trouble=Trouble.CUT_AT_ANSWER if point in NEEDS_A_LOSS else Trouble.KILL,
        crash=point,
    )


def _drawn(chance: Random, weights: Mapping[T, int]) -> T:
    (drawn,) = chance.choices(tuple(weights), tuple(weights.values()))
    return drawn


def steps_of(plans: Sequence[Plan]) -> int:
    """Return how many steps some plans have."""
    return sum(len(steps) for plan in plans for steps in plan.clients)
