"""The trading calls on MetaTrader accounts: each finds its account, and answers with what became of
the order, also where it was refused."""

from __future__ import annotations

from collections.abc import Awaitable

from fxpool.errors import FxPoolError
from fxpool.mapping import formats
from fxpool.platforms import closing
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest
from fxpool.platforms.metaapi.served import OnAccounts
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
            self._accounts.find(account).changes.modify_position(request), Call.CHANGE
        )

    async def close_position(self, account: str, request: CloseRequest) -> formats.TradeResult:
        call = Call.CHANGE if request.volume is None else Call.PART_CLOSE
        return await answered(self._accounts.find(account).changes.close_position(request), call)

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> formats.CloseResults:
        """Close all positions of an account, or of a symbol, at the same time."""
        served = self._accounts.find(account)
        try:
            position_ids = await served.changes.open_positions(symbol)
        except FxPoolError as exc:
            return closing.refused(explain(exc, Call.CHANGE))

        def close(position_id: str) -> Awaitable[formats.TradeResult]:
            request = CloseRequest(position_id, environment=environment)
            return self.close_position(account, request)

        return await closing.close_each(position_ids, close)

    async def modify_order(self, account: str, change: OrderChange) -> formats.TradeResult:
        return await answered(
            self._accounts.find(account).changes.modify_order(change), Call.CHANGE
        )

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> formats.TradeResult:
        """Cancel a pending order; the account is read first, so ``allow_unsynchronized`` changes
        nothing here."""
        changes = self._accounts.find(account).changes
        return await answered(changes.cancel_order(order_id, environment), Call.CHANGE)
