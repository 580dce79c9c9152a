"""What one account reads from the broker: requests out, domain values in. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

import structlog
from google.protobuf.message import Message

from fxpool.domain.accounts import Trader
from fxpool.domain.symbols import Asset, LightSymbol, Symbol
from fxpool.domain.trades import Deal, Order, Position
from fxpool.errors import MappingError, RequestRefused
from fxpool.mapping import from_wire
from fxpool.openapi import Reaction, reaction_to
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.pool.channel import AccountChannel, Priority

SYMBOLS_PER_REQUEST: Final = 100
"""The largest batch of SymbolById that was seen to be accepted."""

_NAMED_AT_MOST: Final = 20

log = structlog.get_logger(__name__)

_Answer = TypeVar("_Answer", bound=Message)


@dataclass(frozen=True, slots=True)
class SymbolList:
    """An account's symbols.

    Attributes:
        unreadable: symbols that were listed and make no sense, by id: why.
    """

    symbols: list[LightSymbol]
    unreadable: dict[int, str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The open positions and working orders at some moment between request and answer."""

    positions: list[Position]
    orders: list[Order]


class AccountReads:
    """The read requests of one account. All raise what ``AccountChannel.request`` raises, and
    MappingError for an answer that cannot be understood."""

    def __init__(self, channel: AccountChannel) -> None:
        self._channel = channel
        self._id = channel.account_id

    async def trader(self) -> Trader:
        request = wire.ProtoOATraderReq(ctidTraderAccountId=self._id)
        return from_wire.trader_from((await self._ask(request, wire.ProtoOATraderRes)).trader)

    async def assets(self) -> list[Asset]:
        request = wire.ProtoOAAssetListReq(ctidTraderAccountId=self._id)
        answer = await self._ask(request, wire.ProtoOAAssetListRes)
        return [from_wire.asset_from(asset) for asset in answer.asset]

    async def symbols(self) -> SymbolList:
        """Return all symbols; one that makes no sense is left out, and does not stop the rest."""
        request = wire.ProtoOASymbolsListReq(ctidTraderAccountId=self._id)
        answer = await self._ask(request, wire.ProtoOASymbolsListRes)
        listed = SymbolList([], {})
        for light in answer.symbol:
            try:
                listed.symbols.append(from_wire.light_symbol_from(light))
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

    async def snapshot(self) -> Snapshot:
        """Return positions and orders, protection orders included."""
        request = wire.ProtoOAReconcileReq(
            ctidTraderAccountId=self._id, returnProtectionOrders=True
        )
        answer = await self._ask(request, wire.ProtoOAReconcileRes)
        return Snapshot(
            [from_wire.position_from(position) for position in answer.position],
            [from_wire.order_from(order) for order in answer.order],
        )

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
                from_wire.symbol_from(batch[full.symbolId], full)
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
        return [from_wire.light_symbol_from(light) for light in answer.symbol]

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

    async def deals_of(self, position_id: int) -> list[Deal]:
        """Return all deals of a position, oldest first."""
        found: dict[int, Deal] = {}
        until: int | None = None
        while True:
            request = wire.ProtoOADealListByPositionIdReq(
                ctidTraderAccountId=self._id, positionId=position_id
            )
            if until is not None:
                request.fromTimestamp, request.toTimestamp = 0, until
            answer = await self._ask(request, wire.ProtoOADealListByPositionIdRes, Priority.HISTORY)
            page = {deal.dealId: from_wire.deal_from(deal) for deal in answer.deal}
            if not answer.hasMore or page.keys() <= found.keys():
                found |= page
                return sorted(found.values(), key=lambda deal: (deal.executed_at, deal.deal_id))
            found |= page
            until = min(deal.executionTimestamp for deal in answer.deal)

    async def order(self, order_id: int) -> Order:
        """Return one order, whatever its state."""
        request = wire.ProtoOAOrderDetailsReq(ctidTraderAccountId=self._id, orderId=order_id)
        return from_wire.order_from((await self._ask(request, wire.ProtoOAOrderDetailsRes)).order)

    async def _ask(
        self, request: Message, answer: type[_Answer], priority: Priority = Priority.READ
    ) -> _Answer:
        message = await self._channel.request(request, priority=priority)
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
