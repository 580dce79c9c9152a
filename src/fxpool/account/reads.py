"""What one account reads from the broker: requests out, domain values in. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Final, TypeVar

import structlog
from google.protobuf.message import Message

from fxpool.account.unreadable import UnreadableOrder
from fxpool.domain.accounts import Trader
from fxpool.domain.symbol_terms import ArchivedSymbol, SymbolGroup
from fxpool.domain.symbols import Asset, LeverageTier, LightSymbol, Symbol
from fxpool.domain.trades import Deal, Order, Position, Side, UnrealisedProfit
from fxpool.errors import MappingError, RequestRefused
from fxpool.mapping import from_wire
from fxpool.mapping.instants import ms_from_instant
from fxpool.mapping.symbols import (
    archived_symbol_from,
    asset_from,
    leverage_tiers_from,
    light_symbol_from,
    symbol_from,
    symbol_groups_from,
)
from fxpool.openapi import Reaction, reaction_to
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto.model_pb2 import ProtoOAOrder
from fxpool.pool.channel import AccountChannel, Priority

SYMBOLS_PER_REQUEST: Final = 100
"""The largest batch of SymbolById that was seen to be accepted."""

WEEK_MS: Final = 7 * 86_400_000
"""The widest window that deal lists were documented to take."""

LAST_MS: Final = 2_147_483_646_000
"""The end of time by the Open API: the largest bound that is accepted."""

CLOCK_AHEAD: Final = timedelta(days=1)
"""How far the broker's clock may be ahead of ours; a bound in the future is accepted. What is
missed is lost, or counts as absent."""

_NAMED_AT_MOST: Final = 20
"""How many unreadable symbols a log line names."""

log = structlog.get_logger(__name__)

_Answer = TypeVar("_Answer", bound=Message)


@dataclass(frozen=True, slots=True)
class ListedSymbols:
    """An account's symbols.

    Attributes:
        unreadable: symbols that were listed and make no sense, by id: why.
    """

    symbols: list[LightSymbol]
    unreadable: dict[int, str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The open positions and working orders at some moment between request and answer.

    Attributes:
        unreadable: orders that make no sense to this build.
        unreadable_positions: such positions, by id: why.
    """

    positions: list[Position]
    orders: list[Order]
    unreadable: list[UnreadableOrder]
    unreadable_positions: dict[int, str]

    def require_positions(self) -> None:
        """Raise MappingError unless all positions could be read."""
        if self.unreadable_positions:
            told = (f"position {i} ({why})" for i, why in self.unreadable_positions.items())
            raise MappingError(f"the broker shows what cannot be read: {', '.join(told)}")


@dataclass(frozen=True, slots=True)
class ListedOrders:
    """An account's orders of some time; those that make no sense are told apart."""

    orders: list[Order]
    unreadable: list[UnreadableOrder]


class AccountReads:
    """The read requests of one account. All raise what ``AccountChannel.request`` raises, and
    MappingError for an answer that cannot be understood.

    ``priority`` is that of requests that are not historical.
    """

    def __init__(self, channel: AccountChannel, priority: Priority = Priority.READ) -> None:
        self._channel, self._priority = channel, priority
        self._id = channel.account_id

    async def trader(self) -> Trader:
        request = wire.ProtoOATraderReq(ctidTraderAccountId=self._id)
        return from_wire.trader_from((await self._ask(request, wire.ProtoOATraderRes)).trader)

    async def assets(self) -> list[Asset]:
        request = wire.ProtoOAAssetListReq(ctidTraderAccountId=self._id)
        answer = await self._ask(request, wire.ProtoOAAssetListRes)
        return [asset_from(asset) for asset in answer.asset]

    async def symbols(self) -> ListedSymbols:
        """Return all symbols; one that makes no sense is left out, and does not stop the rest."""
        request = wire.ProtoOASymbolsListReq(ctidTraderAccountId=self._id)
        answer = await self._ask(request, wire.ProtoOASymbolsListRes)
        listed = ListedSymbols([], {})
        for light in answer.symbol:
            try:
                listed.symbols.append(light_symbol_from(light))
            except MappingError as exc:
                listed.unreadable[light.symbolId] = str(exc)
        if listed.unreadable:
            log.warning(
                "symbols left out",
                account_id=self._id,
                count=len(listed.unreadable),
                symbols=dict(islice(listed.unreadable.items(), _NAMED_AT_MOST)),
            )
        return listed

    async def archived_symbols(self) -> list[ArchivedSymbol]:
        """Return the symbols that the broker lists no more."""
        request = wire.ProtoOASymbolsListReq(
            ctidTraderAccountId=self._id, includeArchivedSymbols=True
        )
        answer = await self._ask(request, wire.ProtoOASymbolsListRes)
        return [archived_symbol_from(archived) for archived in answer.archivedSymbol]

    async def symbol_groups(self) -> dict[int, SymbolGroup]:
        """Return the broker's tree of symbols, by category id."""
        categories = await self._ask(
            wire.ProtoOASymbolCategoryListReq(ctidTraderAccountId=self._id),
            wire.ProtoOASymbolCategoryListRes,
        )
        classes = await self._ask(
            wire.ProtoOAAssetClassListReq(ctidTraderAccountId=self._id),
            wire.ProtoOAAssetClassListRes,
        )
        return symbol_groups_from(categories.symbolCategory, classes.assetClass)

    async def snapshot(self) -> Snapshot:
        """Return positions and orders, protection orders included; those that make no sense are
        told apart."""
        request = wire.ProtoOAReconcileReq(
            ctidTraderAccountId=self._id, returnProtectionOrders=True
        )
        answer = await self._ask(request, wire.ProtoOAReconcileRes)
        positions: list[Position] = []
        unreadable_positions: dict[int, str] = {}
        for position in answer.position:
            try:
                positions.append(from_wire.position_from(position))
            except (MappingError, OverflowError) as exc:
                unreadable_positions[position.positionId] = str(exc)
        orders = _told_apart(map(_order_or_not, answer.order))
        return Snapshot(positions, orders.orders, orders.unreadable, unreadable_positions)

    async def details(self, lights: Sequence[LightSymbol]) -> list[Symbol]:
        """Return the trading parameters of symbols, in batches. Records of others are ignored."""
        found: list[Symbol] = []
        for start in range(0, len(lights), SYMBOLS_PER_REQUEST):
            batch = {
                light.symbol_id: light for light in lights[start : start + SYMBOLS_PER_REQUEST]
            }
            request = wire.ProtoOASymbolByIdReq(ctidTraderAccountId=self._id, symbolId=batch)
            answer = await self._ask(request, wire.ProtoOASymbolByIdRes)
            found += [
                symbol_from(batch[full.symbolId], full)
                for full in answer.symbol
                if full.symbolId in batch
            ]
        return found

    async def conversion(self, from_asset_id: int, to_asset_id: int) -> list[LightSymbol]:
        """Return the chain of symbols that leads from one asset to another."""
        request = wire.ProtoOASymbolsForConversionReq(
            ctidTraderAccountId=self._id, firstAssetId=from_asset_id, lastAssetId=to_asset_id
        )
        answer = await self._ask(request, wire.ProtoOASymbolsForConversionRes)
        return [light_symbol_from(light) for light in answer.symbol]

    async def unrealised(self) -> dict[int, UnrealisedProfit]:
        """Return the broker's own results of the open positions, by position id."""
        request = wire.ProtoOAGetPositionUnrealizedPnLReq(ctidTraderAccountId=self._id)
        answer = await self._ask(request, wire.ProtoOAGetPositionUnrealizedPnLRes)
        return from_wire.unrealised_from(answer)

    async def leverage_tiers(self, leverage_id: int) -> tuple[LeverageTier, ...]:
        """Return the tiers of a dynamic leverage."""
        request = wire.ProtoOAGetDynamicLeverageByIDReq(
            ctidTraderAccountId=self._id, leverageId=leverage_id
        )
        answer = await self._ask(request, wire.ProtoOAGetDynamicLeverageByIDRes)
        return leverage_tiers_from(answer.leverage)

    async def subscribe(self, symbol_ids: Collection[int]) -> None:
        """Ask for quotes. A mixed list may be refused as a whole (SW-54): pass new ones only."""
        request = wire.ProtoOASubscribeSpotsReq(
            ctidTraderAccountId=self._id, symbolId=symbol_ids, subscribeToSpotTimestamp=True
        )
        await self._ask_unless_so(request, wire.ProtoOASubscribeSpotsRes)

    async def unsubscribe(self, symbol_ids: Collection[int]) -> None:
        """Ask for no more quotes; stragglers may follow."""
        request = wire.ProtoOAUnsubscribeSpotsReq(ctidTraderAccountId=self._id, symbolId=symbol_ids)
        await self._ask_unless_so(request, wire.ProtoOAUnsubscribeSpotsRes)

    async def subscribe_depth(self, symbol_id: int) -> None:
        """Ask for the depth of a symbol whose quotes are subscribed; it is pushed."""
        request = wire.ProtoOASubscribeDepthQuotesReq(
            ctidTraderAccountId=self._id, symbolId=[symbol_id]
        )
        await self._ask_unless_so(request, wire.ProtoOASubscribeDepthQuotesRes)

    async def unsubscribe_depth(self, symbol_id: int) -> None:
        """Ask for no more depth; stragglers may follow."""
        request = wire.ProtoOAUnsubscribeDepthQuotesReq(
            ctidTraderAccountId=self._id, symbolId=[symbol_id]
        )
        await self._ask_unless_so(request, wire.ProtoOAUnsubscribeDepthQuotesRes)

    async def deals_of(self, position_id: int) -> list[Deal]:
        """Return all deals of a position, oldest first; pages come in either order (SW-19)."""
        found: dict[int, Deal] = {}
        bounds: tuple[int, int] | None = None
        while True:
            request = wire.ProtoOADealListByPositionIdReq(
                ctidTraderAccountId=self._id, positionId=position_id
            )
            if bounds is not None:
                request.fromTimestamp, request.toTimestamp = bounds
            answer = await self._ask(request, wire.ProtoOADealListByPositionIdRes, Priority.HISTORY)
            page = {deal.dealId: from_wire.deal_from(deal) for deal in answer.deal}
            is_new = bool(page.keys() - found.keys())
            found |= page
            if not answer.hasMore:
                return _by_time(found)
            if not is_new:
                raise MappingError("a page of deals announces more, and repeats the page before")
            times = [deal.executionTimestamp for deal in answer.deal]
            first, last = bounds or (0, LAST_MS)
            bounds = (max(times), last) if times[0] < times[-1] else (first, min(times))

    async def deals_since(self, first: datetime, now: datetime) -> list[Deal]:
        """Return all deals of the account from ``first`` on, oldest first.

        ``now`` bounds the windows that are asked for, a week each.
        """
        found: dict[int, Deal] = {}
        start = ms_from_instant(first)
        end = max(start, ms_from_instant(now + CLOCK_AHEAD))
        while True:
            await self._deals_within(start, min(start + WEEK_MS, end), found)
            start += WEEK_MS
            if start > end:
                return _by_time(found)

    async def _deals_within(self, first: int, last: int, found: dict[int, Deal]) -> None:
        """Add the deals of a window to ``found``; pages come newest first."""
        while True:
            request = wire.ProtoOADealListReq(
                ctidTraderAccountId=self._id, fromTimestamp=first, toTimestamp=last
            )
            answer = await self._ask(request, wire.ProtoOADealListRes, Priority.HISTORY)
            page = {deal.dealId: from_wire.deal_from(deal) for deal in answer.deal}
            is_new = bool(page.keys() - found.keys())
            found |= page
            if not answer.hasMore:
                return
            if not is_new:
                raise MappingError("a page of deals announces more, and repeats the page before")
            last = min(deal.executionTimestamp for deal in answer.deal)

    async def orders_since(self, first: datetime, now: datetime) -> ListedOrders:
        """Return all orders of the account that were made or changed from ``first`` on, whatever
        their state; one that makes no sense does not stop the rest.

        ``now`` bounds the windows that are asked for, a week each.
        """
        found: dict[int, Order | UnreadableOrder] = {}
        start = ms_from_instant(first)
        end = max(start, ms_from_instant(now + CLOCK_AHEAD))
        while True:
            await self._orders_within(start, min(start + WEEK_MS, end), found)
            start += WEEK_MS
            if start > end:
                return _told_apart(found.values())

    async def _orders_within(
        self, first: int, last: int, found: dict[int, Order | UnreadableOrder]
    ) -> None:
        """Add the orders of a window to ``found``; pages come newest first. An answer that does not
        say whether there is more is not complete, so it is a MappingError."""
        while True:
            request = wire.ProtoOAOrderListReq(
                ctidTraderAccountId=self._id, fromTimestamp=first, toTimestamp=last
            )
            answer = await self._ask(request, wire.ProtoOAOrderListRes, Priority.HISTORY)
            page = {order.orderId: _order_or_not(order) for order in answer.order}
            is_new = bool(page.keys() - found.keys())
            found |= page
            if not answer.HasField("hasMore"):
                raise MappingError("a page of orders does not say whether there is more")
            if not answer.hasMore:
                return
            if not is_new:
                raise MappingError("a page of orders announces more, and repeats the page before")
            times = [
                order.utcLastUpdateTimestamp
                for order in answer.order
                if order.HasField("utcLastUpdateTimestamp")
            ]
            if not times:
                raise MappingError("a page of orders announces more, and no order tells its time")
            last = min(times)

    async def expected_margin(
        self,
        symbol_id: int,
        side: Side,
        volume_cents: int,
        *,
        timeout: float,
        priority: Priority = Priority.TRADE,
    ) -> Decimal:
        """Return the margin that a volume would use, in the account's currency.

        ``timeout`` is in seconds. Raises RequestTimedOut and the others of ``request``.
        """
        request = wire.ProtoOAExpectedMarginReq(
            ctidTraderAccountId=self._id, symbolId=symbol_id, volume=[volume_cents]
        )
        answer = await self._channel.request(request, timeout=timeout, priority=priority)
        if not isinstance(answer, wire.ProtoOAExpectedMarginRes):
            raise MappingError(f"a question for margin was answered by {type(answer).__name__}")
        return from_wire.expected_margin_from(answer, side, volume_cents)

    async def order(self, order_id: int) -> Order:
        """Return one order, whatever its state."""
        request = wire.ProtoOAOrderDetailsReq(ctidTraderAccountId=self._id, orderId=order_id)
        return from_wire.order_from((await self._ask(request, wire.ProtoOAOrderDetailsRes)).order)

    async def _ask(
        self, request: Message, answer: type[_Answer], priority: Priority | None = None
    ) -> _Answer:
        first = self._priority if priority is None else priority
        message = await self._channel.request(request, priority=first)
        if not isinstance(message, answer):
            raise MappingError(f"{type(request).__name__} was answered by {type(message).__name__}")
        return message

    async def _ask_unless_so(self, request: Message, answer: type[Message]) -> None:
        """Like ``_ask``; what is the case already counts as done."""
        try:
            await self._ask(request, answer)
        except RequestRefused as exc:
            if reaction_to(exc.code, exc.text) is not Reaction.ALREADY_SO:
                raise


def _order_or_not(order: ProtoOAOrder) -> Order | UnreadableOrder:
    try:
        return from_wire.order_from(order)
    except (MappingError, OverflowError) as exc:  # the latter for a time beyond all calendars
        return UnreadableOrder.of(order, str(exc))


def _told_apart(found: Iterable[Order | UnreadableOrder]) -> ListedOrders:
    listed = ListedOrders([], [])
    for order in found:
        if isinstance(order, Order):
            listed.orders.append(order)
        else:
            listed.unreadable.append(order)
    return listed


def _by_time(deals: Mapping[int, Deal]) -> list[Deal]:
    return sorted(deals.values(), key=lambda deal: (deal.executed_at, deal.deal_id))
