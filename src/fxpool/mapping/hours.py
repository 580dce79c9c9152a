"""Open API trading hours and holidays -> MarketHours. Pure.

Hours that cannot be read (no schedule, a time zone that this machine does not know, a day out of
range) are None: then only the broker knows whether the market is open.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fxpool.domain.market_hours import DAY_SECONDS, Holiday, Interval, MarketHours
from fxpool.openapi.proto import model_pb2

_EPOCH: Final = date(1970, 1, 1)
_NO_ZONE: Final = "UTC"
"""What a schedule without a zone means."""


def market_hours_from(symbol: model_pb2.ProtoOASymbol) -> MarketHours | None:
    """Return when a symbol trades, or None if that is not known."""
    if not symbol.schedule:
        return None
    try:
        return MarketHours(
            tuple(Interval(part.startSecond, part.endSecond) for part in symbol.schedule),
            ZoneInfo(symbol.scheduleTimeZone or _NO_ZONE),
            tuple(_holiday_from(holiday) for holiday in symbol.holiday),
        )
    except (ZoneInfoNotFoundError, ValueError, OverflowError):
        return None


def _holiday_from(holiday: model_pb2.ProtoOAHoliday) -> Holiday:
    return Holiday(
        name=holiday.name,
        day=_EPOCH + timedelta(days=holiday.holidayDate),
        zone=ZoneInfo(holiday.scheduleTimeZone or _NO_ZONE),
        is_recurring=holiday.isRecurring,
        start_second=holiday.startSecond if holiday.HasField("startSecond") else 0,
        end_second=holiday.endSecond if holiday.HasField("endSecond") else DAY_SECONDS,
    )
