"""Pairs of tokens as values: read from fields, written back, and when to renew them. Pure.

Source: Open API help, "Account authentication": an access token lives about 30 days, a refresh
token works once; and the field names that existing systems use in their secret stores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from fxpool.errors import MappingError, SecretUnreadable

MARGIN: Final = timedelta(days=3)
"""How long before its expiry a token is renewed; sooner where it lives less than 12 days."""

_MILLISECONDS_FROM: Final = 100_000_000_000
"""An epoch number from here on counts milliseconds: in seconds it would be the year 5138."""

_LONGEST: Final = timedelta(days=36_500)
"""What is told to live longer is taken to live so long: beyond the year 9999 there is no date."""

_OURS: Final = frozenset(
    {
        *("access_token", "accessToken", "refresh_token", "refreshToken"),
        *("expires_at", "expiresAt", "expires_in", "expiresIn", "obtained_at", "obtainedAt"),
    }
)
"""Fields that a new pair replaces, in all spellings."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token and what renews it; one pair serves all accounts of one consent.

    Attributes:
        refresh_token: works once; empty where there is none.
        expires_at: when the access token ends, None where nobody said.
        obtained_at: when the pair was given, None where nobody said.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: datetime | None = None
    obtained_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """What tells this pair from all others and gives nothing of it away."""
        secret = self.refresh_token or self.access_token
        return hashlib.sha256(secret.encode()).hexdigest()[:24]

    def renewed_at(self, early: float) -> datetime | None:
        """Return when to renew the pair, None where its end is not known.

        ``early`` from 0 to 1 spreads many pairs over a third of the margin.
        """
        if self.expires_at is None:
            return None
        margin = MARGIN
        if self.obtained_at is not None:
            margin = min(margin, (self.expires_at - self.obtained_at) / 4)
        return self.expires_at - margin - margin / 3 * early


def pair_given(
    access_token: str, refresh_token: str, expires_in: float | None, at: datetime
) -> TokenPair:
    """Return the pair that a token service gave at ``at``; ``expires_in`` is in seconds.

    The old pair is spent, so this one counts whatever is said of its end: one that makes no sense
    is not known. Raises MappingError for a token that is empty.
    """
    if not access_token or not refresh_token:
        raise MappingError("the token service gave an empty token")
    return TokenPair(access_token, refresh_token, _end(expires_in, at), at)


def _end(expires_in: float | None, at: datetime) -> datetime | None:
    try:
        return at + timedelta(seconds=expires_in) if expires_in and expires_in > 0 else None
    except (OverflowError, ValueError):
        return None


def pair_from(fields: Mapping[str, str], *, source: str) -> TokenPair | None:
    """Return the pair that an entry holds, None if it holds none; snake_case and camelCase.

    The end is ``expires_at`` (ISO, or an epoch number), or ``obtained_at`` (epoch milliseconds,
    or ISO) plus ``expires_in`` (seconds).
    Raises SecretUnreadable, which names ``source`` and the field and never a value.
    """
    access_token = _text(fields, "access_token", "accessToken")
    if not access_token:
        return None
    obtained_at = _instant(fields, source, "obtained_at", "obtainedAt")
    expires_at = _instant(fields, source, "expires_at", "expiresAt")
    seconds = _text(fields, "expires_in", "expiresIn")
    if expires_at is None and seconds and obtained_at is not None:
        expires_at = obtained_at + _duration(seconds, source, "expires_in")
    refresh_token = _text(fields, "refresh_token", "refreshToken")
    return TokenPair(access_token, refresh_token, expires_at, obtained_at)


def fields_of(pair: TokenPair) -> dict[str, str]:
    """Return a pair as fields of an entry."""
    fields = {"access_token": pair.access_token}
    if pair.refresh_token:
        fields["refresh_token"] = pair.refresh_token
    if pair.expires_at is not None:
        fields["expires_at"] = pair.expires_at.isoformat()
    if pair.obtained_at is not None:
        fields["obtained_at"] = str(int(pair.obtained_at.timestamp() * 1000))
    return fields


def with_pair(fields: Mapping[str, str], pair: TokenPair) -> dict[str, str]:
    """Return an entry's fields with another pair in them; what is not ours stays as it is."""
    kept = {name: value for name, value in fields.items() if name not in _OURS}
    return kept | fields_of(pair)


def _text(fields: Mapping[str, str], *names: str) -> str:
    return next((fields[name].strip() for name in names if fields.get(name)), "")


def _instant(fields: Mapping[str, str], source: str, *names: str) -> datetime | None:
    text = _text(fields, *names)
    if not text:
        return None
    try:
        if text.replace(".", "", 1).isdecimal():
            return _epoch_time(float(text))
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):  # the last two: an epoch number out of range
        raise SecretUnreadable(f"{source}: {names[0]} is no ISO time") from None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def _epoch_time(number: float) -> datetime:
    return datetime.fromtimestamp(number / (1000 if number >= _MILLISECONDS_FROM else 1), UTC)


def _duration(text: str, source: str, name: str) -> timedelta:
    try:
        return min(timedelta(seconds=float(text)), _LONGEST)
    except (ValueError, OverflowError):
        raise SecretUnreadable(f"{source}: {name} is no number of seconds") from None
