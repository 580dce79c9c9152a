"""MetaStats: metrics, closed trades and open trades of an account in MetaApi's paths."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import answer
from fxpool.gateway.history_queries import MAX_DAYS, MAX_TRADES
from fxpool.gateway.metaapi.common import (
    ACCOUNT,
    in_callers_words,
    metaapi_router,
    page_of,
    time_of,
)
from fxpool.gateway.metaapi.errors import BadParameters
from fxpool.gateway.openapi import metaapi_answers
from fxpool.gateway.routes.common import OnPlatform, query_parameters
from fxpool.mapping import metastats
from fxpool.mapping.metastats_formats import (
    MetaStatsMetricsAnswer,
    MetaStatsOpenTradesAnswer,
    MetaStatsTrade,
    MetaStatsTradesAnswer,
)
from fxpool.platforms.base import Platform

router = metaapi_router()

_BROKER_TIME: Final = "%Y-%m-%d %H:%M:%S.%f"


@router.get(
    f"{ACCOUNT}/metrics",
    responses=metaapi_answers(MetaStatsMetricsAnswer),
    openapi_extra=query_parameters(
        includeOpenPositions="true is refused while positions are open; default false"
    ),
)
@performs(Operation.READ)
async def read_metrics(account_id: str, request: Request, platform: OnPlatform) -> Response:
    """What all closed trades of an account came to, and its days."""
    found = await platform.metrics(account_id)
    growth = await platform.daily_growth(account_id, days=_days(found["period_days"]))
    told = metastats.metrics(found, growth)
    if request.query_params.get("includeOpenPositions", "false").lower() == "true":
        if (await platform.open_trades(account_id))["count"]:
            why = "positions are open, and only closed trades are counted here: leave it out"
            raise BadParameters({"includeOpenPositions": why})
        told["inclusive"] = False
    return answer({"metrics": told})


@router.get(
    f"{ACCOUNT}/historical-trades/{{start}}/{{end}}",
    responses=metaapi_answers(MetaStatsTradesAnswer),
    openapi_extra=query_parameters(
        offset="how many to leave out; default 0",
        limit="how many at most; default and most 1000",
        updateHistory="ignored: the past is always up to date",
    ),
)
@performs(Operation.READ)
async def read_historical_trades(
    account_id: str, start: str, end: str, request: Request, platform: OnPlatform
) -> Response:
    """Trades and cash operations that ended from ``start`` up to, not including, ``end`` (broker
    times), oldest first."""
    begin, until = _broker_time("startTime", start), _broker_time("endTime", end)
    offset, limit = page_of(request)
    wanted = [
        trade
        for trade in await _trades(platform, account_id, begin)
        if begin <= _broker_time("closeTime", trade["closeTime"]) < until
    ]
    return answer({"trades": wanted[offset : offset + limit]})


@router.get(f"{ACCOUNT}/open-trades", responses=metaapi_answers(MetaStatsOpenTradesAnswer))
@performs(Operation.READ)
async def read_open_trades(account_id: str, request: Request, platform: OnPlatform) -> Response:
    """All open positions, with their results."""
    key, now = platform.key_of(account_id), request.app.clock.at()
    balance = (await platform.account_information(account_id))["balance"]
    rows = (await platform.open_trades(account_id))["open_trades"]
    with in_callers_words():
        return answer(
            {"openTrades": [metastats.open_trade(key, row, balance, now) for row in rows]}
        )


async def _trades(platform: Platform, account_id: str, begin: datetime) -> list[MetaStatsTrade]:
    """Return all trades since the account began, as far as they are told whole from ``begin``."""
    before = await platform.metrics(account_id)
    found = await platform.trades(
        account_id,
        days=_days(before["period_days"]),
        limit=MAX_TRADES,
        include_balance=True,
        order="asc",
    )
    rows = found["trades"]
    if found["hasMore"] and datetime.fromisoformat(rows[0]["closeTime"]) >= begin:
        why = f"only the newest {MAX_TRADES} closings are told: none before {rows[0]['closeTime']}"
        raise BadParameters({"startTime": why})
    after = await platform.metrics(account_id)
    is_still = before["balance"] == after["balance"] and after["proven"]
    balance = after["balance"] if is_still else None
    return list(metastats.trades(platform.key_of(account_id), rows, balance))


def _days(period: int) -> int:
    """Return how many days back an account's first one lies, today and a broken one included."""
    return min(period + 2, MAX_DAYS)


def _broker_time(name: str, text: str) -> datetime:
    """Return a broker time, which is UTC here; ISO 8601 is read too. Raises BadParameters."""
    try:
        return datetime.strptime(text.replace("+", " "), _BROKER_TIME).replace(tzinfo=UTC)
    except ValueError:
        return time_of(name, text)
