"""Callers' orders in MetaApi's words, and what cannot be said in them. Pure.

Source: MetaApi documentation, metatraderTrade and its clientId usage.
"""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from typing import Any, Final

from fxpool.domain.protection import Units
from fxpool.domain.trades import OrderType, TimeInForce
from fxpool.errors import InvalidOrder, InvalidVolume, TradeRefused
from fxpool.mapping.actions import Action, parse_action
from fxpool.mapping.instants import iso
from fxpool.mapping.order_words import VolumeUnits
from fxpool.platforms.base import TradeRequest
from fxpool.platforms.metaapi.model import Specification
from fxpool.platforms.metaapi.way import Offers

NUMBERS: Final = frozenset({"volume", "openPrice", "stopLimitPrice", "stopLoss", "takeProfit"})
"""The fields of a request that are exact numbers."""

OUR_ID: Final = "fx_"
_ID_CHARACTERS: Final = 12
_LEAST_CHARACTERS: Final = 8
"""An id shorter than this would not tell one order from another for sure."""

_BOTH_COST: Final = 1
"""Comment and id together may be one character shorter than one of them alone."""


def order_body(
    request: TradeRequest, specification: Specification | None, ticket_id: str, offers: Offers
) -> dict[str, Any]:
    """Return a new order as MetaApi reads it.

    Raises InvalidOrder, InvalidVolume, and TradeRefused with code NOT_SUPPORTED for what cannot be
    said there.
    """
    action = parse_action(request.action)
    body: dict[str, Any] = {
        "actionType": action.order_type,
        "symbol": request.symbol,
        "volume": lots_of(request, specification),
        **_prices(request, action),
        **_protection(request),
        **_names(request, ticket_id, offers),
    }
    if request.slippage_points is not None and action.type is OrderType.MARKET:
        body["slippage"] = request.slippage_points
    expiration = _expiration(request, action)
    if expiration is not None:
        body["expiration"] = expiration
    return body


def lots_of(request: TradeRequest, specification: Specification | None) -> Decimal:
    """Return an order's lots. Raises InvalidVolume for what the symbol does not allow."""
    if request.risk_percent is not None or request.volume is None:
        raise not_supported("riskPercent on MetaTrader accounts: send a volume")
    volume = request.volume
    if request.volume_units is VolumeUnits.UNITS:
        if specification is None:
            raise not_supported("volumeUnits UNITS: send lots")
        volume /= specification.contract_size
    check_lots(volume, request.symbol, specification)
    return volume


def check_lots(volume: Decimal, symbol: str, specification: Specification | None) -> None:
    """Raise InvalidVolume for lots that a symbol does not allow; unknown limits allow all."""
    if volume <= 0:
        raise InvalidVolume(f"invalid volume: {volume} lots of {symbol}; send more than 0")
    if specification is None:
        return
    least, most = specification.min_volume, specification.max_volume
    step = specification.volume_step
    if not least <= volume <= most or volume % step:
        raise InvalidVolume(
            f"invalid volume: {volume} lots of {symbol}; it trades {least} to {most} lots in "
            f"steps of {step}"
        )


def client_id_for(request: TradeRequest, ticket_id: str, offers: Offers) -> str:
    """Return the id under which an order is to be known: the caller's own, else one made of the
    ticket's, as far as the comment leaves room; empty if it leaves none."""
    if not offers.client_ids:
        return ""
    if request.client_id:
        return request.client_id
    room = offers.max_comment - _BOTH_COST - len(request.comment)
    if not request.comment:
        room = offers.max_comment
    if room < _LEAST_CHARACTERS + len(OUR_ID):
        return ""
    digest = hashlib.sha256(ticket_id.encode()).digest()
    word = base64.b32encode(digest).decode("ascii").lower()
    return OUR_ID + word[: min(_ID_CHARACTERS, room - len(OUR_ID))]


def _names(request: TradeRequest, ticket_id: str, offers: Offers) -> dict[str, str]:
    given = {"comment": request.comment, "clientId": client_id_for(request, ticket_id, offers)}
    names = {name: text for name, text in given.items() if text}
    length = sum(map(len, names.values()))
    longest = offers.max_comment - (_BOTH_COST if len(names) > 1 else 0)
    if length > longest:
        raise InvalidOrder(
            f"comment and clientId have {length} characters; MetaTrader keeps {longest}, and a "
            "shortened comment would not be recognised again"
        )
    return names


def _prices(request: TradeRequest, action: Action) -> dict[str, Decimal]:
    if action.type is OrderType.MARKET:
        if request.base_price is not None:
            raise not_supported("basePrice: MetaTrader counts slippage from the present quote")
        return {}
    if request.open_price is None:
        raise InvalidOrder(f"openPrice is missing: a {action.word} order needs one")
    if action.type is not OrderType.STOP_LIMIT:
        return {"openPrice": request.open_price}
    if request.stop_limit_price is None:
        raise InvalidOrder("stopLimitPrice is missing: a stop-limit order of MetaTrader needs one")
    return {"openPrice": request.open_price, "stopLimitPrice": request.stop_limit_price}


def _protection(request: TradeRequest) -> dict[str, Any]:
    if request.trailing_stop_loss:
        raise not_supported("trailingStopLoss on MetaTrader accounts")
    if request.guaranteed_stop_loss:
        raise not_supported("guaranteedStopLoss on MetaTrader accounts")
    legs: dict[str, Any] = {}
    for name, value, units in (
        ("stopLoss", request.stop_loss, request.stop_loss_units),
        ("takeProfit", request.take_profit, request.take_profit_units),
    ):
        if value:
            legs[name] = value
            if units is not Units.PRICE:
                legs[f"{name}Units"] = units.value
    return legs


def _expiration(request: TradeRequest, action: Action) -> dict[str, str] | None:
    validity = request.time_in_force
    if validity in {None, TimeInForce.GOOD_TILL_CANCEL} and request.expiration is None:
        return None
    if action.type is OrderType.MARKET:
        if validity in {TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL, None}:
            return None
        raise not_supported(f"timeInForce {validity.name if validity else ''} of a market order")
    if validity not in {None, TimeInForce.GOOD_TILL_DATE}:
        raise not_supported(f"timeInForce {validity.name if validity else ''} on MetaTrader")
    if request.expiration is None:
        raise InvalidOrder("expiration is missing: an order good till a date needs one")
    return {"type": "ORDER_TIME_SPECIFIED", "time": iso(request.expiration)}


def not_supported(what: str) -> TradeRefused:
    """Return the refusal of what cannot be said to MetaTrader, or not by this way."""
    return TradeRefused("NOT_SUPPORTED", f"not supported: {what}")
