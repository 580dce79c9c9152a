"""What one event stream delivers, how, and from where it goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from fxpool.gateway.schemas import PoolBody
from fxpool.gateway.values import Label, Words, iso_time
from fxpool.mapping.instants import instant_from_ms
from fxpool.platforms.event_ring import EventPosition, ResumeFrom
from fxpool.platforms.events import EventFilter
from fxpool.platforms.pace import SLOWEST_MS

_LAST_MS = 253_402_300_799_999  # the year 9999


def _instant(value: object) -> datetime:
    """Return an ISO time, or epoch milliseconds. Raises ValueError."""
    text = str(value).strip()
    if not text.isascii() or not text.isdigit():
        return iso_time(value)
    if int(text) > _LAST_MS:
        raise ValueError("give an ISO time or epoch milliseconds")
    return instant_from_ms(int(text))


class StreamOptions(PoolBody):
    """What one event stream delivers, and how."""

    accounts: Words = Field(default=None, description="account keys; absent: all")
    symbols: Words = Field(
        default=None, description="MetaTrader names; events without a symbol pass"
    )
    types: Words = Field(default=None, description="event types; absent: all, snapshots first")
    batch: bool = Field(
        default=False, description="one JSON array per message instead of one event"
    )
    flush_ms: float = Field(default=0, ge=0, le=20, description="at most one write in so many ms")
    account_ms: int = Field(
        default=0,
        ge=0,
        le=SLOWEST_MS,
        description="the least ms between two tellings of how results and equity moved with "
        "prices (`positionUpdate`, `accountUpdated`); 0: the usual 200. Changes come at once",
    )
    last_event_id: Label = Field(
        default="",
        description="go on after this event, `account:epoch:seq`; or the header Last-Event-ID",
    )
    since: Annotated[AwareDatetime | None, BeforeValidator(_instant)] = Field(
        default=None, description="go on from this time, ISO or epoch milliseconds"
    )
    positions: Words = Field(
        default=None,
        description="go on after these events, `account:epoch:seq`, one per account",
    )

    @model_validator(mode="after")
    def _are_positions_whole(self) -> Self:
        if self.positions is None:
            return self
        named = {position.account for position in self._positions()}
        if len(named) != len(self.positions) or (self.accounts or named) != named:
            raise ValueError("positions: give one for each of the accounts, and no other")
        return self

    def _positions(self) -> list[EventPosition]:
        found = [EventPosition.parse(text) for text in self.positions or ()]
        positions = [position for position in found if position is not None]
        if len(positions) < len(found):
            raise ValueError("positions: each is account:epoch:seq, as the events tell it")
        return positions

    def wanted(self) -> EventFilter:
        """Return which events to deliver."""
        accounts = self.accounts
        if self.positions is not None:
            accounts = frozenset(position.account for position in self._positions())
        return EventFilter(
            accounts=accounts, symbols=self.symbols, types=self.types, account_ms=self.account_ms
        )

    def resume(self, now: datetime) -> ResumeFrom | None:
        """Return where to go on; None for a stream that begins.

        A time that has not come (a clock that is ahead) is a position that nobody knows, so that
        the gap is told.
        """
        if self.positions is not None:
            return ResumeFrom(positions={p.account: p for p in self._positions()})
        if self.last_event_id:
            return ResumeFrom(last_event_id=self.last_event_id)
        if self.since is not None and self.since > now:
            return ResumeFrom(last_event_id=self.since.isoformat())
        return None if self.since is None else ResumeFrom(since=self.since)
