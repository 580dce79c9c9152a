"""The names under which callers send one field: snake_case, camelCase and habits. Pure.

Two names of one field may be sent together if they hold the same value; otherwise one value would
be lost without a word, so the call is refused. Source: the requests of callers of older pools.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from fxpool.errors import InvalidCall

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "account_id": ("account_id", "accountId"),
    "environment": ("environment", "env"),
    "symbol": ("symbol",),
    "action": ("action", "actionType", "action_type", "side", "type"),
    "volume": ("volume", "lots"),
    "volume_units": ("volumeUnits", "volume_units"),
    "risk_percent": ("riskPercent", "risk_percent"),
    "open_price": (
        "openPrice",
        "open_price",
        "price",
        "limitPrice",
        "limit_price",
        "stopPrice",
        "stop_price",
    ),
    "stop_limit_price": ("stopLimitPrice", "stop_limit_price"),
    "slippage_points": ("slippagePoints", "slippage_points", "slippageInPoints"),
    "base_price": ("basePrice", "base_price", "baseSlippagePrice"),
    "stop_loss": ("stop_loss", "stopLoss"),
    "take_profit": ("take_profit", "takeProfit"),
    "stop_loss_units": ("stopLossUnits", "stop_loss_units"),
    "take_profit_units": ("takeProfitUnits", "take_profit_units"),
    "trailing_stop_loss": ("trailingStopLoss", "trailing_stop_loss"),
    "guaranteed_stop_loss": ("guaranteedStopLoss", "guaranteed_stop_loss"),
    "time_in_force": ("timeInForce", "time_in_force"),
    "client_id": ("client_id", "clientId"),
    "idempotency_key": (
        "idempotency_key",
        "idempotencyKey",
        "clientOrderId",
        "client_order_id",
    ),
    "allow_unsynchronized": ("allowUnsynchronized", "allow_unsynchronized"),
    "position_id": ("position_id", "positionId"),
    "order_id": ("order_id", "orderId"),
    "callback_id": ("callback_id", "callbackId"),
    "expiration": ("expiration", "expirationTime", "expiration_time"),
    "account_ms": ("accountMs", "account_ms"),
    "flush_ms": ("flushMs", "flush_ms"),
    "last_event_id": ("lastEventId", "last_event_id"),
}
_ACTION: Final = "action"


def spellings(field: str) -> tuple[str, ...]:
    """Return the names under which callers send a field; the first is the one to recommend."""
    return SPELLINGS.get(field, (field,))


def missing(field: str) -> str:
    """Return what to tell a caller who sent a field under none of its names."""
    names = spellings(field)
    return f"{names[0]}: missing; send {' or '.join(names)}"


def names_of(fields: Iterable[str]) -> dict[str, str]:
    """Return, for all names under which callers send these fields, the field that each means."""
    return {name: field for field in fields for name in spellings(field)}


def fold(data: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the fields in ``names`` (see ``names_of``) under one name each. None
    means absent.

    The words of an action keep their own names, in a dictionary, because they agree by meaning and
    not by letters (see ``actions``).
    Raises InvalidCall if two names of one field hold different values.
    """
    folded: dict[str, Any] = {}
    repeated = set()
    for name, value in data.items():
        field = names.get(name)
        if field is None or value is None:
            continue
        if field in folded:
            repeated.add(field)
        folded[field] = {name: value} if field == _ACTION else value
    if repeated:
        for field in dict.fromkeys(names.values()):
            if field in repeated:
                folded[field] = _of_many_names(field, data)
    return folded


def _of_many_names(field: str, data: Mapping[str, Any]) -> Any:
    """Return the value of a field that was sent under several names. Raises InvalidCall."""
    given = {name: data[name] for name in spellings(field) if data.get(name) is not None}
    if field == _ACTION:
        return given
    first, *others = given.values()
    if all(_is_same(first, other) for other in others):
        return first
    said = ", ".join(f"{name}={value!s:.40}" for name, value in given.items())
    raise InvalidCall(f"{field}: {said} contradict each other; send one of them")


def _is_same(one: object, other: object) -> bool:
    """Whether two names hold one value: 0.1 equals "0.10", 12345 equals "12345"."""
    if one == other or str(one) == str(other):
        return True
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except ArithmeticError:
        return False
