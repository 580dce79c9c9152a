from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from fxpool.domain.market_hours import Market
from fxpool.mapping.hours import market_hours_from
from fxpool.openapi.proto.model_pb2 import ProtoOAHoliday, ProtoOAInterval, ProtoOASymbol

CHRISTMAS = (date(2020, 12, 25) - date(1970, 1, 1)).days


def full(zone: str = "UTC", holiday_zone: str = "UTC", day: int = CHRISTMAS) -> ProtoOASymbol:
    return ProtoOASymbol(
        symbolId=1,
        digits=5,
        pipPosition=4,
        scheduleTimeZone=zone,
        schedule=[ProtoOAInterval(startSecond=0, endSecond=604_800)],
        holiday=[
            ProtoOAHoliday(
                holidayId=1,
                name="Christmas",
                scheduleTimeZone=holiday_zone,
                holidayDate=day,
                isRecurring=True,
            )
        ],
    )


def test_a_schedule_and_its_holidays_are_read() -> None:
    hours = market_hours_from(full())
    assert hours is not None
    assert hours.at(datetime(2026, 12, 25, 12, tzinfo=UTC)) is Market.HOLIDAY
    assert hours.at(datetime(2026, 12, 26, 12, tzinfo=UTC)) is Market.OPEN


def test_a_schedule_without_a_zone_is_in_utc() -> None:
    hours = market_hours_from(full(zone=""))
    assert hours is not None
    assert hours.zone.key == "UTC"


@pytest.mark.parametrize(
    "symbol",
    [
        full(zone="Atlantis/Deep"),
        full(zone="../etc"),
        full(holiday_zone="?"),
        full(day=10**12),
        ProtoOASymbol(symbolId=1, digits=5, pipPosition=4),
    ],
)
def test_hours_that_cannot_be_read_are_not_known(symbol: ProtoOASymbol) -> None:
    assert market_hours_from(symbol) is None
