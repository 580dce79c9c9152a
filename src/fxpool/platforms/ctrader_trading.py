"""The trading calls on cTrader accounts of this process: each finds its account, and answers with
what became of the order, also where it was refused."""

from __future__ import annotations

from collections.abc import Awaitable

from fxpool.errors import FxPoolError
from fxpool.mapping import formats
from fxpool.platforms import closing
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest
from fxpool.platforms.ctrader_served import OnAccounts
from fxpool.platforms.trade_answers import answered
from fxpool.platforms.words import Call, explain


class TradingCalls(OnAccounts):
    """The calls that send orders and change positions."""

    async def execute(self, account: str, request: TradeRequest) -> formats.TradeResult:
        return await answered(self._accounts.find(account).orders.execute(request), Call.NEW_ORDER)

    async def modify_position(
        self, account: str, request: ProtectionRequest
    ) -> formats.TradeResult:
        return await answered(
            self._accounts.find(account).trades.modify_position(request), Call.CHANGE
        )

    async def close_position(self, account: str, request: CloseRequest) -> formats.TradeResult:
        trades = self._accounts.find(account).trades
        call = Call.PART_CLOSE if trades.leaves_a_part(request) else Call.CHANGE
        return await answered(trades.close_position(request), call)

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> formats.CloseResults:
        """Close all positions of an account, or of a symbol, at the same time."""
        served = self._accounts.find(account)
        try:
            position_ids = served.trades.open_positions(symbol)
        except FxPoolError as exc:
            return closing.refused(explain(exc, Call.CHANGE))

        def close(position_id: str) -> Awaitable[formats.TradeResult]:
            request = CloseRequest(position_id, environment=environment)
            return self.close_position(account, request)

        return await closing.close_each(position_ids, close)

    async def modify_order(self, account: str, change: OrderChange) -> formats.TradeResult:
        return await answered(self._accounts.find(account).trades.modify_order(change), Call.CHANGE)

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> formats.TradeResult:
        cancelling = self._accounts.find(account).trades.cancel_order(
            order_id, environment, allow_unsynchronized=allow_unsynchronized
        )
        return await answered(cancelling, Call.CHANGE)
