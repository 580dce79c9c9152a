"""Trading hours and holidays of a broker, by class of symbol; without them all trade always.

Hours as recorded from a live server: in Moscow time, where midnight is 17:00 in New York in
summer. Currencies rest for ten minutes around midnight, the others for about an hour; coins trade
always.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from fxpool.simulator.catalogue import Catalogue
from fxpool.simulator.engine.symbols import Holiday, Interval, Symbol

TIME_ZONE = "Europe/Moscow"

_DAY = 86_400
_WEEKDAYS = range(1, 6)
_EPOCH = date(1970, 1, 1)

CURRENCY_HOURS = tuple(Interval(day * _DAY + 300, (day + 1) * _DAY - 300) for day in _WEEKDAYS)
"""00:05 to 23:55, Monday to Friday."""

OTHER_HOURS = tuple(Interval(day * _DAY + 3_900, (day + 1) * _DAY - 600) for day in _WEEKDAYS)
"""01:05 to 23:50, Monday to Friday."""

HOLIDAYS = (
    Holiday(1, "New Year", (date(2020, 1, 1) - _EPOCH).days, TIME_ZONE, is_recurring=True),
    Holiday(2, "Christmas", (date(2020, 12, 25) - _EPOCH).days, TIME_ZONE, is_recurring=True),
)

_ALWAYS_OPEN_CLASSES = frozenset({"Crypto Currency"})
_CURRENCY_CLASSES = frozenset({"Forex"})


def with_sessions(catalogue: Catalogue) -> Catalogue:
    """Return a broker whose symbols keep the hours and holidays of their class."""
    class_names = {one.class_id: one.name for one in catalogue.asset_classes}
    by_category = {one.category_id: class_names[one.class_id] for one in catalogue.categories}
    return replace(
        catalogue,
        symbols=tuple(_with_hours(one, by_category[one.category_id]) for one in catalogue.symbols),
    )


def _with_hours(symbol: Symbol, class_name: str) -> Symbol:
    if class_name in _ALWAYS_OPEN_CLASSES:
        return symbol
    hours = CURRENCY_HOURS if class_name in _CURRENCY_CLASSES else OTHER_HOURS
    return replace(symbol, schedule=hours, schedule_time_zone=TIME_ZONE, holidays=HOLIDAYS)
