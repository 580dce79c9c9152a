"""What can go wrong at a simulated broker, as values: from a profile, the control port, or a test.

Pure data. ``Faults`` keeps those that stand and counts each time one strikes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fxpool.simulator.switches import Maintenance


class FaultKind(Enum):
    """The faults; the first group strikes messages, the second links, the third the broker."""

    SWALLOW_ANSWERS = "swallow_answers"
    """Requests are carried out, and what answers them is lost."""
    CUT_BEFORE_ANSWER = "cut_before_answer"
    """Requests are carried out, and the link is cut instead of answering (SW-62)."""
    DELAY_ANSWERS = "delay_answers"
    """What answers these requests comes ``seconds`` late."""
    REFUSE = "refuse"
    """Requests are refused with ``code``: orders by rule, or a rate limit."""
    LOSE_EVENTS = "lose_events"
    DELAY_EVENTS = "delay_events"
    DUPLICATE_EVENTS = "duplicate_events"
    REORDER_EVENTS = "reorder_events"
    """An event is sent after the one that follows it."""

    CUT = "cut"
    HALF_OPEN = "half_open"
    """Links stay, and nothing is read or sent any more."""
    STALL = "stall"
    """Nothing is sent for ``seconds``, then all of it at once."""
    SLOW_READER = "slow_reader"
    """Links are read at no more than ``bytes_per_second``."""
    GARBAGE = "garbage"
    """A frame of bytes that are no message."""
    OVERSIZED = "oversized"
    """The beginning of a frame that claims to be larger than anybody takes."""

    STALL_SPOTS = "stall_spots"
    """Quotes stop without a word, while everything else goes on (SW-58)."""
    MAINTENANCE = "maintenance"
    """The broker is away in one of four ways (SW-59)."""
    JUMP_CLOCK = "jump_clock"
    """The broker's wall clock moves by ``seconds``, in either direction."""
    DROP_ACCOUNT = "drop_account"
    """Sessions of ``account`` end with message 2164."""
    INVALIDATE_TOKENS = "invalidate_tokens"
    """All access tokens of ``account`` become worthless, with message 2147."""


REQUEST_FAULTS = frozenset(
    {
        FaultKind.SWALLOW_ANSWERS,
        FaultKind.CUT_BEFORE_ANSWER,
        FaultKind.DELAY_ANSWERS,
        FaultKind.REFUSE,
    }
)
EVENT_FAULTS = frozenset(
    {
        FaultKind.LOSE_EVENTS,
        FaultKind.DELAY_EVENTS,
        FaultKind.DUPLICATE_EVENTS,
        FaultKind.REORDER_EVENTS,
    }
)
LINK_FAULTS = frozenset(
    {
        FaultKind.CUT,
        FaultKind.HALF_OPEN,
        FaultKind.STALL,
        FaultKind.SLOW_READER,
        FaultKind.GARBAGE,
        FaultKind.OVERSIZED,
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong; fields that a kind does not use are ignored.

    Attributes:
        kind: what happens.
        payload_type: of the requests or events it strikes; 0 for order requests (2106, 2108 to
            2111) or execution events.
        account: only what concerns this account; 0 for all.
        times: how often a message fault strikes before it is over; 0 for until it is cleared.
        chance: how likely it strikes each time it could; 0 to 1.
        after: seconds from its setting until it begins.
        seconds: how long, how late, or how far.
        bytes_per_second: of a slow reader.
        code: of a refusal.
        text: of a refusal.
        retry_after: of a refusal, in seconds; 0 for no hint.
        symbol: refuse only new orders of this symbol; empty for all.
        min_volume: refuse only new orders of at least so many 1/100 units.
        maintenance: its form; none for the profile's.
    """

    kind: FaultKind
    payload_type: int = 0
    account: int = 0
    times: int = 1
    chance: float = 1.0
    after: float = 0.0
    seconds: float = 0.0
    bytes_per_second: int = 1024
    code: str = "TRADING_DISABLED"
    text: str = "Refused by a rule of the simulator"
    retry_after: int = 0
    symbol: str = ""
    min_volume: int = 0
    maintenance: Maintenance | None = None
