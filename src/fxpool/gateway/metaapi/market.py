"""Symbols, prices, ticks and bars in MetaApi's paths."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.domain.trades import Side
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import answer
from fxpool.gateway.metaapi.common import (
    ACCOUNT,
    MAX_PAGE,
    in_callers_words,
    metaapi_router,
    number_in,
    time_of,
)
from fxpool.gateway.metaapi.errors import BadParameters
from fxpool.gateway.openapi import metaapi_answers
from fxpool.gateway.routes.common import OnPlatform, query_parameters
from fxpool.gateway.values import Lots, Name, Price
from fxpool.mapping import metaapi_rows as rows
from fxpool.mapping.formats import PriceInfo
from fxpool.mapping.metaapi_formats import (
    MetaApiBook,
    MetaApiCandle,
    MetaApiMargin,
    MetaApiPrice,
    MetaApiSpecification,
    MetaApiTick,
)
from fxpool.platforms.base import Platform, PlatformError
from fxpool.platforms.past import MAX_TICKS, MAX_TICKS_SPAN
from fxpool.platforms.records import MarginQuestion

router = metaapi_router()

SYMBOL: Final = ACCOUNT + "/symbols/{symbol:path}"
HISTORICAL: Final = ACCOUNT + "/historical-market-data/symbols/{symbol:path}"

FIRST_PRICE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.02

_UNIT_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mn": 2_678_400}
_LENGTHS: Final = {
    f"{count}{unit}": timedelta(seconds=count * _UNIT_SECONDS[unit])
    for unit, counts in {
        "m": (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30),
        "h": (1, 2, 3, 4, 6, 8, 12),
        "d": (1,),
        "w": (1,),
        "mn": (1,),
    }.items()
    for count in counts
}
"""MetaApi's timeframes, and how long a bar of each is at most."""

_WITHOUT_TRADING: Final = timedelta(days=4)
"""A long weekend, in which there are no bars."""


class MarginBody(BaseModel):
    """An order whose margin is asked for. ``openPrice`` is read for completeness: brokers of
    cTrader compute margins at the market."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    symbol: Name
    type: Literal["ORDER_TYPE_BUY", "ORDER_TYPE_SELL"]
    volume: Lots
    open_price: Price = Field(alias="openPrice")

    def question(self) -> MarginQuestion:
        side = Side.BUY if self.type == "ORDER_TYPE_BUY" else Side.SELL
        return MarginQuestion(self.symbol, side, self.volume, self.open_price)


_INSTANT: Final = timedelta(milliseconds=1)
_TICKS_BACK: Final = timedelta(days=1)


@router.get(f"{ACCOUNT}/symbols", responses=metaapi_answers(list[str]))
@performs(Operation.READ)
async def list_symbols(account_id: str, platform: OnPlatform) -> Response:
    """The names of all symbols that may be traded."""
    return answer((await platform.symbols(account_id))["symbols"])


@router.get(f"{SYMBOL}/specification", responses=metaapi_answers(MetaApiSpecification))
@performs(Operation.READ)
async def read_specification(account_id: str, symbol: str, platform: OnPlatform) -> Response:
    """What may be traded of a symbol; what is not known is left out."""
    return answer(rows.specification(await platform.symbol_specification(account_id, symbol)))


@router.get(f"{SYMBOL}/current-price", responses=metaapi_answers(MetaApiPrice))
@performs(Operation.READ)
async def read_price(account_id: str, symbol: str, platform: OnPlatform) -> Response:
    """The newest quote; the symbol is quoted from now on."""
    found = await _price(platform, account_id, symbol)
    with in_callers_words():
        return answer(rows.price(found))


@router.get(f"{SYMBOL}/current-tick", responses=metaapi_answers(MetaApiTick))
@performs(Operation.READ)
async def read_tick(account_id: str, symbol: str, platform: OnPlatform) -> Response:
    """The newest quote as a tick."""
    return answer(rows.current_tick(await _price(platform, account_id, symbol)))


@router.get(f"{SYMBOL}/current-book", responses=metaapi_answers(MetaApiBook))
@performs(Operation.READ)
async def read_book(account_id: str, symbol: str, platform: OnPlatform) -> Response:
    """What is offered and wanted at which price now, dearest first."""
    return answer(await platform.depth(account_id, symbol))


@router.post(
    f"{ACCOUNT}/calculate-margin",
    responses=metaapi_answers(MetaApiMargin),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": MarginBody.model_json_schema()}},
        }
    },
)
@performs(Operation.READ)
async def calculate_margin(account_id: str, request: Request, platform: OnPlatform) -> Response:
    """The margin that an order would use at the market, in the account's currency."""
    try:
        body = MarginBody.model_validate(await request.json())
    except ValidationError as exc:
        found = {".".join(map(str, e["loc"])) or "body": e["msg"] for e in exc.errors()}
        raise BadParameters(found) from exc
    return answer(await platform.order_margin(account_id, body.question()))


@router.get(f"{SYMBOL}/current-candles/{{timeframe}}", responses=metaapi_answers(MetaApiCandle))
@performs(Operation.READ)
async def read_candle(
    account_id: str, symbol: str, timeframe: str, request: Request, platform: OnPlatform
) -> Response:
    """The bar that goes on now, or the last one there was."""
    now = request.app.clock.at()
    candles = await _candles(platform, (account_id, symbol), timeframe, now, limit=1)
    if not candles:
        raise PlatformError(404, "NO_BARS", f"no bars of {symbol} are known")
    return answer(candles[-1])


@router.get(
    f"{HISTORICAL}/timeframes/{{timeframe}}/candles",
    responses=metaapi_answers(list[MetaApiCandle]),
    openapi_extra=query_parameters(
        startTime="ISO time of the newest bar; default now",
        limit="how many bars, back from there; default and most 1000",
    ),
)
@performs(Operation.READ)
async def read_candles(
    account_id: str, symbol: str, timeframe: str, request: Request, platform: OnPlatform
) -> Response:
    """Bars back from ``startTime``, oldest first."""
    start = request.query_params.get("startTime")
    newest = request.app.clock.at() if start is None else time_of("startTime", start)
    limit = number_in(request, "limit", MAX_PAGE, least=1, most=MAX_PAGE)
    return answer(await _candles(platform, (account_id, symbol), timeframe, newest, limit=limit))


@router.get(
    f"{HISTORICAL}/ticks",
    responses=metaapi_answers(list[MetaApiTick]),
    openapi_extra=query_parameters(
        startTime="ISO time of the oldest tick; default a day ago",
        offset="how many to leave out; default 0",
        limit="how many ticks, on from there; default and most 1000",
    ),
)
@performs(Operation.READ)
async def read_ticks(
    account_id: str, symbol: str, request: Request, platform: OnPlatform
) -> Response:
    """Ticks on from ``startTime``, oldest first; each has the side that changed."""
    start, now = request.query_params.get("startTime"), request.app.clock.at()
    begin = now - _TICKS_BACK if start is None else time_of("startTime", start)
    offset = number_in(request, "offset", 0, least=0, most=MAX_TICKS - MAX_PAGE)
    limit = number_in(request, "limit", MAX_PAGE, least=1, most=MAX_PAGE)
    if begin >= now:
        raise BadParameters({"startTime": "send a time of the past"})
    end = min(now, begin + MAX_TICKS_SPAN)
    found = await platform.ticks(
        account_id, symbol, begin=begin, end=end, limit=offset + limit, order="asc"
    )
    return answer([rows.past_tick(tick, found["symbol"]) for tick in found["ticks"][offset:]])


async def _candles(
    platform: Platform, of: tuple[str, str], timeframe: str, newest: datetime, *, limit: int
) -> Sequence[MetaApiCandle]:
    """Return the last ``limit`` bars that open up to ``newest``, oldest first."""
    length = _LENGTHS.get(timeframe)
    if length is None:
        raise BadParameters({"timeframe": f"send one of {', '.join(_LENGTHS)}"})
    account, symbol = of
    end = newest + _INSTANT
    begin = end - limit * length - _WITHOUT_TRADING
    found = await platform.bars(account, symbol, timeframe, begin=begin, end=end)
    return [rows.candle(bar, found["symbol"], timeframe) for bar in found["bars"][-limit:]]


async def _price(platform: Platform, account: str, symbol: str) -> PriceInfo:
    """Return the newest quote, having the symbol quoted if it is not.

    Raises PlatformError: 504 if no quote comes.
    """
    try:
        return await platform.price(symbol, account)
    except PlatformError as error:
        if error.code != "PRICE_NOT_FOUND":
            raise
    await platform.subscribe_symbol(symbol, account)
    try:
        async with asyncio.timeout(FIRST_PRICE_SECONDS):
            while True:
                try:
                    return await platform.price(symbol, account)
                except PlatformError as error:
                    if error.code != "PRICE_NOT_FOUND":
                        raise
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        text = f"no price of {symbol} came within {FIRST_PRICE_SECONDS:g} s"
        raise PlatformError(504, "NO_QUOTES", text, retryable=True) from None
