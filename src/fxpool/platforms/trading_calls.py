"""The trading calls on accounts of this process: each finds its account, and answers with what
became of the order, also where it was refused."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeVar

from fxpool.errors import FxPoolError
from fxpool.mapping.formats import CloseResults, TradeResult
from fxpool.platforms import closing
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest
from fxpool.platforms.served import OneServed, OnServed
from fxpool.platforms.trade_answers import answered
from fxpool.platforms.words import Call, explain


class PlacesOrders(Protocol):
    """The new orders of one account. Raises kinds of FxPoolError."""

    async def execute(self, request: TradeRequest) -> TradeResult: ...


class ChangesTrades(Protocol):
    """The calls on positions and pending orders of one account. All raise kinds of FxPoolError."""

    async def modify_position(self, request: ProtectionRequest) -> TradeResult: ...

    async def close_position(self, request: CloseRequest) -> TradeResult: ...

    def leaves_a_part(self, request: CloseRequest) -> bool:
        """Whether a close may leave a part of its position, so that a second one takes more."""
        ...

    async def open_positions(self, symbol: str | None) -> Sequence[str]:
        """Return the ids of all open positions, or of a symbol's, oldest first."""
        ...

    async def modify_order(self, change: OrderChange) -> TradeResult: ...

    async def cancel_order(
        self, order_id: str, environment: str | None, *, allow_unsynchronized: bool
    ) -> TradeResult: ...


class Traded(OneServed, Protocol):
    """The parts of one account that its trading calls need."""

    @property
    def orders(self) -> PlacesOrders: ...

    @property
    def trades(self) -> ChangesTrades: ...


TradedT = TypeVar("TradedT", bound=Traded)


class TradingCalls(OnServed[TradedT]):
    """The calls that send orders and change positions."""

    async def execute(self, account: str, request: TradeRequest) -> TradeResult:
        return await answered(self._accounts.find(account).orders.execute(request), Call.NEW_ORDER)

    async def modify_position(self, account: str, request: ProtectionRequest) -> TradeResult:
        return await answered(
            self._accounts.find(account).trades.modify_position(request), Call.CHANGE
        )

    async def close_position(self, account: str, request: CloseRequest) -> TradeResult:
        trades = self._accounts.find(account).trades
        call = Call.PART_CLOSE if trades.leaves_a_part(request) else Call.CHANGE
        return await answered(trades.close_position(request), call)

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> CloseResults:
        """Close all positions of an account, or of a symbol, at the same time."""
        served = self._accounts.find(account)
        try:
            position_ids = await served.trades.open_positions(symbol)
        except FxPoolError as exc:
            return closing.refused(explain(exc, Call.CHANGE))

        def close(position_id: str) -> Awaitable[TradeResult]:
            request = CloseRequest(position_id, environment=environment)
            return self.close_position(account, request)

        return await closing.close_each(position_ids, close)

    async def modify_order(self, account: str, change: OrderChange) -> TradeResult:
        return await answered(self._accounts.find(account).trades.modify_order(change), Call.CHANGE)

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> TradeResult:
        cancelling = self._accounts.find(account).trades.cancel_order(
            order_id, environment, allow_unsynchronized=allow_unsynchronized
        )
        return await answered(cancelling, Call.CHANGE)
