"""What a handler is given beside the request, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import Message

from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.profile import UnknownInBatch
from fxpool.simulator.protocol.executions import ExecutionMapper
from fxpool.simulator.refusal import Refusal, not_authorised
from fxpool.simulator.venue import Listener, Venue

Handler = Callable[["Call", Any], Message | None]
"""The request's class is the one that its payload type says, so a table cannot name it."""


class Client(Listener, Protocol):
    """The connection that a request came on; ``is_live`` says to which environment's port."""

    is_live: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One request's surroundings; ``at_ms`` is when it arrived."""

    client: Client
    venue: Venue
    request_id: str
    at_ms: int

    def book(self, account_id: int) -> Book:
        """Return the book of an account that is authorised here. Raises Refusal (SW-10)."""
        if account_id in self.client.account_ids:
            return self.venue.engine.books[account_id]
        raise not_authorised(self.venue.profile.unauthorised_account.value)

    def mapper(self, account_id: int) -> ExecutionMapper:
        """Return what turns the account's values into messages."""
        return self.venue.mappers[account_id]

    def symbols(self, symbol_ids: Iterable[int]) -> list[Symbol]:
        """Return symbols by id. Raises Refusal for an unknown one, or answers less (SW-52)."""
        known, asked = self.venue.engine.symbols, list(symbol_ids)
        unknown = [one for one in asked if one not in known]
        if unknown and self.venue.profile.unknown_in_batch is UnknownInBatch.REFUSED:
            raise Refusal("SYMBOL_NOT_FOUND", f"Symbol {unknown[0]} not found")
        if unknown and self.venue.profile.unknown_in_batch is UnknownInBatch.EMPTY:
            return []
        return [known[one] for one in asked if one in known]

    def symbol(self, symbol_id: int) -> Symbol:
        """Return one symbol. Raises Refusal UNKNOWN_SYMBOL."""
        symbol = self.venue.engine.symbols.get(symbol_id)
        if symbol is None:
            raise Refusal("UNKNOWN_SYMBOL", f"Symbol {symbol_id} not found")
        return symbol
