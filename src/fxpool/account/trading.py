"""What one account can do: place, amend, cancel, close. Each request goes out at most once.

An outcome that is not known is raised as such and makes the account read its state again; nothing
is ever sent a second time, with one exception that cannot double anything: the correction of a
new position's protection, which the broker may not find in the first moments (SW-47).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final
from weakref import WeakValueDictionary

import structlog
from google.protobuf.message import Message

from fxpool.account.answers import Closed, Placed, Protection, deals_of, ids_of, last_order
from fxpool.account.driver import Account
from fxpool.account.evidence import POSITION_CHANGED
from fxpool.account.fill_protection import (
    Levels,
    is_changed_since,
    levels_of,
    missing_levels,
    wanted_levels,
)
from fxpool.account.preflight import MarginCheck, Preflight
from fxpool.account.tickets import Answer, Tickets
from fxpool.clock import Clock
from fxpool.domain.order_rules import check_price, require_kept
from fxpool.domain.requests import KEEP, REMOVE, OrderIntent, ProtectionLeg
from fxpool.domain.symbols import Symbol
from fxpool.domain.tickets import TicketKind
from fxpool.domain.trades import Deal, Execution, Order, Position
from fxpool.errors import (
    FxPoolError,
    InvalidVolume,
    MappingError,
    NotReady,
    Outcome,
    OutcomeUnclear,
    RequestError,
    RequestNotSent,
    RequestRefused,
    TradeRefused,
)
from fxpool.mapping import from_wire, to_wire
from fxpool.mapping.instants import ms_from_instant
from fxpool.mapping.request_fields import fields_of
from fxpool.openapi import Reaction, reaction_to, says_gone
from fxpool.openapi.proto.messages_pb2 import ProtoOAClosePositionReq
from fxpool.pool.channel import LastCheck, Priority

PROTECTION_SECONDS: Final = 1.0
"""How long the server's own protection order is waited for after a fill; 3 to 20 ms were seen."""

AMEND_PAUSES: Final = (0.05, 0.1, 0.2)
"""Pauses before a correction is repeated to a broker that does not know the new position yet."""

log = structlog.get_logger(__name__)


class Trading:
    """The order requests of one account. All raise NotReady unless the account is live, the errors
    of ``AccountChannel.trade``, and what reading raises where a symbol or quote is missing.

    ``allow_unsynchronized`` has a request go though the book may not be the broker's, as long as a
    session serves the account. Amendments never do: they send again what they do not change.
    """

    def __init__(
        self,
        account: Account,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        tickets: Tickets,
        margin_check: MarginCheck = MarginCheck.REFUSE,
    ) -> None:
        """``new_id`` makes client order ids, unique over processes, at most 50 characters."""
        self._account = account
        self._clock = clock
        self._new_id = new_id
        self._tickets = tickets
        self._preflight = Preflight(account, clock=clock, margin_check=margin_check)
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def place(
        self,
        intent: OrderIntent,
        *,
        allow_unsynchronized: bool = False,
        last_check: LastCheck | None = None,
    ) -> Placed:
        """Place an order and return once it is filled (market) or rests (limit, stop).

        A market order takes its protection as distances only: absolute prices are measured from
        the quote, and corrected to be exact after the fill. An intent without a client order id
        gets one. Raises InvalidOrder, NoQuote, and TradeRefused by ``Preflight`` too.

        ``last_check`` is asked once more before the ticket is stored, and when the frame's turn has
        come: quotes, a margin and other requests may have been waited for.
        """
        account = self._account
        account.require_way(allow_unsynchronized=allow_unsynchronized)
        if not allow_unsynchronized:
            account.require_readable()
        symbol = await account.symbol(intent.symbol_id)
        await self._preflight.check(intent, symbol)
        quote = None
        if intent.needs_quote:
            quote = await account.quote(intent.symbol_id, Priority.TRADE)
        if not intent.client_order_id:
            intent = replace(intent, client_order_id=self._new_id())
        account.require_way(allow_unsynchronized=allow_unsynchronized)
        request = to_wire.new_order(account.channel.account_id, intent, symbol, quote)
        if last_check is not None:
            last_check()
        executions = await self._send(
            request, intent, last_check, allow_unsynchronized=allow_unsynchronized
        )
        order = last_order(executions)
        deals = deals_of(executions)
        if not deals:
            return Placed(order, (), None, Protection.NONE)
        return await self._filled(order, deals, self._opened(executions), intent, symbol)

    async def take_up(self, intent: OrderIntent, order: Order, deals: tuple[Deal, ...]) -> Placed:
        """Return what became of an order whose answer was lost, as the broker's records show it.

        Nothing is placed. A position that is still open gets the protection that was asked for,
        unless it was changed after its fill: what somebody set meanwhile is not taken back.
        """
        self._account.require_live()
        position = self._account.book.position(deals[-1].position_id) if deals else None
        if position is None or position.side is not intent.side:
            return Placed(order, deals, position, Protection.NONE)
        if intent.is_protected and is_changed_since(position, deals):
            return _left_as_it_is(order, deals, position, intent)
        symbol = await self._account.symbol(intent.symbol_id)
        return await self._filled(order, deals, position, intent, symbol)

    async def _filled(
        self,
        order: Order,
        deals: tuple[Deal, ...],
        position: Position,
        intent: OrderIntent,
        symbol: Symbol,
    ) -> Placed:
        """Return a filled order once its protection is what was asked for, or has failed.

        On a netted account an order may only reduce the position of the other side: its levels are
        for a position that there is not, and the other one keeps its own.
        """
        has_opened = (
            any(deal.close is None for deal in deals)
            or self._account.book.position(position.position_id) is not None
        )
        if not intent.is_protected or position.side is not intent.side or not has_opened:
            return Placed(order, deals, position, Protection.NONE)
        failure = await self._protect(position, intent, symbol)
        position = self._account.book.position(position.position_id) or position
        protection = Protection.FAILED if failure else Protection.SET
        return Placed(order, deals, position, protection, failure)

    async def amend_position(
        self,
        position_id: int,
        stop_loss: ProtectionLeg,
        take_profit: ProtectionLeg,
        *,
        trailing: bool | None = None,
        guaranteed: bool | None = None,
    ) -> Position:
        """Set, keep or remove the protection of a position; return it as it is then.

        None keeps a flag of the stop loss as it is.
        """
        self._account.require_live()
        symbol = await self._account.symbol(self._position(position_id).symbol_id)
        async with self._turn(position_id):
            self._account.require_live()
            position = self._position(position_id)
            if stop_loss is REMOVE and position.trailing_stop_loss and not trailing:
                # The broker keeps the flag, and refuses it without a stop loss: it goes first.
                await self._amend(position, symbol, KEEP, KEEP, trailing=False, guaranteed=None)
                position = self._position(position_id)
            await self._amend(
                position, symbol, stop_loss, take_profit, trailing=trailing, guaranteed=guaranteed
            )
        return self._account.book.position(position_id) or position

    async def close_position(
        self,
        position_id: int,
        volume_cents: int | None = None,
        *,
        allow_unsynchronized: bool = False,
    ) -> Closed:
        """Close a position, or a part of it. Raises InvalidVolume for more than is open.

        A whole close leaves even while the order journal is down (see ``Tickets.send``).
        """
        self._account.require_way(allow_unsynchronized=allow_unsynchronized, reduces=True)
        position = self._position(position_id)
        self._account.require_readable_position(position_id)
        await self._account.symbol(position.symbol_id)  # without it its deals cannot be told
        volume = position.volume_cents if volume_cents is None else volume_cents
        if volume > position.volume_cents:
            raise InvalidVolume(
                f"invalid volume: {volume / 100:g} units to close, "
                f"{position.volume_cents / 100:g} are open"
            )
        request = to_wire.close_position(self._account.channel.account_id, position_id, volume)
        try:
            executions = await self._send_close(
                request, position, allow_unsynchronized=allow_unsynchronized
            )
        except RequestRefused as exc:
            # Gone from the book meanwhile: another close was told, and nothing is in doubt.
            if says_gone(exc.code) and self._account.book.position(position_id) is not None:
                self._account.doubt(f"the broker does not know position {position_id}")
            raise
        deals = deals_of(executions)
        if not deals:
            self._account.doubt("a close was answered without a deal")
            raise OutcomeUnclear("NO_DEAL", "the close was answered without a deal")
        left = self._account.book.position(position_id)
        return Closed(
            position, last_order(executions), deals, 0 if left is None else left.volume_cents
        )

    async def amend_order(
        self,
        order_id: int,
        *,
        price: Decimal | None = None,
        volume_cents: int | None = None,
        stop_loss: ProtectionLeg = KEEP,
        take_profit: ProtectionLeg = KEEP,
        expires_at: datetime | None = None,
        trailing: bool | None = None,
        guaranteed: bool | None = None,
    ) -> Order:
        """Change a pending order; None and KEEP leave a value as it is.

        Raises TradeRefused for a price that is off the symbol's tick, and for a leg that is to go.
        """
        self._account.require_live()
        symbol = await self._account.symbol(self._order(order_id).symbol_id)
        check_price(symbol, price)
        for name, leg in (("stop loss", stop_loss), ("take profit", take_profit)):
            if isinstance(leg, Decimal):
                check_price(symbol, leg, name, "TRADING_BAD_STOPS")
        async with self._turn(order_id):
            self._account.require_live()
            order = self._order(order_id)
            require_kept(order, stop_loss, take_profit)
            request = to_wire.amend_order(
                self._account.channel.account_id,
                order,
                symbol,
                price=price,
                volume_cents=volume_cents,
                stop_loss=stop_loss,
                take_profit=take_profit,
                expires_at=expires_at,
                trailing=trailing,
                guaranteed=guaranteed,
            )
            return last_order(await self._send(request))

    async def cancel_order(self, order_id: int, *, allow_unsynchronized: bool = False) -> Order:
        """Cancel a pending order and return it as the broker left it."""
        self._account.require_way(allow_unsynchronized=allow_unsynchronized, reduces=True)
        if self._account.is_live and order_id not in self._account.book.unreadable_orders:
            self._order(order_id)
        request = to_wire.cancel_order(self._account.channel.account_id, order_id)
        return last_order(
            await self._send(
                request, is_exit=True, allow_unsynchronized=allow_unsynchronized, reduces=True
            )
        )

    # Protection of a new position

    async def _protect(self, position: Position, intent: OrderIntent, symbol: Symbol) -> str:
        """Bring a new position's protection to the exact prices; return why that failed, or ''.

        The server makes its own order from the distances first; correcting before that would race
        with it.
        """
        position_id = position.position_id
        await self._account.waits.until(lambda: self._is_protected(position_id), PROTECTION_SECONDS)
        present = self._account.book.position(position_id)
        if present is None:
            return ""  # closed again already: there is nothing left to protect
        wanted = wanted_levels(intent, present, symbol)
        levels = levels_of(present)
        if any(level is not None and level <= 0 for level in levels):
            return "invalid stops: a level lies at or below zero, where no price can reach it"
        if all(price in {None, level} for price, level in zip(wanted, levels, strict=True)):
            return ""
        try:
            async with self._turn(position_id):
                await self._correct(position_id, symbol, wanted, intent)
        except FxPoolError as exc:
            log.critical(
                "protection failed",
                account=self._account.key,
                position=position_id,
                stop_loss=str(wanted[0]),
                take_profit=str(wanted[1]),
                error=str(exc),
            )
            return str(exc)
        return ""

    async def _correct(
        self, position_id: int, symbol: Symbol, wanted: Levels, intent: OrderIntent
    ) -> None:
        """Bring levels to the exact prices. A pair is refused whole, so where one level is passed
        by now, the stop loss goes alone; the refusal is raised all the same."""
        try:
            await self._set_levels(position_id, symbol, wanted, intent)
        except RequestRefused as exc:
            if exc.outcome is Outcome.REFUSED and None not in wanted:
                with suppress(TradeRefused):
                    await self._set_levels(position_id, symbol, (wanted[0], None), intent)
            raise

    async def _set_levels(
        self, position_id: int, symbol: Symbol, wanted: Levels, intent: OrderIntent
    ) -> None:
        """Amend a new position, which the broker may not know yet; None keeps the level that it has
        by now, whoever set it."""
        stop_loss, take_profit = (KEEP if price is None else price for price in wanted)
        for pause in (*AMEND_PAUSES, None):
            position = self._account.book.position(position_id)
            if position is None:
                return
            try:
                await self._amend(
                    position,
                    symbol,
                    stop_loss,
                    take_profit,
                    trailing=intent.trailing_stop_loss or None,
                    guaranteed=intent.guaranteed_stop_loss or None,
                )
            except RequestRefused as exc:
                if pause is None or exc.outcome is not Outcome.REFUSED or not says_gone(exc.code):
                    raise
                await self._clock.sleep(pause)
            else:
                return

    def _is_protected(self, position_id: int) -> bool:
        position = self._account.book.position(position_id)
        return position is None or any(level is not None for level in levels_of(position))

    async def _amend(
        self,
        position: Position,
        symbol: Symbol,
        stop_loss: ProtectionLeg,
        take_profit: ProtectionLeg,
        *,
        trailing: bool | None,
        guaranteed: bool | None,
    ) -> None:
        request = to_wire.amend_position(
            self._account.channel.account_id,
            position,
            symbol,
            stop_loss,
            take_profit,
            trailing=trailing,
            guaranteed=guaranteed,
        )
        try:
            await self._send(request)
        except RequestRefused as exc:
            if reaction_to(exc.code, exc.text, writing=True) is not Reaction.ALREADY_SO:
                raise

    # Small parts

    def _turn(self, object_id: int) -> asyncio.Lock:
        """Return what lets one amendment of an object go at a time: each sends again what it does
        not change, so two at once would undo each other. Closes and cancels never wait for it."""
        return self._turns.setdefault(object_id, asyncio.Lock())

    async def _send(
        self,
        request: Message,
        intent: OrderIntent | None = None,
        last_check: LastCheck | None = None,
        *,
        is_exit: bool = False,
        allow_unsynchronized: bool = False,
        reduces: bool = False,
    ) -> tuple[Execution, ...]:
        """Send a request once its ticket is stored; ``intent`` is that of a new order."""
        may_leave = partial(
            self._require_still,
            last_check,
            allow_unsynchronized=allow_unsynchronized,
            reduces=reduces,
        )
        exchange = partial(self._exchange, request, may_leave)
        return await self._tickets.send(exchange, request, intent, is_exit=is_exit)

    async def _send_close(
        self,
        request: ProtoOAClosePositionReq,
        position: Position,
        *,
        allow_unsynchronized: bool,
    ) -> tuple[Execution, ...]:
        """Send a close, with the position's last change in its ticket: what closes it later is told
        by the broker's own clock from what closed a part of it before."""
        asked = fields_of(request)
        if position.updated_at is not None:
            asked[POSITION_CHANGED] = ms_from_instant(position.updated_at)
        is_exit = request.volume == position.volume_cents
        may_leave = partial(
            self._require_still, None, allow_unsynchronized=allow_unsynchronized, reduces=True
        )
        exchange = partial(self._exchange, request, may_leave)
        return await self._tickets.send_change(exchange, TicketKind.CLOSE, asked, is_exit=is_exit)

    def _require_still(
        self, last_check: LastCheck | None, *, allow_unsynchronized: bool, reduces: bool
    ) -> None:
        """Keep a request back whose account is being read anew since its ticket was begun. Raises
        RequestNotSent."""
        try:
            self._account.require_way(allow_unsynchronized=allow_unsynchronized, reduces=reduces)
        except NotReady as exc:
            raise RequestNotSent(f"not sent: {exc}") from exc
        if last_check is not None:
            last_check()

    async def _exchange(
        self, request: Message, last_check: LastCheck
    ) -> Answer[tuple[Execution, ...]]:
        try:
            reply = await self._account.channel.trade(request, last_check=last_check)
            executions = tuple(from_wire.execution_from(event) for event in reply.events)
        except MappingError as exc:
            self._account.doubt("an answer to an order could not be read")
            raise OutcomeUnclear("UNREADABLE_ANSWER", str(exc)) from exc
        except RequestError as exc:
            if exc.outcome is Outcome.UNKNOWN:
                self._account.doubt("the outcome of an order is unknown")
            raise
        order_ids = tuple(e.order.order_id for e in executions if e.order is not None)
        return Answer(executions, ids_of(executions), order_ids)

    def _position(self, position_id: int) -> Position:
        position = self._account.book.position(position_id)
        if position is None:
            self._account.require_live()  # what is not in a book that may be wrong is not gone
            raise TradeRefused("POSITION_NOT_FOUND", f"no open position has the id {position_id}")
        return position

    def _order(self, order_id: int) -> Order:
        unreadable = self._account.book.unreadable_orders.get(order_id)
        if unreadable is not None:
            raise TradeRefused(
                "UNREADABLE_ORDER",
                f"order {order_id} cannot be read, so it cannot be changed: {unreadable.why}. "
                "Cancel it, or change it at the broker",
            )
        order = self._account.book.orders.get(order_id)
        if order is None:
            raise TradeRefused("ORDER_NOT_FOUND", f"no pending order has the id {order_id}")
        return order

    def _opened(self, executions: tuple[Execution, ...]) -> Position:
        position_id = deals_of(executions)[-1].position_id
        present = self._account.book.position(position_id)
        if present is not None:
            return present
        return next(e.position for e in reversed(executions) if e.position is not None)


def _left_as_it_is(
    order: Order, deals: tuple[Deal, ...], position: Position, intent: OrderIntent
) -> Placed:
    """Return an order whose position was changed before its fill was known of here."""
    missing = missing_levels(intent, position)
    if not missing:
        return Placed(order, deals, position, Protection.SET)
    text = f"the position has no {missing}; it was changed since, so it is left as it is"
    return Placed(order, deals, position, Protection.FAILED, text)
