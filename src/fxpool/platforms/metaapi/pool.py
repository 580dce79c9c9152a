"""A pool service in front of MetaApi as a way to accounts: its routes, bodies and limits.

Older than our own contract: its order body carries ``region`` and knows neither an order's type
nor its price, it has no pending orders and no cancel, answers trades with a nested ``result``, and
may not honour a partial close. What it cannot do is refused here, before it is sent: an order
whose type is dropped on the way would become a market order.

Source: what callers of that pool send and read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from fxpool.clock import Clock
from fxpool.errors import NoQuote, RequestRefused, SettingsError
from fxpool.mapping.symbol_formats import SymbolSpecification
from fxpool.platforms.metaapi.credits import Credits
from fxpool.platforms.metaapi.http import MetaApiHttp
from fxpool.platforms.metaapi.model import (
    Candle,
    Deal,
    Entity,
    Id,
    Information,
    Instant,
    Order,
    Position,
    Price,
    Specification,
    TradeAnswer,
)
from fxpool.platforms.metaapi.orders import not_supported
from fxpool.platforms.metaapi.records import NOT_TOLD
from fxpool.platforms.metaapi.way import Offers
from fxpool.platforms.path_parts import path_part
from fxpool.platforms.pool_results import is_unsure

T = TypeVar("T")

DEFAULT_COMMENT: Final = "FXTrueUp"
DEFAULT_REGION: Final = "new-york"

_FREE: Final = 1e9
"""Our own pool's neighbours count no credits."""

_OFFERS: Final = Offers(
    "pool",
    orders=False,
    history=False,
    closes=True,
    client_ids=False,
    specifications=False,
    max_comment=31,
)
_PAST: Final = {"days": "7", "limit": "1000"}

_WORDS: Final = (
    ("money", 10019, "TRADE_RETCODE_NO_MONEY"),
    ("margin", 10019, "TRADE_RETCODE_NO_MONEY"),
    ("volume", 10014, "TRADE_RETCODE_INVALID_VOLUME"),
    ("market closed", 10018, "TRADE_RETCODE_MARKET_CLOSED"),
    ("market is closed", 10018, "TRADE_RETCODE_MARKET_CLOSED"),
    ("stops", 10016, "TRADE_RETCODE_INVALID_STOPS"),
    ("position not found", 4753, "ERR_TRADE_POSITION_NOT_FOUND"),
)
"""What that pool's texts mean, in MetaApi's codes; the first that fits."""


class _Positions(Entity, frozen=True):
    positions: list[Position]


class _Trade(Entity, frozen=True):
    """A closed trade; not every pool tells every field."""

    id: Id = ""
    position_id: Id = ""
    symbol: str = ""
    type: str = ""
    volume: Decimal = Decimal(0)
    close_time: Instant | None = None
    close_price: Decimal | None = None
    profit: Decimal = Decimal(0)
    swap: Decimal = Decimal(0)
    commission: Decimal = Decimal(0)
    reason: str | None = None


class _Trades(Entity, frozen=True):
    trades: list[_Trade]


class _Outcome(Entity, frozen=True):
    """A trade's answer: flat, or with its facts in ``result``."""

    success: bool
    result: dict[str, Any] | None = None
    order_id: Id | None = None
    position_id: Id | None = None
    error: str | None = None
    detail: str | None = None
    message: str | None = None
    outcome: str | None = None


class _Done(Entity, frozen=True):
    success: bool = True


class PoolWay:
    """A pool in front of MetaApi."""

    offers = _OFFERS

    def __init__(
        self, url: str, *, regions: Mapping[str, str], clock: Clock, **timing: float
    ) -> None:
        """``regions`` are the configured ones by account; ``timing`` goes to ``MetaApiHttp``.

        Raises SettingsError if ``url`` is not an http or https address.
        """
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"POOL_API_URL {url!r} is not an address: use http://host:port")
        self._url = url.rstrip("/")
        self._regions = regions
        self._http = MetaApiHttp({}, credits=Credits(_FREE, clock=clock), clock=clock, **timing)

    @property
    def requests(self) -> int:
        return self._http.requests

    @property
    def errors(self) -> int:
        return self._http.errors

    async def close(self) -> None:
        await self._http.close()

    async def information(self, account: str) -> Information:
        return await self._get(f"/account/{path_part(account)}", Information, account)

    async def positions(self, account: str) -> Sequence[Position]:
        answer = await self._get(f"/positions/{path_part(account)}", _Positions, account)
        return answer.positions

    async def orders(self, account: str) -> Sequence[Order]:
        raise not_supported("pending orders: this pool does not tell them")

    async def trade(self, account: str, body: Mapping[str, Any]) -> TradeAnswer:
        path, fields = _request_of(body)
        sent = {"account_id": account, "region": self._region(account), **fields}
        return _answer_of(await self._http.trade(f"{self._url}{path}", sent, _Outcome))

    async def price(self, account: str, symbol: str) -> Price:
        """Return the pool's price; one that it does not know is asked to be quoted, for the next
        time. Raises NoQuote then."""
        try:
            return await self._get(f"/prices/{path_part(symbol)}", Price, account)
        except RequestRefused as exc:
            if exc.code != "NOT_FOUND":
                raise
            body = {"symbol": symbol, "account_id": account}
            await self._http.ask(f"{self._url}/streaming/subscribe", body, _Done, cost=0.0)
            raise NoQuote(f"no price is known for {symbol}") from exc

    async def symbols(self, account: str) -> Sequence[str]:
        raise not_supported("the list of symbols: this pool does not tell it")

    async def record(
        self,
        account: str,
        path: str,
        shape: type[T],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> T:
        raise not_supported(NOT_TOLD)

    async def whole_specification(self, account: str, symbol: str) -> SymbolSpecification:
        raise not_supported("the specification of symbols: this pool does not tell it")

    async def specification(self, account: str, symbol: str) -> Specification:
        raise not_supported("the specification of symbols: this pool does not tell it")

    async def deals_of_position(self, account: str, position_id: str) -> Sequence[Deal]:
        """Return how a position closed, from the pool's list of closed trades."""
        path = f"/accounts/{path_part(account)}/trades"
        answer = await self._http.get(f"{self._url}{path}", _Trades, cost=0.0, query=_PAST)
        return [
            _deal_of(trade, trade.close_time)
            for trade in answer.trades
            if str(trade.position_id) == position_id and trade.close_time is not None
        ]

    async def orders_of_ticket(self, account: str, order_id: str) -> Sequence[Order]:
        raise not_supported("orders of the past: this pool does not tell them")

    async def deals(self, account: str, begin: datetime, end: datetime) -> Sequence[Deal]:
        raise not_supported("deals of the past: this pool does not tell them")

    async def past_orders(self, account: str, begin: datetime, end: datetime) -> Sequence[Order]:
        raise not_supported("orders of the past: this pool does not tell them")

    async def candles(
        self, account: str, symbol: str, timeframe: str, begin: datetime, end: datetime
    ) -> Sequence[Candle]:
        raise not_supported("bars: this pool does not tell them")

    async def _get(self, path: str, shape: type[T], account: str) -> T:
        query = {"region": self._region(account)}
        return await self._http.get(f"{self._url}{path}", shape, cost=0.0, query=query)

    def _region(self, account: str) -> str:
        return self._regions.get(account) or DEFAULT_REGION


def _request_of(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the route and the body of a trade. Raises TradeRefused for what it cannot say."""
    match body["actionType"]:
        case "ORDER_TYPE_BUY" | "ORDER_TYPE_SELL" as action:
            _require_only(body, {"symbol", "volume", "stopLoss", "takeProfit", "comment"})
            fields = {
                "symbol": body["symbol"],
                "action": action.removeprefix("ORDER_TYPE_"),
                "volume": body["volume"],
                "comment": body.get("comment") or DEFAULT_COMMENT,
            }
            for name, word in (("stopLoss", "stop_loss"), ("takeProfit", "take_profit")):
                if name in body:
                    fields[word] = body[name]
            return "/trade/execute", fields
        case "POSITION_MODIFY":
            _require_only(body, {"positionId", "stopLoss", "takeProfit"})
            return "/position/modify", {
                "position_id": body["positionId"],
                "stop_loss": body.get("stopLoss", 0),  # MetaTrader's 0 is "none"
                "take_profit": body.get("takeProfit", 0),
            }
        case "POSITION_CLOSE_ID":
            return "/position/close", {"position_id": body["positionId"]}
        case "POSITION_PARTIAL":
            raise not_supported("closing a part: this pool may close the whole position")
        case other:
            raise not_supported(f"{other}: this pool drops the type and the price of orders")


def _require_only(body: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(body.keys() - known - {"actionType"})
    if unknown:
        raise not_supported(f"{', '.join(unknown)}: this pool would drop it")


def _answer_of(told: _Outcome) -> TradeAnswer:
    """Return that pool's answer in MetaApi's codes; a doubtful failure is of unknown outcome."""
    nested = told.result or {}
    if told.success and told.outcome in {None, "executed"}:
        return TradeAnswer(
            numeric_code=10009,
            string_code="TRADE_RETCODE_DONE",
            message=told.message or "",
            order_id=told.order_id or nested.get("orderId"),
            position_id=told.position_id or nested.get("positionId"),
        )
    text = told.detail or told.error or told.message or str(nested.get("error", "refused"))
    low = text.lower()
    is_open = told.success or told.outcome == "unknown"  # "done" beside another word is no answer
    if is_open or (told.outcome is None and is_unsure(text)):
        return TradeAnswer(numeric_code=-11, string_code="OUTCOME_UNKNOWN", message=text)
    for word, code, name in _WORDS:
        if word in low:
            return TradeAnswer(numeric_code=code, string_code=name, message=text)
    return TradeAnswer(numeric_code=10006, string_code="TRADE_RETCODE_REJECT", message=text)


def _deal_of(trade: _Trade, closed_at: datetime) -> Deal:
    side = "SELL" if "BUY" in trade.type else "BUY"
    return Deal(
        id=trade.id or trade.position_id,
        type=f"DEAL_TYPE_{side}",
        time=closed_at,
        profit=trade.profit,
        entry_type="DEAL_ENTRY_OUT",
        symbol=trade.symbol,
        volume=trade.volume,
        price=trade.close_price,
        commission=trade.commission,
        swap=trade.swap,
        position_id=trade.position_id,
        reason=trade.reason or "",
    )
