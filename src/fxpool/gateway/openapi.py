"""The schemas of answers in /openapi.json, taken from the TypedDicts that callers read."""

from __future__ import annotations

from typing import Any, Final, NotRequired, TypedDict

import msgspec

from fxpool.gateway.audit.views import AuditList
from fxpool.gateway.callbacks import CallbackState
from fxpool.mapping.formats import (
    AccountInformation,
    CloseResults,
    GuardList,
    HaltState,
    OrderList,
    OutcomeWord,
    PositionInfo,
    PositionList,
    PriceInfo,
    StreamingState,
    SubscriptionResult,
    TicketInfo,
    TicketList,
    TradeResult,
)
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
from fxpool.mapping.metaapi_formats import (
    MetaApiBook,
    MetaApiCandle,
    MetaApiDeal,
    MetaApiInformation,
    MetaApiMargin,
    MetaApiOrder,
    MetaApiPosition,
    MetaApiPrice,
    MetaApiProvisioned,
    MetaApiServerTime,
    MetaApiSpecification,
    MetaApiTick,
    MetaApiTradeAnswer,
)
from fxpool.mapping.metastats_formats import (
    MetaStatsMetricsAnswer,
    MetaStatsOpenTradesAnswer,
    MetaStatsTradesAnswer,
)
from fxpool.mapping.pool_formats import AccountListing, AccountSummary, Health, PoolStats
from fxpool.mapping.report_formats import AccountReport
from fxpool.mapping.symbol_formats import SymbolList, SymbolMapping, SymbolSpecification
from fxpool.platforms.ctrader_consent import LinkOffer, LinkStatus


class ErrorBody(TypedDict, total=False):
    """Every answer that is not a success."""

    detail: str
    error: str
    code: str
    retryable: bool
    requestId: str
    outcome: OutcomeWord


class MetaApiError(ErrorBody, total=False):
    """Every answer of MetaApi's REST API that is not a success; ``error`` is a class here."""

    id: int
    message: str
    details: list[dict[str, str]]
    metadata: dict[str, str]


class AccountPositions(TypedDict, total=False):
    """One row of ``GET /positions/all``; an account in error has no ``positions``."""

    count: int | None
    positions: list[PositionInfo]
    error: str


class CallbackForgotten(TypedDict):
    """A registration that was ended."""

    success: bool
    callback_id: str


class CallbackRegistration(TypedDict):
    """Where a registered caller hears of reconnects."""

    success: bool
    callback_id: str
    delivery: str
    events: str
    callback: NotRequired[CallbackState]


class Forgotten(TypedDict):
    """``DELETE /oauth/{account_id}``."""

    success: bool
    account: str
    message: str


class Readiness(TypedDict):
    """``GET /health/ready``."""

    status: str


class Root(TypedDict):
    """``GET /``."""

    service: str
    version: str
    status: str
    simulated: bool
    endpoints: list[str]


class ResetResult(TypedDict):
    """``POST /connections/reset``."""

    success: bool
    message: str
    connections: int


SHAPES: Final = (
    AccountInformation,
    AccountMetrics,
    AccountPositions,
    AccountReport,
    AuditList,
    BarList,
    CallbackForgotten,
    CallbackRegistration,
    CloseResults,
    DailyGrowth,
    ErrorBody,
    Forgotten,
    GuardList,
    HaltState,
    Health,
    OpenTrades,
    OrderList,
    PoolStats,
    PositionList,
    PriceInfo,
    Readiness,
    ResetResult,
    RiskStatus,
    Root,
    StreamingState,
    SubscriptionResult,
    SymbolList,
    SymbolMapping,
    SymbolSpecification,
    SymbolStats,
    TicketInfo,
    TicketList,
    TickList,
    TradeHistory,
    TradeResult,
    dict[str, AccountListing],
    list[CallbackState],
    dict[str, AccountPositions],
    dict[str, AccountSummary],
    LinkOffer,
    LinkStatus,
    dict[str, LinkStatus],
    dict[str, PriceInfo],
)
METAAPI_SHAPES: Final = (
    MetaApiBook,
    MetaApiCandle,
    MetaApiError,
    MetaApiInformation,
    MetaApiMargin,
    MetaApiOrder,
    MetaApiPosition,
    MetaApiPrice,
    MetaApiProvisioned,
    MetaApiServerTime,
    MetaApiSpecification,
    MetaApiTick,
    MetaApiTradeAnswer,
    MetaStatsMetricsAnswer,
    MetaStatsOpenTradesAnswer,
    MetaStatsTradesAnswer,
    list[MetaApiCandle],
    list[MetaApiTick],
    list[MetaApiDeal],
    list[MetaApiOrder],
    list[MetaApiPosition],
    list[MetaApiProvisioned],
    list[str],
)
_REFERENCE: Final = "#/components/schemas/{name}"
_SCHEMAS, COMPONENTS = msgspec.json.schema_components(
    (*SHAPES, *METAAPI_SHAPES), ref_template=_REFERENCE
)
_BY_SHAPE: Final = dict(zip(map(str, (*SHAPES, *METAAPI_SHAPES)), _SCHEMAS, strict=True))


def answers(shape: object) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route that answers with ``shape``, one of SHAPES."""
    return {
        200: {"description": "Success", "content": _json(_BY_SHAPE[str(shape)])},
        "default": {"description": "Error", "content": _json(_BY_SHAPE[str(ErrorBody)])},
    }


def metaapi_answers(shape: object) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route of MetaApi's REST API, with its error model."""
    error = {"content": _json(_BY_SHAPE[str(MetaApiError)])}
    return {
        200: {"description": "Success", "content": _json(_BY_SHAPE[str(shape)])},
        202: {"description": "The account is being read; ask again after Retry-After"} | error,
        "default": {"description": "Error"} | error,
    }


def text_answers(
    description: str, media_type: str = "text/plain"
) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route that answers with text."""
    text = {media_type: {"schema": {"type": "string"}}}
    return {
        200: {"description": description, "content": text},
        "default": {"description": "Error", "content": _json(_BY_SHAPE[str(ErrorBody)])},
    }


def report_answers(shape: object) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route that answers with ``shape``, as JSON, HTML or CSV."""
    described = answers(shape)
    text = {"schema": {"type": "string"}}
    described[200]["content"] |= {"text/html": text, "text/csv": text}
    return described


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's document with the schemas of the answers in it."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(COMPONENTS)
    return document
