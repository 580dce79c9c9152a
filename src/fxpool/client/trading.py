"""The client's trading calls; part of ``UnifiedPoolClient``."""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Unpack

from fxpool.client.calls import PlatformCalls
from fxpool.client.trade_data import Number, TradeFields, exact, trade_request
from fxpool.domain.trades import OrderType
from fxpool.mapping.formats import CloseResults, GuardList, TradeResult
from fxpool.platforms.base import CloseRequest, Platform, PlatformError, ProtectionRequest
from fxpool.platforms.words import refusal

log = logging.getLogger(__name__)


class TradingCalls(PlatformCalls):
    """A result's ``outcome`` says whether an order may be live: ``executed``, ``not_executed``, or
    ``unknown`` (look at positions and orders, do not send again)."""

    async def execute_trade(
        self,
        account_id: str,
        region: str | None = None,
        trade_data: Mapping[str, Any] | None = None,
        **fields: Unpack[TradeFields],
    ) -> TradeResult:
        """Place an order, from a trade object (any spelling, other fields ignored) or keywords.

        Never raises for what became of the order: every failure is ``success: False`` with
        ``error``, ``code`` and ``outcome``.
        """
        return await self._place(account_id, region, trade_data, fields)

    async def place_limit_order(
        self,
        account_id: str,
        region: str | None = None,
        order_data: Mapping[str, Any] | None = None,
        **fields: Unpack[TradeFields],
    ) -> TradeResult:
        """Place a limit order: ``side`` or ``action`` BUY or SELL, and its price. As a trade."""
        return await self._place(account_id, region, order_data, fields, OrderType.LIMIT)

    async def place_stop_order(
        self,
        account_id: str,
        region: str | None = None,
        order_data: Mapping[str, Any] | None = None,
        **fields: Unpack[TradeFields],
    ) -> TradeResult:
        """Place a stop order: ``side`` or ``action`` BUY or SELL, and its price. As a trade."""
        return await self._place(account_id, region, order_data, fields, OrderType.STOP)

    async def modify_position(
        self,
        account_id: str,
        region: str | None = None,
        position_id: str | int | None = None,
        stop_loss: Number | None = None,
        take_profit: Number | None = None,
        *,
        failure_is_false: bool = False,
    ) -> bool:
        """Set a position's protection: None keeps a side as it is, 0 removes it.

        Returns False if it was refused. Raises PlatformError if the pool cannot be reached, and
        with outcome ``unknown`` if what became of it is not known; ``failure_is_false`` answers
        False then, as the older clients did.
        """
        identity = _id("position_id", position_id)
        loss = None if stop_loss is None else exact(stop_loss, "stop_loss")
        profit = None if take_profit is None else exact(take_profit, "take_profit")

        async def modify(on: Platform, environment: str | None) -> TradeResult:
            request = ProtectionRequest(identity, loss, profit, environment)
            return await on.modify_position(account_id, request)

        try:
            return _is_done(await self._trade(account_id, region, modify))
        except PlatformError as error:
            if failure_is_false:
                log.warning("not modified: %s (%s)", error.detail, error.code)
                return False
            raise

    async def close_position(
        self,
        account_id: str,
        region: str | None = None,
        position_id: str | int | None = None,
        volume: Number | None = None,
        *,
        allow_unsynchronized: bool = False,
    ) -> TradeResult:
        """Close a position, or ``volume`` lots of it; ``profit`` is what this close realised.

        ``allow_unsynchronized`` sends it though positions and orders are not read again yet.
        Never raises for what became of it: every failure carries ``error``.
        """
        identity = _id("position_id", position_id)

        async def close(on: Platform, environment: str | None) -> TradeResult:
            request = CloseRequest(identity, lots, environment, allow_unsynchronized)
            return await on.close_position(account_id, request)

        try:
            lots = None if volume is None else exact(volume, "volume")
            return await self._trade(account_id, region, close)
        except PlatformError as error:
            return refusal(error)

    async def close_all_positions(
        self, account_id: str, region: str | None = None, symbol: str | None = None
    ) -> CloseResults:
        """Close all open positions, or those of a symbol, each with its own result.

        Raises PlatformError if the pool cannot be reached; to ask again closes what is left.
        """
        self._routes.require_current()
        environment = self._routes.of(account_id).environment or None
        return await self._read(
            account_id,
            lambda on: on.close_positions(account_id, symbol=symbol, environment=environment),
            region,
        )

    async def cancel_order(
        self,
        account_id: str,
        region: str | None = None,
        order_id: str | int | None = None,
        *,
        allow_unsynchronized: bool = False,
    ) -> bool:
        """Cancel a pending order. Returns False or raises as ``modify_position`` does;
        ``allow_unsynchronized`` as in ``close_position``."""
        identity = _id("order_id", order_id)

        async def cancel(on: Platform, environment: str | None) -> TradeResult:
            return await on.cancel_order(
                account_id,
                identity,
                environment=environment,
                allow_unsynchronized=allow_unsynchronized,
            )

        return _is_done(await self._trade(account_id, region, cancel))

    async def halt(self, account_id: str | None = None, reason: str = "") -> None:
        """Stop an account, or everything, from opening; closing stays allowed.

        Without an account every platform is told, whatever the others say. Raises PlatformError if
        it did not take effect somewhere, or would not outlive a restart.
        """
        await self._tell_each(account_id, lambda on: on.halt(account_id, reason=reason))

    async def resume(self, account_id: str | None = None) -> None:
        """End ``halt``; without an account every halt ends, as ``halt`` does. Raises
        PlatformError."""
        await self._tell_each(account_id, lambda on: on.resume(account_id))

    async def reset_guards(self, account_id: str, by: str = "") -> GuardList:
        """End the latches of an account's loss limits. Raises PlatformError."""
        return await self._read(account_id, lambda on: on.reset_guards(account_id, by=by))

    async def _tell_each(
        self, account_id: str | None, act: Callable[[Platform], Awaitable[object]]
    ) -> None:
        """Do it on the account's platform, or on all at once; then raise what failed, by name."""
        platforms = self._for(account_id)
        _, failures = await self._ask_each(platforms, act)
        if not failures:
            return
        first = next(iter(failures.values()))
        if len(platforms) == 1:
            raise first
        named = "; ".join(f"{name}: {error.detail}" for name, error in failures.items())
        done = [each.name for each in platforms if each.name not in failures]
        raise PlatformError(
            first.status,
            first.code,
            f"not done on {named} (done on {', '.join(done) or 'none'})",
            retryable=any(error.retryable for error in failures.values()),
        ) from first

    async def _place(
        self,
        account_id: str,
        region: str | None,
        data: Mapping[str, Any] | None,
        fields: TradeFields,
        kind: OrderType | None = None,
    ) -> TradeResult:
        if data is not None and fields:
            raise TypeError("give the trade as an object or as keywords, not as both")

        async def execute(on: Platform, environment: str | None) -> TradeResult:
            told = replace(request, environment=request.environment or environment)
            return await on.execute(account_id, told)

        try:
            request = trade_request(fields if data is None else data, kind)
            return await self._trade(account_id, region, execute)
        except PlatformError as error:
            return refusal(error)

    # The same calls under the names of the older clients

    executeTrade = execute_trade
    placeLimitOrder = place_limit_order
    placeStopOrder = place_stop_order
    modifyPosition = modify_position
    closePosition = close_position
    closeAllPositions = close_all_positions
    cancelOrder = cancel_order
    resetGuards = reset_guards


def _id(name: str, value: str | int | None) -> str:
    """Return an id as text. A missing one is a slip in the call, found before anything is sent."""
    if value is None:
        raise TypeError(f"{name} is missing; the order is (account_id, region, {name})")
    return str(value)


def _is_done(result: TradeResult) -> bool:
    """Whether a change took effect. Raises PlatformError if that is not known."""
    if result["success"]:
        return True
    if result["outcome"] == "unknown":
        raise PlatformError(
            504,
            result["code"],
            result["error"],
            retryable=result["retryable"],
            outcome="unknown",
        )
    log.warning("refused: %s (%s)", result["error"], result["code"])
    return False
