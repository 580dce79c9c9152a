"""What a simulated broker does where the real one may do this or that: named switches. Pure data.

Each names its row of the list of open questions (SW-nn); defaults are the likeliest behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from fxpool.simulator.engine.rules import Rules


class WrongEnvironment(Enum):
    """What an account of the other environment is told (SW-01)."""

    CANT_ROUTE_REQUEST = "CANT_ROUTE_REQUEST"
    UNSUPPORTED_MESSAGE = "UNSUPPORTED_MESSAGE"
    INVALID_REQUEST = "INVALID_REQUEST"


class UnauthorisedAccount(Enum):
    """What a request for an account without a session is told (SW-10)."""

    INVALID_REQUEST = "INVALID_REQUEST"
    ACCOUNT_NOT_AUTHORIZED = "ACCOUNT_NOT_AUTHORIZED"


class RateError(Enum):
    """What a request beyond the rate is told (SW-15)."""

    BLOCKED_WITH_HINT = "blocked_with_hint"
    BLOCKED_WITHOUT_HINT = "blocked_without_hint"
    FREQUENCY_EXCEEDED = "frequency_exceeded"


@dataclass(frozen=True, slots=True)
class Profile:
    """A broker's behaviour.

    Attributes:
        wrong_environment: SW-01.
        idle_timeout: seconds after which a silent client is cut, without notice (SW-04).
        heartbeat_after: seconds of own silence after which the server sends a heartbeat (SW-04).
        max_connections: of one application; refused at its authentication (SW-05).
        unauthorised_account: SW-10.
        requests_per_second: per connection (SW-13); None for no limit.
        history_per_second: the same for historical requests (SW-14); None for no limit.
        rate_error: SW-15.
        hold_seconds: how long a payload type stays blocked.
        refuses_unknown_in_batch: one unknown symbol refuses the whole list; otherwise it is
            skipped (SW-52).
        refuses_mixed_subscribe: one subscribed symbol refuses the whole list; otherwise the new
            ones are subscribed (SW-54).
        rules: the switches of the engine.
    """

    wrong_environment: WrongEnvironment = WrongEnvironment.CANT_ROUTE_REQUEST
    idle_timeout: float = 30.0
    heartbeat_after: float = 25.0
    max_connections: int = 25
    unauthorised_account: UnauthorisedAccount = UnauthorisedAccount.INVALID_REQUEST
    requests_per_second: int | None = 50
    history_per_second: int | None = 5
    rate_error: RateError = RateError.BLOCKED_WITH_HINT
    hold_seconds: int = 1
    refuses_unknown_in_batch: bool = True
    refuses_mixed_subscribe: bool = True
    rules: Rules = field(default_factory=Rules)
