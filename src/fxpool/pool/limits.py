"""How much the pool asks of the broker, and how long it waits. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field

from fxpool.session import CONNECT_SECONDS, Timing


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """The pool's bounds. Durations are in seconds.

    Attributes:
        requests_per_second: on one session; the broker allows 50. ``math.inf`` turns pacing off.
        history_per_second: historical requests among them; the broker allows 5.
        waiting_requests: how many requests of one priority wait for a slot of a session.
        accounts_per_session: how many accounts share a session before another one is opened.
        sessions: how many sessions over both environments; 25 were documented once.
        authorisations_at_once: how many accounts of a session authorise at the same time, so
            that the first ones can load their state while the others still wait.
        answer_timeout: for introducing the application and for logging an account out.
        authorisation_timeout: for authorising an account; waiting for a slot counts, and after a
            reconnect hundreds of accounts wait.
        connect_timeout: for name lookup, TCP and TLS together.
        timing: heartbeat and watchdog of a session.
    """

    requests_per_second: float = 45.0
    history_per_second: float = 4.0
    waiting_requests: int = 1000
    accounts_per_session: int = 500
    sessions: int = 10
    authorisations_at_once: int = 32
    answer_timeout: float = 15.0
    authorisation_timeout: float = 60.0
    connect_timeout: float = CONNECT_SECONDS
    timing: Timing = field(default_factory=Timing)
