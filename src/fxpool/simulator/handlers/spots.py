"""Subscriptions to quotes."""

from __future__ import annotations

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOASubscribeSpotsReq,
    ProtoOASubscribeSpotsRes,
    ProtoOAUnsubscribeSpotsReq,
    ProtoOAUnsubscribeSpotsRes,
)
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.refusal import Refusal


def _subscribe(call: Call, request: ProtoOASubscribeSpotsReq) -> None:
    """Answer, then send both sides of each symbol once, also while its market is closed."""
    account_id, spots = request.ctidTraderAccountId, call.venue.spots
    call.book(account_id)
    asked = list(dict.fromkeys(one.symbol_id for one in call.symbols(request.symbolId)))
    new = [one for one in asked if not spots.is_subscribed(call.client, account_id, one)]
    if new != asked and (call.venue.profile.refuses_mixed_subscribe or not new):
        raise Refusal("ALREADY_SUBSCRIBED", "Already subscribed to spots of a listed symbol")
    call.client.send(ProtoOASubscribeSpotsRes(ctidTraderAccountId=account_id), call.request_id)
    for symbol_id in new:
        spots.subscribe(
            call.client, account_id, symbol_id, with_time=request.subscribeToSpotTimestamp
        )
        quote = call.venue.engine.rates.get(symbol_id)
        if quote is not None and not call.venue.faults.spots_stalled:
            spots.snapshot(call.client, account_id, symbol_id, quote, call.at_ms)


def _unsubscribe(call: Call, request: ProtoOAUnsubscribeSpotsReq) -> ProtoOAUnsubscribeSpotsRes:
    """Stop the quotes; a symbol that was not subscribed is no error (SW-57)."""
    account_id = request.ctidTraderAccountId
    call.book(account_id)
    for symbol in call.symbols(request.symbolId):
        call.venue.spots.unsubscribe(call.client, account_id, symbol.symbol_id)
    return ProtoOAUnsubscribeSpotsRes(ctidTraderAccountId=account_id)


SPOT_HANDLERS: dict[int, Handler] = {2127: _subscribe, 2129: _unsubscribe}
