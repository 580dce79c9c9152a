"""What every trading call on a polled account does: rights first, a ticket, one request, a look.

Each request is stored as a ticket, then sent once; its error says what became of it. What was done
is looked up, so that the next reading shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

import structlog

from fxpool.account import Answer, Tickets
from fxpool.domain.tickets import Ticket, TicketKind
from fxpool.errors import FxPoolError, OutcomeUnclear, TradingHalted
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.codes import PLACED, error_of
from fxpool.platforms.metaapi.differences import Reading
from fxpool.platforms.metaapi.model import Deal, Position, TradeAnswer, text_id
from fxpool.platforms.metaapi.orders import not_supported
from fxpool.platforms.rights import no_rights, require_environment

CONFIRM_SECONDS: Final = 5.0
"""How long a reading may lag behind a trade that was done."""

LOOK_SECONDS: Final = 0.2
"""Pause between looks for deals that lag behind."""

_OPENS: Final = frozenset({"ORDER_TYPE_BUY", "ORDER_TYPE_SELL"})
_CLOSES: Final = frozenset({"POSITION_CLOSE_ID", "POSITION_PARTIAL"})

log = structlog.get_logger(__name__)


class Sender:
    """Sends what one account is asked for.

    Attributes:
        executed: orders and closes that were executed, wholly or partly.
    """

    def __init__(self, account: MetaApiAccount, tickets: Tickets) -> None:
        self.account = account
        self.executed = 0
        self._tickets = tickets

    async def order(self, ticket: Ticket, body: Mapping[str, Any]) -> TradeAnswer:
        """Send a new order under its ticket. Raises kinds of RequestError."""
        return await self._tickets.send_order(partial(self._open, body), ticket, _as_json(body))

    async def change(
        self,
        kind: TicketKind,
        body: Mapping[str, Any],
        *,
        noted: Mapping[str, Any] | None = None,
        is_exit: bool = False,
    ) -> TradeAnswer:
        """Send any other request; an exit goes even where its ticket cannot be stored.

        ``noted`` is kept with the ticket and not sent: what its traces are compared with.
        Raises kinds of RequestError.
        """
        kept = _as_json({**body, **(noted or {})})
        return await self._tickets.send_change(
            partial(self._ask, body), kind, kept, is_exit=is_exit
        )

    async def _open(self, body: Mapping[str, Any]) -> Answer[TradeAnswer]:
        """Send a new order, unless it was halted while it was prepared."""
        self._require_no_halt()
        return await self._ask(body)

    async def _ask(self, body: Mapping[str, Any]) -> Answer[TradeAnswer]:
        known = self.account.reading
        before = {} if known is None else known.positions
        answer = await self.account.way.trade(self.account.key, body)
        error = error_of(answer)
        if error is not None:
            raise error
        if answer.numeric_code == PLACED and not await self._is_filled(body, answer, before):
            raise OutcomeUnclear(answer.string_code.upper(), "accepted, and no fill was seen")
        return Answer(answer, answer.message)

    async def _is_filled(
        self, body: Mapping[str, Any], answer: TradeAnswer, before: Mapping[str, Position]
    ) -> bool:
        """Whether what was only accepted is seen to be filled; a pending order need not be."""
        names = {text_id(answer.position_id), text_id(answer.order_id)}
        match body["actionType"]:
            case action if action in _OPENS:

                def is_seen(reading: Reading) -> bool:
                    return any(
                        key in names or (key not in before and carries(position, body))
                        for key, position in reading.positions.items()
                    )

            case action if action in _CLOSES:
                old = before.get(body["positionId"])

                def is_seen(reading: Reading) -> bool:
                    now = reading.positions.get(body["positionId"])
                    return now is None or (old is not None and now.volume < old.volume)

            case _:
                return True
        try:
            return await self.account.until(is_seen, CONFIRM_SECONDS) is not None
        except FxPoolError as exc:
            log.warning("a trade was accepted, and cannot be read", error=str(exc))
            return False

    async def seen(
        self, is_seen: Callable[[Mapping[str, Position]], bool]
    ) -> Mapping[str, Position]:
        """Return the positions once a reading shows what was done; else the newest known ones."""
        await self.look(lambda reading: is_seen(reading.positions))
        reading = self.account.reading
        return {} if reading is None else reading.positions

    async def look(self, is_seen: Callable[[Reading], object]) -> None:
        """Wait for a reading that shows what was done; without one it is done all the same."""
        try:
            await self.account.until(is_seen, CONFIRM_SECONDS)
        except FxPoolError as exc:
            log.warning("a change was done, and cannot be read", error=str(exc))

    async def deals(self, position_id: str) -> Sequence[Deal]:
        """Return the deals of a position; none where they cannot be read."""
        if not self.account.way.offers.closes:
            return []
        try:
            return await self.account.way.deals_of_position(self.account.key, position_id)
        except FxPoolError as exc:
            log.warning("deals cannot be read", position=position_id, error=str(exc))
            return []

    async def closing_deals(self, position_id: str, volume: Decimal, known: set[str]) -> list[Deal]:
        """Return the deals of a close that was done; the past may lag behind it."""
        clock, way = self.account.clock, self.account.way
        deadline = clock.now() + CONFIRM_SECONDS
        while way.offers.closes:
            deals = await self.deals(position_id)
            found = [deal for deal in deals if deal.closes and str(deal.id) not in known]
            if sum((deal.volume for deal in found), Decimal(0)) >= volume:
                return found
            if clock.now() > deadline:
                return []
            await clock.sleep(LOOK_SECONDS)
        return []

    # What is refused before anything is sent

    def require_rights(self, environment: str | None, *, opens: bool) -> None:
        """Raise what forbids a call before anything is sent."""
        account = self.account
        require_environment(account.key, account.environment, environment)
        if account.config.read_only:
            raise no_rights("READ_ONLY", f"read-only account {account.key}")
        reading = account.reading
        if reading is not None and reading.information.investor_mode:
            raise no_rights("READ_ONLY", f"read-only: {account.key} uses an investor password")
        if opens:
            self._require_no_halt()

    def _require_no_halt(self) -> None:
        halt = self.account.halt
        if halt is not None:
            raise TradingHalted(halt.told(self.account.key))

    def require_orders(self) -> None:
        """Raise where the way knows no pending orders."""
        if not self.account.way.offers.orders:
            raise not_supported("changing and cancelling orders through this pool")


def carries(position: Position, body: Mapping[str, Any]) -> bool:
    """Whether a position has the id of an order's; a comment alone does not make it ours."""
    client_id = body.get("clientId")
    return bool(client_id) and position.client_id == client_id and position.symbol == body["symbol"]


def _as_json(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as the journal keeps it: exact numbers as texts."""
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in body.items()
    }
