"""MetaApiPool: a pool service in front of MetaApi as the older clients call it, as a Platform.

Nothing is kept and nothing is journaled here: one call, one request. Its order body knows neither
an order's type nor its price, so whatever is no plain market order is refused before it is sent: on
that pool it would become a market order. It pushes nothing, so its events are polled (see
``metaapi_poll``).

Source: what the older MetaApi pool client sends and reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Any, Final, cast

from fxpool.client.metaapi_absent import AbsentCalls
from fxpool.client.metaapi_answers import (
    flat_result,
    position_row,
    refuse,
    refused,
    unsaid,
    unusable,
    with_margin_words,
)
from fxpool.client.metaapi_poll import PolledAccounts
from fxpool.client.routes import DEFAULT_REGION, AccountRoute
from fxpool.clock import Clock
from fxpool.errors import SettingsError
from fxpool.mapping import formats, pool_formats
from fxpool.mapping.history_formats import (
    AccountMetrics,
    DailyGrowth,
    OpenTrades,
    RiskStatus,
    SymbolStats,
    TradeHistory,
)
from fxpool.mapping.instants import iso
from fxpool.platforms.base import (
    CloseRequest,
    PlatformError,
    ProtectionRequest,
    Subscription,
    TradeRequest,
)
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import EventFilter
from fxpool.platforms.past import SortOrder
from fxpool.platforms.path_parts import path_part
from fxpool.platforms.remote_http import PoolHttp

DEFAULT_URL: Final = "http://localhost:8086"
DEFAULT_COMMENT: Final = "FXTrueUp"

_MARKET: Final = {
    "BUY": "BUY",
    "SELL": "SELL",
    "ORDER_TYPE_BUY": "BUY",
    "ORDER_TYPE_SELL": "SELL",
}


class MetaApiPool(AbsentCalls):
    """A pool in front of MetaApi; implements ``platforms.base.Platform``."""

    name = "metaapi"

    def __init__(
        self,
        url: str,
        *,
        accounts: Callable[[], Iterable[AccountRoute]],
        clock: Clock,
        poll_seconds: float = 5.0,
        timeout: float = 30.0,
    ) -> None:
        """``accounts`` are those to tell events of where none are named; ``poll_seconds`` is how
        often they are read then. Raises SettingsError if ``url`` is no address."""
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"POOL_API_URL {url!r} is not an address: use http://host:port")
        self._http = PoolHttp(url.rstrip("/"), {}, timeout=timeout)
        self._region = DEFAULT_REGION
        self._clock = clock
        self._polled = PolledAccounts(
            url.rstrip("/"), accounts, clock=clock, poll_seconds=poll_seconds
        )

    def hosted_in(self, region: str) -> MetaApiPool:
        """Return the same pool for accounts that MetaApi hosts in a region."""
        if region == self._region:
            return self
        other = copy(self)
        other._region = region  # noqa: SLF001 (a copy of ourselves)
        return other

    async def open(self) -> None:
        """Do nothing: the pool is reached by the first call."""

    async def close(self) -> None:
        """End all polling and connections."""
        await self._polled.close()
        await self._http.close()

    def key_of(self, account: str) -> str:
        """Return the name as it is: only the pool knows what it means."""
        return account

    # Reads

    async def accounts_summary(self) -> dict[str, pool_formats.AccountSummary]:
        rows = await self._get("/accounts/summary", dict[str, dict[str, Any]])
        return cast("dict[str, pool_formats.AccountSummary]", rows)

    async def account_information(
        self, account: str, *, environment: str | None = None
    ) -> formats.AccountInformation:
        row = await self._get(f"/account/{path_part(account)}", dict[str, Any], region=self._region)
        for field in ("balance", "equity"):
            if not isinstance(row.get(field), int | float):
                raise unusable(f"account {account} without {field}")
        known = {"id": account, "platform": "metaapi"}
        return cast("formats.AccountInformation", known | row)

    async def positions(self, account: str) -> formats.PositionList:
        answer = await self._get(
            f"/positions/{path_part(account)}", dict[str, Any] | list[Any], region=self._region
        )
        rows = answer if isinstance(answer, list) else answer.get("positions")
        if not isinstance(rows, list):
            raise unusable("getPositions without a list")
        return formats.PositionList(
            account_id=account,
            positions=[position_row(row, account) for row in rows],
            count=len(rows),
            synchronized=True,
            asOf=iso(self._clock.at()),
        )

    async def metrics(self, account: str) -> AccountMetrics:
        return cast("AccountMetrics", await self._of_account(account, "metrics"))

    async def trades(
        self,
        account: str,
        *,
        days: int = 30,
        limit: int = 100,
        include_balance: bool = False,
        order: SortOrder = "desc",
    ) -> TradeHistory:
        if include_balance or order != "desc":
            refuse("balance operations and another order of trades")
        answer = await self._of_account(account, "trades", days=str(days), limit=str(limit))
        return cast("TradeHistory", answer)

    async def daily_growth(self, account: str, *, days: int = 30) -> DailyGrowth:
        answer = await self._of_account(account, "daily-growth", days=str(days))
        return cast("DailyGrowth", answer)

    async def symbol_stats(self, account: str, symbol: str) -> SymbolStats:
        answer = await self._of_account(account, f"symbol-stats/{path_part(symbol)}")
        return cast("SymbolStats", answer)

    async def risk_status(self, account: str) -> RiskStatus:
        return cast("RiskStatus", await self._of_account(account, "risk-status"))

    async def open_trades(self, account: str) -> OpenTrades:
        return cast("OpenTrades", await self._of_account(account, "open-trades"))

    async def pool_stats(self) -> pool_formats.PoolStats:
        return cast("pool_formats.PoolStats", await self._get("/pool/stats", dict[str, Any]))

    async def health(self) -> pool_formats.Health:
        """Return the word at ``/``, where that pool has it."""
        answer = await self._get("/", dict[str, Any])
        if not isinstance(answer.get("status"), str):
            raise unusable("health without a status")
        return cast("pool_formats.Health", answer)

    # Trading

    async def execute(self, account: str, request: TradeRequest) -> formats.TradeResult:
        action = _MARKET.get(request.action.upper())
        unknown = unsaid(request)
        if action is None:
            return refused(f"{request.action}: this pool drops the type and the price of orders")
        if unknown or request.volume is None:
            return refused(f"{', '.join(unknown) or 'volume'}: this pool would drop it")
        body = {
            "symbol": request.symbol,
            "action": action,
            "volume": request.volume,
            "stop_loss": request.stop_loss,
            "take_profit": request.take_profit,
            "comment": request.comment or DEFAULT_COMMENT,
        }
        return await self._send("/trade/execute", account, body, is_repeatable=False)

    async def modify_position(
        self, account: str, request: ProtectionRequest
    ) -> formats.TradeResult:
        """Set protection. That pool sets both sides at once, so the side that stays is read first
        and sent again."""
        sides = {"stop_loss": request.stop_loss, "take_profit": request.take_profit}
        body: dict[str, Any] = {"position_id": request.position_id} | sides
        if None in sides.values():
            position = await self._position(account, request.position_id)
            if position is None:
                return refused(f"position not found: {request.position_id}", "POSITION_NOT_FOUND")
            for side, present in (("stop_loss", "stopLoss"), ("take_profit", "takeProfit")):
                if sides[side] is None:
                    body[side] = position.get(present) or 0
        return await self._send("/position/modify", account, body, is_repeatable=True)

    async def _position(self, account: str, position_id: str) -> formats.PositionInfo | None:
        found = (await self.positions(account))["positions"]
        return next((row for row in found if row["id"] == position_id), None)

    async def close_position(self, account: str, request: CloseRequest) -> formats.TradeResult:
        if request.volume is not None:
            return refused("closing a part: this pool may close the whole position")
        body = {"position_id": request.position_id}
        return await self._send("/position/close", account, body, is_repeatable=True)

    async def _send(
        self, path: str, account: str, fields: Mapping[str, Any], *, is_repeatable: bool
    ) -> formats.TradeResult:
        body = {"account_id": account, "region": self._region, **fields}
        try:
            return await self._http.trade(
                path, body, is_repeatable=is_repeatable, shape=dict[str, Any], read=flat_result
            )
        except PlatformError as error:
            error.detail = with_margin_words(error.detail)
            raise

    # Prices and events

    async def price(self, symbol: str, account: str | None = None) -> formats.PriceInfo:
        row = await self._get(f"/prices/{path_part(symbol)}", dict[str, Any])
        if not all(isinstance(row.get(side), int | float) for side in ("bid", "ask")):
            raise PlatformError(404, "NO_QUOTE", f"no price is known for {symbol}")
        return cast("formats.PriceInfo", {"symbol": symbol, "stale": False} | row)

    async def prices(self) -> dict[str, formats.PriceInfo]:
        return cast("dict[str, formats.PriceInfo]", await self._get("/prices", dict[str, Any]))

    async def subscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        body = {"symbol": symbol, "account_id": account}
        answer = await self._http.post("/streaming/subscribe", body, dict[str, Any])
        self._polled.watch(symbol, account)
        return formats.SubscriptionResult(
            success=answer.get("success") is True,
            symbol=symbol,
            accounts=[account] if account else [],
            failed={},
        )

    async def unsubscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        self._polled.unwatch(symbol, account)
        refuse("ending a subscription")

    async def initialize_streaming(self, account: str) -> formats.StreamingState:
        body = {"account_id": account, "region": self._region}
        answer = await self._http.post("/streaming/initialize", body, dict[str, Any])
        return formats.StreamingState(
            success=answer.get("success") is True,
            account_id=account,
            synchronized=answer.get("success") is True,
            positions=int(answer.get("positions") or 0),
        )

    async def register_reconnection_callback(self, callback_id: str) -> None:
        """Tell the pool of a callback, as the older client did. Raises PlatformError."""
        body = {"callback_id": callback_id}
        await self._http.post("/streaming/register-reconnection-callback", body, dict[str, Any])

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> Subscription:
        """Return a stream of what polling shows; nothing before it can be told."""
        return self._polled.subscribe(wanted or EventFilter(), self._region)

    # Small parts

    async def _get(self, path: str, shape: Any, **query: str) -> Any:
        return await self._http.get(path, shape, query)

    async def _of_account(self, account: str, what: str, **query: str) -> dict[str, Any]:
        path = f"/accounts/{path_part(account)}/{what}"
        return cast("dict[str, Any]", await self._get(path, dict[str, Any], **query))
