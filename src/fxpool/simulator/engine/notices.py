"""What the broker tells about an account. Pure values: each holds the very state that it tells.

Only an Execution may answer a request; the others are pushed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from fxpool.simulator.engine.model import (
    BonusEntry,
    CashEntry,
    Deal,
    ExecutionKind,
    MarginCall,
    Order,
    Position,
)


class Cause(Enum):
    """Who brought an execution about, as far as the client is told."""

    REQUEST = "request"
    """A request, which owns it."""
    BROKER = "broker"
    """The broker by itself, and it says so."""
    MARKET = "market"
    """A quote that met a waiting order; the broker does not call it its own doing (SW-39)."""


@dataclass(frozen=True, slots=True)
class Execution:
    """Something that happened to an order, a position or the money: one execution event.

    ``error_code`` is set where an order failed after it existed.
    """

    kind: ExecutionKind
    position: Position | None = None
    order: Order | None = None
    deal: Deal | None = None
    cash: CashEntry | None = None
    bonus: BonusEntry | None = None
    cause: Cause = Cause.REQUEST
    error_code: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether a request owns it, so that it carries that request's id."""
        return self.cause is Cause.REQUEST


@dataclass(frozen=True, slots=True)
class TrailingStopMoved:
    """The broker moved a trailing stop; nothing else of the position changed."""

    is_answer: ClassVar[bool] = False

    position_id: int
    order_id: int
    stop_price: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class MarginCallReached:
    """The margin level is below a threshold."""

    is_answer: ClassVar[bool] = False

    call: MarginCall


@dataclass(frozen=True, slots=True)
class MarginChanged:
    """A position holds another margin than before (SW-50)."""

    is_answer: ClassVar[bool] = False

    position_id: int
    used_margin: int


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """The account's record changed (SW-50)."""

    is_answer: ClassVar[bool] = False


Notice = Execution | TrailingStopMoved | MarginCallReached | MarginChanged | AccountChanged
