"""How the simulated broker says no, and on which message. Knows nothing of accounts or sockets.

Which carrier takes what: as recorded from a live server, and as users of others report.
"""

from __future__ import annotations

from enum import Enum


class Carrier(Enum):
    """The message that takes a refusal to the client."""

    ORDER_ERROR = "order_error"
    """2132: a business refusal of an order request."""
    ERROR_RES = "error_res"
    """2142: a malformed or illogical request, authorisation, limits."""
    EXECUTION = "execution"
    """2126: the order existed and was rejected."""


class Refusal(Exception):
    """A request that the broker refuses; it had no effect.

    Attributes:
        code: the error word on the wire.
        text: the description on the wire.
        carrier: the message that carries it when the request was an order request.
        order_id, position_id: what it is about, where known.
        retry_after: seconds until the payload type is unlocked, for rate refusals.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        carrier: Carrier = Carrier.ORDER_ERROR,
        order_id: int | None = None,
        position_id: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.carrier = code, text, carrier
        self.order_id, self.position_id, self.retry_after = order_id, position_id, retry_after


def not_authorised(code: str) -> Refusal:
    """Return the refusal of a request for an account without a session; ``code`` is of SW-10."""
    return Refusal(code, "Trading account is not authorized", carrier=Carrier.ERROR_RES)


def invalid_request(text: str) -> Refusal:
    """Return the refusal of a request that makes no sense."""
    return Refusal("INVALID_REQUEST", text, carrier=Carrier.ERROR_RES)
