"""An account's past: metrics, trades, growth, symbol statistics, risk and bars."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import answer
from fxpool.gateway.history_queries import (
    BarsQuery,
    GrowthQuery,
    ReportQuery,
    TicksQuery,
    TradesQuery,
    reader_of,
)
from fxpool.gateway.openapi import answers, report_answers
from fxpool.gateway.report_forms import accepted_form, report_answer
from fxpool.gateway.routes.common import OnPlatform, new_router, query_parameters
from fxpool.mapping.history_formats import (
    AccountMetrics,
    BarList,
    DailyGrowth,
    OpenTrades,
    RiskStatus,
    SymbolStats,
    TickList,
    TradeHistory,
)
from fxpool.mapping.report_formats import AccountReport
from fxpool.reports import LIMITS

router = new_router("history")

_DAYS = "how many days back; default 30"


@router.get("/accounts/{account_id}/metrics", responses=answers(AccountMetrics))
@performs(Operation.READ)
async def read_metrics(account_id: str, platform: OnPlatform) -> Response:
    """What all trades came to; a ratio that cannot be computed is null."""
    return answer(await platform.metrics(account_id))


@router.get(
    "/accounts/{account_id}/trades",
    responses=answers(TradeHistory),
    openapi_extra=query_parameters(
        days=_DAYS,
        limit="how many at most, the newest; default 100",
        includeBalance="true: deposits and withdrawals too",
        order="desc (newest first) or asc",
    ),
)
@performs(Operation.READ)
async def read_trades(
    account_id: str,
    query: Annotated[TradesQuery, Depends(reader_of(TradesQuery))],
    platform: OnPlatform,
) -> Response:
    """Closed trades, one row per closed part of a position."""
    return answer(
        await platform.trades(
            account_id,
            days=query.days,
            limit=query.limit,
            include_balance=query.include_balance,
            order=query.order,
        )
    )


@router.get(
    "/accounts/{account_id}/daily-growth",
    responses=answers(DailyGrowth),
    openapi_extra=query_parameters(days=_DAYS),
)
@performs(Operation.READ)
async def read_daily_growth(
    account_id: str,
    query: Annotated[GrowthQuery, Depends(reader_of(GrowthQuery))],
    platform: OnPlatform,
) -> Response:
    """Balance and result of every UTC day, oldest first."""
    return answer(await platform.daily_growth(account_id, days=query.days))


@router.get("/accounts/{account_id}/symbol-stats/{symbol:path}", responses=answers(SymbolStats))
@performs(Operation.READ)
async def read_symbol_stats(account_id: str, symbol: str, platform: OnPlatform) -> Response:
    """What trades on one symbol came to in the last 90 days."""
    return answer(await platform.symbol_stats(account_id, symbol))


@router.get("/accounts/{account_id}/risk-status", responses=answers(RiskStatus))
@performs(Operation.READ)
async def read_risk_status(account_id: str, platform: OnPlatform) -> Response:
    """Loss of the day and fall from the peak; 503 while they are not known, never "low"."""
    return answer(await platform.risk_status(account_id))


@router.get("/accounts/{account_id}/open-trades", responses=answers(OpenTrades))
@performs(Operation.READ)
async def read_open_trades(account_id: str, platform: OnPlatform) -> Response:
    """All open positions."""
    return answer(await platform.open_trades(account_id))


@router.get(
    "/accounts/{account_id}/report",
    responses=report_answers(AccountReport),
    openapi_extra=query_parameters(
        days="how many UTC days up to the end; default 30",
        limit="how many closings at most, the newest",
        format="json, html or csv; without it the Accept header decides",
        **{"from": "ISO time or epoch milliseconds", "to": "the same; default now"},
    ),
)
@performs(Operation.READ)
async def read_report(
    account_id: str,
    request: Request,
    query: Annotated[ReportQuery, Depends(reader_of(ReportQuery))],
    platform: OnPlatform,
) -> Response:
    """What the account did in a period, as JSON, one HTML page, or CSV."""
    form = query.form or accepted_form(request.headers.get("accept", ""))
    report = await platform.report(
        account_id,
        begin=query.begin,
        end=query.end,
        days=query.days,
        limit=query.limit or LIMITS[form],
    )
    return await asyncio.to_thread(report_answer, report, form)


@router.get(
    "/accounts/{account_id}/bars/{symbol:path}",
    responses=answers(BarList),
    openapi_extra=query_parameters(
        timeframe="1m 5m 15m 30m 1h 4h 1d 1w 1M and all others of MetaApi; default 1h",
        **{"from": "ISO time or epoch milliseconds", "to": "the same; default now"},
    ),
)
@performs(Operation.READ)
async def read_bars(
    account_id: str,
    symbol: str,
    query: Annotated[BarsQuery, Depends(reader_of(BarsQuery))],
    platform: OnPlatform,
) -> Response:
    """Bars of bid prices that open from ``from`` up to, not including, ``to``."""
    return answer(
        await platform.bars(account_id, symbol, query.timeframe, begin=query.begin, end=query.end)
    )


@router.get(
    "/accounts/{account_id}/ticks/{symbol:path}",
    responses=answers(TickList),
    openapi_extra=query_parameters(
        type="bid, ask or both (each row has the side that changed); default both",
        limit="how many at most, up to 10000; default 1000",
        order="desc: the newest, newest first; asc: the oldest, oldest first",
        **{"from": "ISO time or epoch milliseconds; default a day before", "to": "default now"},
    ),
)
@performs(Operation.READ)
async def read_ticks(
    account_id: str,
    symbol: str,
    query: Annotated[TicksQuery, Depends(reader_of(TicksQuery))],
    platform: OnPlatform,
) -> Response:
    """Single changes of bid and ask from ``from`` up to, not including, ``to``."""
    return answer(
        await platform.ticks(
            account_id,
            symbol,
            kind=query.kind,
            begin=query.begin,
            end=query.end,
            limit=query.limit,
            order=query.order,
        )
    )
