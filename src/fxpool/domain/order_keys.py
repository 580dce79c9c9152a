"""Idempotency keys: which requests are one and the same order. Pure.

A caller's own key counts for a day. Without one, a comment that begins with ``Copy_`` is the key:
a copier makes exactly one order per comment, and tries again after time-outs without a key.

Source: what copiers of the older pools send after a time-out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Final

import msgspec

from fxpool.domain.tickets import Ticket

COPY_PREFIX: Final = "Copy_"

MAX_CLIENT_ORDER_ID: Final = 50
"""Characters that the broker takes."""

GIVEN_KEY_AGE: Final = timedelta(hours=24)
COPY_KEY_AGE: Final = timedelta(days=30)
"""As long as tickets are kept: a copy is never opened again."""

_KEY: Final = "key"
_COMMENT: Final = "comment"
_COPY_FIELDS: Final = ("symbol", "action", "comment")
_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Standing(Enum):
    """What a request is to the ticket that holds its key."""

    RUNNING = "running"
    """The same request; what became of it is not known yet."""
    FINISHED = "finished"
    CONFLICT = "conflict"
    """Another request under the same key."""


@dataclass(frozen=True, slots=True)
class OrderKey:
    """What makes a repeat recognisable.

    Attributes:
        text: the caller's key, or the comment that stands for one.
        is_copy: whether it is a comment.
    """

    text: str
    is_copy: bool

    @property
    def stored(self) -> str:
        """The key in the journal; comments never meet callers' own keys there."""
        return f"{_COMMENT if self.is_copy else _KEY}:{self.text}"

    @classmethod
    def from_stored(cls, stored: str | None) -> OrderKey | None:
        """Return the key of its stored form."""
        if stored is None:
            return None
        kind, _, text = stored.partition(":")
        return cls(text, is_copy=kind == _COMMENT)

    @property
    def age(self) -> timedelta:
        """How long it is remembered."""
        return COPY_KEY_AGE if self.is_copy else GIVEN_KEY_AGE

    def fingerprint(self, request: Mapping[str, Any]) -> str:
        """Return what must be equal for a request to be a repeat.

        A copier computes volume and protection anew for each try, so only what the comment is
        about counts for a copy.
        """
        if self.is_copy:
            request = {name: request[name] for name in _COPY_FIELDS if name in request}
        return fingerprint(request)

    def is_freed_by(self, result: Mapping[str, Any]) -> bool:
        """Whether a finished request leaves its key to the next one.

        It does if it had no effect and a repeat may succeed; a copier's key is left by everything
        that certainly had no effect, because the copier did not ask for a lasting answer.
        """
        if result.get("outcome") != "not_executed":
            return False
        return self.is_copy or bool(result.get("retryable"))


def order_key(given: str | None, comment: str) -> OrderKey | None:
    """Return the key of a new order, None if it has none."""
    if given:
        return OrderKey(given, is_copy=False)
    return OrderKey(comment, is_copy=True) if comment.startswith(COPY_PREFIX) else None


def client_order_id(key: OrderKey | None, attempt: int, ticket_id: str) -> str:
    """Return the id under which the broker is to know an order, unique per ticket.

    It is the caller's key if that fits, so that people find it; a hash for a long one, for one that
    a broker may count or keep in another way than we do (not plain ASCII), for a comment, and for
    every attempt after the first, since the broker's records of the earlier ones must not be
    mistaken for this one.
    """
    if key is None:
        return ticket_id
    is_plain = key.text.isascii() and key.text.isprintable()
    if attempt == 1 and not key.is_copy and is_plain and len(key.text) <= MAX_CLIENT_ORDER_ID:
        return key.text
    digest = hashlib.sha256(f"{attempt} {key.stored}".encode()).hexdigest()
    return digest[:MAX_CLIENT_ORDER_ID]


def fingerprint(request: Mapping[str, Any]) -> str:
    """Return a short text that is equal for equal requests, whatever the order of their fields."""
    return hashlib.sha256(_encode(request)).hexdigest()


def standing(holder: Ticket, request_fingerprint: str) -> Standing:
    """Return what a request with this fingerprint is to the ticket that holds its key."""
    if holder.fingerprint != request_fingerprint:
        return Standing.CONFLICT
    return Standing.RUNNING if holder.state.is_open else Standing.FINISHED
