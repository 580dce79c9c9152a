"""Order requests. They have no answer message: executions tell what became of them."""

from __future__ import annotations

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAmendOrderReq,
    ProtoOAAmendPositionSLTPReq,
    ProtoOACancelOrderReq,
    ProtoOAClosePositionReq,
    ProtoOANewOrderReq,
)
from fxpool.simulator.engine.commands import Command
from fxpool.simulator.engine.model import Order, Position
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.protocol import commands
from fxpool.simulator.refusal import Carrier, Refusal
from fxpool.simulator.tokens import Scope


def _trade(call: Call, account_id: int, command: Command) -> None:
    call.venue.trade(account_id, command, call.at_ms, call.client, call.request_id)


def _symbol_of(call: Call, owner: Order | Position | None) -> Symbol | None:
    return None if owner is None else call.venue.engine.symbols[owner.symbol_id]


def _check_may_trade(call: Call, account_id: int) -> None:
    """A view token reads only (SW-12)."""
    call.book(account_id)
    grant = call.venue.tokens.find(call.client.account_ids[account_id])
    if grant.scope is not Scope.TRADE:
        code = call.venue.profile.view_scope_trade.value
        text = "The access token has no permission to trade"
        raise Refusal(code, text, carrier=Carrier.ERROR_RES)


def _new_order(call: Call, request: ProtoOANewOrderReq) -> None:
    _check_may_trade(call, request.ctidTraderAccountId)
    symbol = call.venue.engine.symbols.get(request.symbolId)
    command = commands.place_order(request, symbol, call.venue.profile.rules)
    _trade(call, request.ctidTraderAccountId, command)


def _cancel_order(call: Call, request: ProtoOACancelOrderReq) -> None:
    _check_may_trade(call, request.ctidTraderAccountId)
    _trade(call, request.ctidTraderAccountId, commands.cancel_order(request))


def _amend_order(call: Call, request: ProtoOAAmendOrderReq) -> None:
    _check_may_trade(call, request.ctidTraderAccountId)
    order = call.book(request.ctidTraderAccountId).orders.get(request.orderId)
    symbol = _symbol_of(call, order)
    command = commands.amend_order(request, symbol, call.venue.profile.rules)
    _trade(call, request.ctidTraderAccountId, command)


def _amend_protection(call: Call, request: ProtoOAAmendPositionSLTPReq) -> None:
    _check_may_trade(call, request.ctidTraderAccountId)
    position = call.book(request.ctidTraderAccountId).positions.get(request.positionId)
    symbol = _symbol_of(call, position)
    command = commands.amend_protection(request, symbol, call.venue.profile.rules)
    _trade(call, request.ctidTraderAccountId, command)


def _close_position(call: Call, request: ProtoOAClosePositionReq) -> None:
    _check_may_trade(call, request.ctidTraderAccountId)
    _trade(call, request.ctidTraderAccountId, commands.close_position(request))


TRADING_HANDLERS: dict[int, Handler] = {
    2106: _new_order,
    2108: _cancel_order,
    2109: _amend_order,
    2110: _amend_protection,
    2111: _close_position,
}
