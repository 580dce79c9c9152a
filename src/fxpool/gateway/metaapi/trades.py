"""One trade request of MetaApi -> one call of a platform, or its refusal with a code. Pure.

What cTrader cannot express is refused by name and never sent as something else. A stop loss or
take profit that is left out of POSITION_MODIFY is removed by it, as MetaTrader does.

Source: MetaApi documentation, metatraderTrade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from fxpool.domain.permissions import Operation
from fxpool.domain.protection import Units
from fxpool.errors import FxPoolError
from fxpool.gateway.metaapi import codes
from fxpool.gateway.metaapi.errors import BadParameters
from fxpool.gateway.schemas import (
    OrderBody,
    OrderCancelBody,
    OrderModifyBody,
    PoolBody,
    PositionCloseBody,
    PositionModifyBody,
    SymbolCloseBody,
    TrailingStop,
)
from fxpool.mapping.actions import WORDS
from fxpool.mapping.metaapi_labels import write_label
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest

ORDER_TYPES: Final = frozenset(word for word in WORDS if word.startswith("ORDER_TYPE_"))
_MARKET: Final = frozenset({"ORDER_TYPE_BUY", "ORDER_TYPE_SELL"})
_CHANGES: Final = frozenset({"POSITION_MODIFY", "ORDER_MODIFY"})

OPERATIONS: Final[Mapping[str, Operation]] = {
    **dict.fromkeys(sorted(ORDER_TYPES), Operation.PLACE),
    "POSITION_MODIFY": Operation.AMEND,
    "POSITION_PARTIAL": Operation.CLOSE,
    "POSITION_CLOSE_ID": Operation.CLOSE,
    "POSITION_CLOSE_BY": Operation.CLOSE,
    "POSITIONS_CLOSE_SYMBOL": Operation.CLOSE,
    "ORDER_MODIFY": Operation.AMEND,
    "ORDER_CANCEL": Operation.CLOSE,
}
"""Every ``actionType``, and what it does."""

_DAYS: Final = frozenset({"ORDER_TIME_DAY", "ORDER_TIME_SPECIFIED_DAY"})
_EXPIRATIONS: Final = _DAYS | {"ORDER_TIME_GTC", "ORDER_TIME_SPECIFIED"}
_FILLINGS: Final = {"ORDER_FILLING_IOC": "IOC", "ORDER_FILLING_FOK": "FOK"}
_BASES: Final = frozenset({"CURRENT_PRICE", "OPEN_PRICE", "STOP_PRICE"})
_UNITS: Final = frozenset(units.value for units in Units)
_MAX_MAGIC: Final = 10**18

_Body = TypeVar("_Body", bound=PoolBody)

_SAME: Final = (
    "symbol",
    "volume",
    "openPrice",
    "stopLimitPrice",
    "stopLoss",
    "takeProfit",
    "stopLossUnits",
    "takeProfitUnits",
    "comment",
    "positionId",
    "orderId",
)
"""Fields that the pool's own bodies read under the same name."""


class Refused(FxPoolError):
    """A trade that is understood and cannot be done; ``code`` is MetaApi's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class CloseSymbol:
    """All positions of a symbol to close."""

    symbol: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """A pending order to cancel."""

    order_id: str


Call = TradeRequest | ProtectionRequest | CloseRequest | CloseSymbol | OrderChange | Cancel


def operation_of(body: object) -> Operation:
    """Return what a trade request does. Raises BadParameters for one without a known action."""
    action = body.get("actionType") if isinstance(body, Mapping) else None
    operation = OPERATIONS.get(action) if isinstance(action, str) else None
    if operation is None:
        raise BadParameters({"actionType": f"send one of {', '.join(OPERATIONS)}"})
    return operation


def call_of(body: Mapping[str, Any]) -> Call:
    """Return the call that a trade request means.

    Raises BadParameters for one that makes no sense, Refused for what cannot be expressed.
    """
    given = {name: value for name, value in body.items() if value is not None}
    action: str = given["actionType"]
    fields = {name: given[name] for name in _SAME if name in given} | {"accountId": "-"}
    match action:
        case "POSITION_CLOSE_ID":
            fields.pop("volume", None)
            return _read(PositionCloseBody, fields).request()
        case "POSITION_PARTIAL":
            _require(fields, "volume")
            return _read(PositionCloseBody, fields).request()
        case "POSITION_CLOSE_BY":
            raise Refused(
                codes.NOT_SUPPORTED,
                "positions cannot be closed by one another: close each with POSITION_CLOSE_ID",
            )
        case "POSITIONS_CLOSE_SYMBOL":
            return CloseSymbol(_read(SymbolCloseBody, fields).symbol)
        case "ORDER_CANCEL":
            return Cancel(_read(OrderCancelBody, fields).order_id)
    _check_bases(given, action)
    if action in _CHANGES:
        return _change_of(action, given, fields)
    return _order_of(action, given, fields)


def _order_of(action: str, given: Mapping[str, Any], fields: dict[str, Any]) -> TradeRequest:
    fields |= {"action": action, "clientId": _label(given)}
    if "trailingStopLoss" in given:
        fields["trailingStopLoss"] = _trailing(given)
    if action in _MARKET:
        fields.pop("stopLimitPrice", None)
        fields.pop("openPrice", None)
        fields |= _filling(given)
    else:
        _require(fields, "openPrice")
        if action.endswith("STOP_LIMIT"):
            _require(fields, "stopLimitPrice")
        fields |= _expiration(given)
    return _read(OrderBody, fields).request()


def _change_of(
    action: str, given: Mapping[str, Any], fields: dict[str, Any]
) -> ProtectionRequest | OrderChange:
    """Return new values. A position loses the protection that is left out; an order keeps it."""
    is_position = action == "POSITION_MODIFY"
    if is_position:
        fields = {"stopLoss": 0, "takeProfit": 0} | fields
    if "trailingStopLoss" in given:
        fields |= _trailing_fields(given, fields)
    if is_position:
        return _read(PositionModifyBody, fields).request()
    if "stopLimitPrice" in fields:
        raise Refused(
            codes.NOT_SUPPORTED, "the limit of a stop-limit order cannot be changed: place it anew"
        )
    _require(fields, "openPrice")
    fields.pop("volume", None)
    return _read(OrderModifyBody, fields | _expiration(given)).request()


def _trailing_fields(given: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stop loss at its distance that the broker lets follow the price."""
    if fields.get("stopLoss"):
        raise BadParameters({"stopLoss": "send it or the distance in trailingStopLoss"})
    distance = _read(TrailingStop, _trailing(given)).distance
    return {
        "stopLoss": distance.distance,
        "stopLossUnits": distance.units.value,
        "trailingStopLoss": True,
    }


def _read(shape: type[_Body], fields: Mapping[str, Any]) -> _Body:
    try:
        return shape.model_validate(fields)
    except ValidationError as exc:
        raise BadParameters(
            {
                _camel(".".join(str(part) for part in error["loc"])) or "body": error["msg"]
                for error in exc.errors()
            }
        ) from exc


def _require(fields: Mapping[str, Any], name: str) -> None:
    if name not in fields:
        raise BadParameters({name: "it is missing"})


def _camel(path: str) -> str:
    first, *rest = path.split("_")
    return first + "".join(word.title() for word in rest)


def _label(given: Mapping[str, Any]) -> str:
    client_id = given.get("clientId", "")
    if not isinstance(client_id, str):
        raise BadParameters({"clientId": "send a text"})
    magic = given.get("magic", 0)
    text = str(magic)
    if isinstance(magic, bool) or not (text.isascii() and text.isdigit()):
        raise BadParameters({"magic": "send a whole number from 0 on"})
    if int(text) >= _MAX_MAGIC:
        raise BadParameters({"magic": f"send a number below {_MAX_MAGIC}"})
    return write_label(int(text), client_id)


def _check_bases(given: Mapping[str, Any], action: str) -> None:
    """Refuse prices that count from something else than a platform counts them from."""
    for name in ("openPriceUnits", "stopLimitPriceUnits"):
        if name in given and _word(given, name, _UNITS) != Units.PRICE.value:
            raise Refused(codes.INVALID, f"{name}: send an absolute price")
    if "stopPriceBase" not in given:
        return
    base = _word(given, "stopPriceBase", _BASES)
    units = {
        _word(given, name, _UNITS) for name in ("stopLossUnits", "takeProfitUnits") if name in given
    }
    counted = "CURRENT_PRICE" if action in _MARKET else "OPEN_PRICE"
    if base != counted and units - {Units.PRICE.value}:
        raise Refused(codes.INVALID, f"stopPriceBase: distances of {action} count from {counted}")


def _trailing(given: Mapping[str, Any]) -> Mapping[str, Any]:
    trailing = given["trailingStopLoss"]
    if not isinstance(trailing, Mapping):
        raise BadParameters({"trailingStopLoss": "send an object with a distance"})
    if trailing.get("threshold") is not None:
        raise Refused(codes.INVALID, "trailingStopLoss: no broker keeps its thresholds")
    return trailing


def _filling(given: Mapping[str, Any]) -> dict[str, str]:
    """Return which filling an order wants: immediate-or-cancel if that is among those it allows,
    because every broker has it."""
    modes = given.get("fillingModes", [])
    if not isinstance(modes, list) or not all(
        isinstance(mode, str) and mode in _FILLINGS for mode in modes
    ):
        raise BadParameters({"fillingModes": f"send a list of {', '.join(_FILLINGS)}"})
    wanted = next((word for mode, word in _FILLINGS.items() if mode in modes), None)
    return {} if wanted is None else {"timeInForce": wanted}


def _expiration(given: Mapping[str, Any]) -> dict[str, Any]:
    expiration = given.get("expiration")
    if expiration is None:
        return {}
    if not isinstance(expiration, Mapping):
        raise BadParameters({"expiration": "send an object with a type"})
    kind = _word(expiration, "type", _EXPIRATIONS)
    if kind in _DAYS:
        raise Refused(
            codes.INVALID_EXPIRATION,
            f"{kind} ends with the broker's day, which cTrader does not tell: send "
            "ORDER_TIME_SPECIFIED with the time that you mean",
        )
    if kind == "ORDER_TIME_GTC":
        return {}
    if "time" not in expiration:
        raise BadParameters({"expiration.time": "it is missing"})
    return {"expiration": expiration["time"]}


def _word(given: Mapping[str, Any], name: str, words: frozenset[str]) -> str:
    word = given.get(name)
    if not isinstance(word, str) or word not in words:
        raise BadParameters({name: f"send one of {', '.join(sorted(words))}"})
    return word
