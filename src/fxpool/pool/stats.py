"""What the pool tells about itself. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fxpool.pool.channel import Environment


@dataclass(slots=True)
class Tally:
    """What the pool's sessions count together."""

    sessions_created: int = 0
    reconnects: int = 0
    answered: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class LinkStats:
    """One session.

    Attributes:
        is_connected: whether the application is authenticated on it now.
        since: when ``is_connected`` changed last.
        reconnects: how often it became ready again after it had failed.
        last_error: what ended it or kept it from opening last.
        accounts: how many accounts are placed on it.
        authorised: how many of them it serves now.
    """

    environment: Environment
    is_connected: bool
    since: datetime
    reconnects: int
    last_error: str | None
    accounts: int
    authorised: int


@dataclass(frozen=True, slots=True)
class PoolStats:
    """The whole pool since it was opened.

    Attributes:
        sessions_created: sessions that became ready, reconnects included.
        reused: requests answered on a session that was open already.
        in_flight: requests that wait for their answer now.
        waiting: requests that wait for a slot now.
        errors: requests that ended in an error.
    """

    sessions_created: int
    reconnects: int
    reused: int
    in_flight: int
    waiting: int
    errors: int
    links: tuple[LinkStats, ...]
