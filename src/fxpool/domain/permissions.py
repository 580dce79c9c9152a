"""Who may do what: principals, operations and the one decision about them. Pure.

Knows no key, no token and no HTTP: those make a Principal, this says what it may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any, Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Operation(Enum):
    """What a call does, as its route declares it."""

    OPEN = "open"
    """Anybody may, without a key: health, and the way back from the consent page."""
    READ = "read"
    """Look at accounts, prices, history, tickets, and have symbols quoted."""
    STREAM = "stream"
    PLACE = "place"
    """A new order: it opens risk."""
    AMEND = "amend"
    """New values for a pending order or the protection of a position."""
    CLOSE = "close"
    """Close positions and cancel orders."""
    HALT = "halt"
    """Stop the opening of anything."""
    OPERATE = "operate"
    """Run the pool: end halts, reset links, link accounts, renew tokens, manage keys."""


class Role(Enum):
    """What a key or a token is for; each role contains the ones before it."""

    NONE = "none"
    """Only what is open to all."""
    READ = "read"
    CLOSE_ONLY = "close_only"
    TRADE = "trade"
    ADMIN = "admin"


_OPEN: Final = frozenset({Operation.OPEN})
_READ: Final = _OPEN | {Operation.READ, Operation.STREAM}
_CLOSE_ONLY: Final = _READ | {Operation.CLOSE}
_TRADE: Final = _CLOSE_ONLY | {Operation.PLACE, Operation.AMEND, Operation.HALT}

MAY: Final = {
    Role.NONE: _OPEN,
    Role.READ: _READ,
    Role.CLOSE_ONLY: _CLOSE_ONLY,
    Role.TRADE: _TRADE,
    Role.ADMIN: _TRADE | {Operation.OPERATE},
}


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the holder of a key or token may do.

    Attributes:
        accounts: keys of the accounts it is for; None means all of them, later ones included.
        max_order_lots: no order of more lots; None for no cap.
        max_day_lots: no more lots in all orders of one UTC day; None for no cap.
        networks: where it may be used from; empty means anywhere.
    """

    role: Role
    accounts: frozenset[str] | None = None
    max_order_lots: Decimal | None = None
    max_day_lots: Decimal | None = None
    networks: tuple[Network, ...] = ()

    @property
    def has_caps(self) -> bool:
        return self.max_order_lots is not None or self.max_day_lots is not None

    def allow_from(self, address: Address | None) -> bool:
        """Whether a caller at this address may use them; an unknown address only passes where
        any does."""
        return not self.networks or (
            address is not None and any(address in network for network in self.networks)
        )


def fields_of(permissions: Permissions) -> dict[str, Any]:
    """Return permissions as plain JSON values: the claims of a token, the text of a stored key."""
    fields: dict[str, Any] = {"role": permissions.role.value}
    if permissions.accounts is not None:
        fields["accounts"] = sorted(permissions.accounts)
    if permissions.max_order_lots is not None:
        fields["max_order_lots"] = f"{permissions.max_order_lots:f}"
    if permissions.max_day_lots is not None:
        fields["max_day_lots"] = f"{permissions.max_day_lots:f}"
    if permissions.networks:
        fields["networks"] = [str(network) for network in permissions.networks]
    return fields


def permissions_of(fields: Mapping[str, Any]) -> Permissions:
    """Return what ``fields_of`` wrote, or a foreign issuer claims; other fields are ignored.

    Raises ValueError that names the field: one that cannot be read is never left out.
    """
    return Permissions(
        role=_role(fields.get("role")),
        accounts=None if fields.get("accounts") is None else frozenset(_texts(fields, "accounts")),
        max_order_lots=_cap(fields, "max_order_lots"),
        max_day_lots=_cap(fields, "max_day_lots"),
        networks=tuple(_network(text) for text in _texts(fields, "networks")),
    )


def _role(word: object) -> Role:
    try:
        return Role(word)
    except ValueError:
        known = ", ".join(role.value for role in Role)
        raise ValueError(f"role is {word!r}: use one of {known}") from None


def _texts(fields: Mapping[str, Any], name: str) -> list[str]:
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise ValueError(f"{name} must be a list of texts")
    return value


def _cap(fields: Mapping[str, Any], name: str) -> Decimal | None:
    value = fields.get(name)
    if value is None:
        return None
    try:
        lots = Decimal(str(value))
    except InvalidOperation:
        lots = Decimal(0)
    if not lots.is_finite() or lots <= 0:
        raise ValueError(f"{name} must be a number of lots above 0")
    return lots


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as exc:
        raise ValueError(f"networks: {exc}; use a form such as 192.0.2.0/24") from None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    Attributes:
        subject: its one stable id, under which it is counted and logged; no secret.
        name: what people call it.
        expires_at: when it ends by itself; None for never.
    """

    subject: str
    name: str
    permissions: Permissions
    expires_at: datetime | None = None

    def has_expired(self, at: datetime) -> bool:
        return self.expires_at is not None and at >= self.expires_at


ANONYMOUS: Final = Principal(
    "anonymous", "a caller without a key", Permissions(Role.NONE, frozenset())
)
LOOPBACK: Final = Principal("loopback", "a caller on this machine", Permissions(Role.ADMIN))
"""Everybody, where no key is asked for: only this machine can call then."""


class Word(Enum):
    """Why something is refused."""

    ROLE = "ROLE_FORBIDS"
    ACCOUNT = "ACCOUNT_FORBIDDEN"
    VOLUME = "VOLUME_CAP"


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may be done."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not be done.

    Attributes:
        text: says who may not do what, for the caller.
    """

    word: Word
    text: str


ALLOWED: Final = Allowed()


def decide(
    principal: Principal,
    operation: Operation,
    account: str | None = None,
    *,
    everywhere: bool = False,
    lots: Decimal | None = None,
) -> Allowed | Refused:
    """Return whether a principal may do something.

    ``account`` is the key of the account it would be done on. ``everywhere`` means on all accounts
    at once, those that the principal must not see included. ``lots`` is the volume of an order.
    """
    may = principal.permissions
    if operation not in MAY[may.role]:
        text = f"{principal.name} has the role {may.role.value}, which may not {operation.value}"
        return Refused(Word.ROLE, text)
    if may.accounts is not None:
        if everywhere:
            text = f"{principal.name} is for some accounts only, and this is done on all"
            return Refused(Word.ACCOUNT, text)
        if account is not None and account not in may.accounts:
            return Refused(Word.ACCOUNT, f"{principal.name} is not for account {account}")
    if lots is not None and may.max_order_lots is not None and lots > may.max_order_lots:
        text = f"{lots:f} lots, and {principal.name} may order {may.max_order_lots:f} at most"
        return Refused(Word.VOLUME, text)
    return ALLOWED
