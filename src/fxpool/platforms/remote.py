"""RemotePlatform: another pool's HTTP API and event stream as a Platform.

A table of routes and bodies and no more: what a call may mean when it fails is in
``remote_http``, how the stream stays true is in ``remote_stream``.

Source: the routes of ``gateway``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, TypedDict, TypeVar
from weakref import WeakSet

from fxpool.clock import Clock, SystemClock
from fxpool.domain.order_keys import order_key
from fxpool.domain.protection import Units
from fxpool.errors import SettingsError
from fxpool.mapping.formats import (
    AccountInformation,
    CloseResults,
    GuardList,
    HaltState,
    OrderList,
    PositionList,
    PriceInfo,
    StreamingState,
    SubscriptionResult,
    TicketInfo,
    TicketList,
    TradeResult,
)
from fxpool.mapping.order_words import VolumeUnits
from fxpool.mapping.pool_formats import AccountListing, AccountSummary, Health, PoolStats
from fxpool.mapping.symbol_formats import SymbolList, SymbolMapping, SymbolSpecification
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import EventFilter
from fxpool.platforms.path_parts import path_part
from fxpool.platforms.remote_http import PoolHttp
from fxpool.platforms.remote_past import RemotePast
from fxpool.platforms.remote_records import RemoteRecords
from fxpool.platforms.remote_stream import RemoteSubscription

T = TypeVar("T")

DEFAULT_TIMEOUT: Final = 30.0


class _ResetAnswer(TypedDict):
    success: bool
    message: str
    connections: int


class RemotePlatform(RemotePast, RemoteRecords):
    """A Platform that another process serves over HTTP and WebSocket."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        name: str = "ctrader",
        timeout: float = DEFAULT_TIMEOUT,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        """Prepare; nothing is sent before the first call.

        ``timeout`` is in seconds. ``chance`` spreads the attempts to reconnect.
        Raises SettingsError if ``base_url`` is not an http or https address.
        """
        if not base_url.startswith(("http://", "https://")):
            raise SettingsError(f"{base_url!r} is not a pool's address: use http://host:port")
        self._name = name
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = PoolHttp(self._base_url, self._headers, timeout=timeout)
        self._clock = clock or SystemClock()
        self._chance = chance or random.SystemRandom()
        self._subscriptions: WeakSet[RemoteSubscription] = WeakSet()

    @property
    def name(self) -> str:
        return self._name

    @property
    def base_url(self) -> str:
        """The pool's address without a trailing slash."""
        return self._base_url

    async def open(self) -> None:
        """Do nothing: a pool that restarts is reached by the first call after that."""

    async def close(self) -> None:
        """End all streams and connections."""
        for subscription in tuple(self._subscriptions):
            await subscription.close()
        await self._http.close()

    def key_of(self, account: str) -> str:
        """Return the name as it is: only the pool knows what it means."""
        return account

    async def accounts(self) -> dict[str, AccountListing]:
        return await self._get("/accounts", dict[str, AccountListing])

    async def accounts_summary(self) -> dict[str, AccountSummary]:
        return await self._get("/accounts/summary", dict[str, AccountSummary])

    async def account_information(
        self, account: str, *, environment: str | None = None
    ) -> AccountInformation:
        return await self._get(
            f"/account/{path_part(account)}", AccountInformation, environment=environment
        )

    async def positions(self, account: str) -> PositionList:
        return await self._get(f"/positions/{path_part(account)}", PositionList)

    async def orders(self, account: str) -> OrderList:
        return await self._get(f"/orders/{path_part(account)}", OrderList)

    async def execute(self, account: str, request: TradeRequest) -> TradeResult:
        body = {
            "account_id": account,
            "environment": request.environment,
            "symbol": request.symbol,
            "actionType": request.action,
            "volume": request.volume,
            "openPrice": request.open_price,
            "stopLoss": request.stop_loss,
            "takeProfit": request.take_profit,
            "comment": request.comment,
            "clientId": request.client_id,
            "expiration": request.expiration,
            "volumeUnits": _unless(VolumeUnits.LOTS, request.volume_units),
            "riskPercent": request.risk_percent,
            "stopLimitPrice": request.stop_limit_price,
            "slippagePoints": request.slippage_points,
            "basePrice": request.base_price,
            "stopLossUnits": _unless(Units.PRICE, request.stop_loss_units),
            "takeProfitUnits": _unless(Units.PRICE, request.take_profit_units),
            "trailingStopLoss": request.trailing_stop_loss or None,
            "guaranteedStopLoss": request.guaranteed_stop_loss or None,
            "timeInForce": request.time_in_force.name if request.time_in_force else None,
            "idempotencyKey": request.idempotency_key,
            "allowUnsynchronized": request.allow_unsynchronized or None,
        }
        is_keyed = order_key(request.idempotency_key, request.comment) is not None
        return await self._http.trade("/trade/execute", body, is_repeatable=is_keyed)

    async def modify_position(self, account: str, request: ProtectionRequest) -> TradeResult:
        body = {
            "account_id": account,
            "environment": request.environment,
            "position_id": request.position_id,
            "stop_loss": request.stop_loss,
            "take_profit": request.take_profit,
            "stopLossUnits": _unless(Units.PRICE, request.stop_loss_units),
            "takeProfitUnits": _unless(Units.PRICE, request.take_profit_units),
            "trailingStopLoss": request.trailing_stop_loss,
            "guaranteedStopLoss": request.guaranteed_stop_loss,
        }
        return await self._http.trade("/position/modify", body, is_repeatable=True)

    async def close_position(self, account: str, request: CloseRequest) -> TradeResult:
        body = {
            "account_id": account,
            "environment": request.environment,
            "position_id": request.position_id,
            "volume": request.volume,
            "allowUnsynchronized": request.allow_unsynchronized or None,
        }
        # A second full close finds the position gone; a second partial close takes more of it.
        is_repeatable = request.volume is None
        return await self._http.trade("/position/close", body, is_repeatable=is_repeatable)

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> CloseResults:
        path = "/positions/close-all" if symbol is None else "/positions/close-symbol"
        body = {"account_id": account, "environment": environment, "symbol": symbol}
        return await self._http.post(path, body, CloseResults)

    async def halt(self, account: str | None = None, *, reason: str = "") -> HaltState:
        path = "/halt" if account is None else f"/accounts/{path_part(account)}/halt"
        return await self._http.post(path, {"reason": reason}, HaltState)

    async def resume(self, account: str | None = None) -> HaltState:
        path = "/resume" if account is None else f"/accounts/{path_part(account)}/resume"
        return await self._http.post(path, {}, HaltState)

    async def guards(self, account: str) -> GuardList:
        return await self._get(f"/accounts/{path_part(account)}/guards", GuardList)

    async def reset_guards(self, account: str, *, by: str = "") -> GuardList:
        path = f"/accounts/{path_part(account)}/guards/reset"
        return await self._http.post(path, {"by": by}, GuardList)

    async def modify_order(self, account: str, change: OrderChange) -> TradeResult:
        body = {
            "account_id": account,
            "environment": change.environment,
            "order_id": change.order_id,
            "openPrice": change.open_price,
            "volume": change.volume,
            "stopLoss": change.stop_loss,
            "takeProfit": change.take_profit,
            "expiration": change.expiration,
            "volumeUnits": _unless(VolumeUnits.LOTS, change.volume_units),
            "stopLossUnits": _unless(Units.PRICE, change.stop_loss_units),
            "takeProfitUnits": _unless(Units.PRICE, change.take_profit_units),
            "trailingStopLoss": change.trailing_stop_loss,
            "guaranteedStopLoss": change.guaranteed_stop_loss,
        }
        return await self._http.trade("/order/modify", body, is_repeatable=True)

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> TradeResult:
        body = {
            "account_id": account,
            "environment": environment,
            "order_id": order_id,
            "allowUnsynchronized": allow_unsynchronized or None,
        }
        return await self._http.trade("/order/cancel", body, is_repeatable=True)

    async def tickets(self, account: str | None = None, state: str | None = None) -> TicketList:
        return await self._get("/tickets", TicketList, account_id=account, state=state)

    async def ticket(self, ticket_id: str) -> TicketInfo:
        return await self._get(f"/tickets/{path_part(ticket_id)}", TicketInfo)

    async def wait_ticket(self, ticket_id: str, timeout: float) -> TicketInfo:
        path = f"/tickets/{path_part(ticket_id)}/wait"
        return await self._get(path, TicketInfo, timeout=f"{timeout:g}")

    async def price(self, symbol: str, account: str | None = None) -> PriceInfo:
        return await self._get(f"/prices/{path_part(symbol)}", PriceInfo, account_id=account)

    async def prices(self) -> dict[str, PriceInfo]:
        return await self._get("/prices", dict[str, PriceInfo])

    async def subscribe_symbol(self, symbol: str, account: str | None = None) -> SubscriptionResult:
        body = {"symbol": symbol, "account_id": account}
        return await self._http.post("/streaming/subscribe", body, SubscriptionResult)

    async def unsubscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> SubscriptionResult:
        body = {"symbol": symbol, "account_id": account}
        return await self._http.post("/streaming/unsubscribe", body, SubscriptionResult)

    async def initialize_streaming(self, account: str) -> StreamingState:
        return await self._http.post(
            "/streaming/initialize", {"account_id": account}, StreamingState
        )

    async def register_reconnection_callback(self, callback_id: str) -> None:
        """Tell the pool of a callback by name; the reconnects themselves are events."""
        body = {"callback_id": callback_id}
        path = "/streaming/register-reconnection-callback"
        await self._http.post(path, body, dict[str, Any])

    async def symbols(self, account: str) -> SymbolList:
        return await self._get(f"/accounts/{path_part(account)}/symbols", SymbolList)

    async def symbol_specification(self, account: str, symbol: str) -> SymbolSpecification:
        path = f"/accounts/{path_part(account)}/symbols/{path_part(symbol)}/specification"
        return await self._get(path, SymbolSpecification)

    async def symbol_mapping(self, symbol: str, account: str | None = None) -> SymbolMapping:
        return await self._get(
            f"/symbols/mapping/{path_part(symbol)}", SymbolMapping, account_id=account
        )

    async def pool_stats(self) -> PoolStats:
        return await self._get("/pool/stats", PoolStats)

    async def health(self) -> Health:
        return await self._get("/health", Health)

    async def reset_connections(self) -> int:
        answer = await self._http.post("/connections/reset", {}, _ResetAnswer)
        return answer["connections"]

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> RemoteSubscription:
        """Return a stream that connects when it is entered or first read."""
        subscription = RemoteSubscription(
            self._base_url,
            self._headers,
            wanted or EventFilter(),
            clock=self._clock,
            chance=self._chance,
            resume=resume,
        )
        self._subscriptions.add(subscription)
        return subscription

    async def _get(self, path: str, shape: type[T], **query: str | None) -> T:
        return await self._http.get(path, shape, query)

    async def _post(self, path: str, body: Mapping[str, Any], shape: type[T]) -> T:
        return await self._http.post(path, body, shape)


def _unless(usual: Enum, value: Enum) -> str | None:
    """Return a word to send; what is usual is left out."""
    return None if value is usual else str(value.value)
