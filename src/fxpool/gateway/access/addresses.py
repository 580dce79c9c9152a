"""Where a call comes from: the peer, or what a trusted proxy says of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple

from starlette.types import Scope

from fxpool.domain.permissions import Address, Network
from fxpool.errors import SettingsError

_FORWARDED: Final = b"x-forwarded-for"


class Origin(NamedTuple):
    """Where a call comes from; its text, too, is made once for an address, not for each call.

    Attributes:
        address: None where it is not known.
        text: the address in words; empty where it is not known.
    """

    address: Address | None
    text: str


def caller_origin(scope: Scope, trusted_proxies: tuple[Network, ...]) -> Origin:
    """Return where a call comes from.

    ``X-Forwarded-For`` counts only if a trusted proxy sent it, and of it only the part that
    trusted proxies wrote: the last address that is not itself one of them.
    """
    client = scope.get("client")
    origin = _read(client[0]) if client else _UNKNOWN
    if not trusted_proxies or not _is_in(origin.address, trusted_proxies):
        return origin
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED]
    hops = [hop for line in lines for hop in line.split(",")]
    for hop in reversed(hops):
        origin = _read(hop.strip())
        if not _is_in(origin.address, trusted_proxies):
            break
    return origin


def read_networks(variable: str, texts: Iterable[str]) -> tuple[Network, ...]:
    """Return networks from their texts. Raises SettingsError that names the variable."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as exc:
        raise SettingsError(f"{variable}: {exc}; use a form such as 192.0.2.0/24") from None


def is_among(text: str, networks: tuple[Network, ...]) -> bool:
    """Whether a text is an address of one of these networks."""
    return _is_in(_read(text).address, networks)


def _is_in(address: Address | None, networks: tuple[Network, ...]) -> bool:
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=1024)
def _read(text: str) -> Origin:
    try:
        address = ip_address(text)
    except ValueError:
        return _UNKNOWN
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return Origin(address, str(address))


_UNKNOWN: Final = Origin(None, "")
