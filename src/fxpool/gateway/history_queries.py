"""The queries of reads about the past: what each takes, in snake_case and camelCase."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Literal, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from fxpool.mapping.history_formats import TickType
from fxpool.platforms.past import MAX_TICKS, SortOrder

MAX_DAYS: Final = 10_000
MAX_TRADES: Final = 10_000
MAX_CLOSINGS: Final = 100_000

Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class GrowthQuery(_Query):
    """How far back; days are UTC days, today is the last."""

    days: Days = 30


class TradesQuery(_Query):
    """Which closed trades, and in which order."""

    days: Days = 30
    limit: Annotated[int, Field(ge=1, le=MAX_TRADES)] = 100
    include_balance: bool = Field(
        default=False, validation_alias=AliasChoices("includeBalance", "include_balance")
    )
    order: SortOrder = "desc"


class ReportQuery(_Query):
    """Which period, and in which form; a time is ISO 8601 with its zone, or epoch milliseconds.

    Without ``format`` the Accept header decides; without ``limit`` the form does.
    """

    days: Days = 30
    begin: AwareDatetime | None = Field(default=None, validation_alias="from")
    end: AwareDatetime | None = Field(default=None, validation_alias="to")
    form: Literal["json", "html", "csv"] | None = Field(default=None, validation_alias="format")
    limit: Annotated[int, Field(ge=1, le=MAX_CLOSINGS)] | None = None


class BarsQuery(_Query):
    """Which bars; a time is ISO 8601 with its zone, or epoch milliseconds."""

    timeframe: str = "1h"
    begin: AwareDatetime | None = Field(default=None, validation_alias="from")
    end: AwareDatetime | None = Field(default=None, validation_alias="to")


class TicksQuery(_Query):
    """Which ticks; a time is ISO 8601 with its zone, or epoch milliseconds."""

    kind: TickType = Field(default="both", validation_alias="type")
    begin: AwareDatetime | None = Field(default=None, validation_alias="from")
    end: AwareDatetime | None = Field(default=None, validation_alias="to")
    limit: Annotated[int, Field(ge=1, le=MAX_TICKS)] = 1000
    order: SortOrder = "desc"


Query = TypeVar("Query", bound=_Query)


def reader_of(shape: type[Query]) -> Callable[[Request], Awaitable[Query]]:
    """Return what reads a query of this shape from a request."""

    async def read(request: Request) -> Query:
        try:
            return shape.model_validate(dict(request.query_params))
        except ValidationError as exc:
            raise RequestValidationError(exc.errors()) from exc

    return read
