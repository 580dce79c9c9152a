"""Subscriptions to quotes, live bars and depth."""

from __future__ import annotations

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOASubscribeDepthQuotesReq,
    ProtoOASubscribeDepthQuotesRes,
    ProtoOASubscribeLiveTrendbarReq,
    ProtoOASubscribeLiveTrendbarRes,
    ProtoOASubscribeSpotsReq,
    ProtoOASubscribeSpotsRes,
    ProtoOAUnsubscribeDepthQuotesReq,
    ProtoOAUnsubscribeDepthQuotesRes,
    ProtoOAUnsubscribeLiveTrendbarReq,
    ProtoOAUnsubscribeLiveTrendbarRes,
    ProtoOAUnsubscribeSpotsReq,
    ProtoOAUnsubscribeSpotsRes,
)
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.market.periods import Period
from fxpool.simulator.profile import SpotsUnderBars
from fxpool.simulator.refusal import Refusal, invalid_request

# -- quotes --------------------------------------------------------------------------------


def _subscribe(call: Call, request: ProtoOASubscribeSpotsReq) -> None:
    """Answer, then send both sides of each symbol once, also while its market is closed."""
    account_id, spots = request.ctidTraderAccountId, call.venue.spots
    call.book(account_id)
    asked = list(dict.fromkeys(one.symbol_id for one in call.symbols(request.symbolId)))
    has = [one for one in asked if spots.is_subscribed(call.client, account_id, one)]
    new = _new_ones(call, asked, has, "spots")
    _check_room(call, len(new))
    call.client.send(ProtoOASubscribeSpotsRes(ctidTraderAccountId=account_id), call.request_id)
    for symbol_id in new:
        spots.subscribe(
            call.client, account_id, symbol_id, with_time=request.subscribeToSpotTimestamp
        )
        quote = call.venue.engine.rates.get(symbol_id)
        if quote is not None and not call.venue.faults.spots_stalled:
            spots.snapshot(call.client, account_id, symbol_id, quote, call.at_ms)


def _unsubscribe(call: Call, request: ProtoOAUnsubscribeSpotsReq) -> ProtoOAUnsubscribeSpotsRes:
    """Stop the quotes, and what hangs on them as the profile says (SW-56)."""
    account_id, client, venue = request.ctidTraderAccountId, call.client, call.venue
    call.book(account_id)
    told = venue.profile.spots_under_bars
    symbol_ids = [one.symbol_id for one in call.symbols(request.symbolId)]
    if told is SpotsUnderBars.REFUSED:
        for symbol_id in symbol_ids:
            _check_nothing_hangs_on(call, account_id, symbol_id)
    keeps = told is SpotsUnderBars.TRENDBARS_CONTINUE
    for symbol_id in symbol_ids:
        had = venue.spots.unsubscribe(client, account_id, symbol_id, keeps_bars=keeps)
        venue.depths.unsubscribe(client, account_id, symbol_id)
        _check_was_subscribed(call, "NOT_SUBSCRIBED_TO_SPOTS", had=had)
    return ProtoOAUnsubscribeSpotsRes(ctidTraderAccountId=account_id)


# -- live bars -----------------------------------------------------------------------------


def _subscribe_bars(
    call: Call, request: ProtoOASubscribeLiveTrendbarReq
) -> ProtoOASubscribeLiveTrendbarRes:
    account_id, symbol_id, spots = request.ctidTraderAccountId, request.symbolId, call.venue.spots
    _check_spots(call, account_id, symbol_id)
    period = Period(request.period)
    if period in spots.periods(call.client, account_id, symbol_id):
        raise Refusal("ALREADY_SUBSCRIBED", f"Already subscribed to {period.name} bars")
    spots.subscribe_bars(call.client, account_id, symbol_id, period, call.at_ms)
    return ProtoOASubscribeLiveTrendbarRes(ctidTraderAccountId=account_id)


def _unsubscribe_bars(
    call: Call, request: ProtoOAUnsubscribeLiveTrendbarReq
) -> ProtoOAUnsubscribeLiveTrendbarRes:
    account_id, symbol_id = request.ctidTraderAccountId, request.symbolId
    call.book(account_id)
    call.symbol(symbol_id)
    had = call.venue.spots.unsubscribe_bars(
        call.client, account_id, symbol_id, Period(request.period)
    )
    _check_was_subscribed(call, "INVALID_REQUEST", had=had)
    return ProtoOAUnsubscribeLiveTrendbarRes(ctidTraderAccountId=account_id)


# -- depth ---------------------------------------------------------------------------------


def _subscribe_depth(call: Call, request: ProtoOASubscribeDepthQuotesReq) -> None:
    """Answer, then send all levels of each symbol."""
    account_id, depths = request.ctidTraderAccountId, call.venue.depths
    call.book(account_id)
    asked = list(dict.fromkeys(one.symbol_id for one in call.symbols(request.symbolId)))
    for symbol_id in asked:
        _check_spots(call, account_id, symbol_id)
    has = [one for one in asked if depths.is_subscribed(call.client, account_id, one)]
    new = _new_ones(call, asked, has, "depth")
    answer = ProtoOASubscribeDepthQuotesRes(ctidTraderAccountId=account_id)
    call.client.send(answer, call.request_id)
    for symbol_id in new:
        quote = call.venue.engine.rates.get(symbol_id)
        depths.subscribe(call.client, account_id, symbol_id, quote)


def _unsubscribe_depth(
    call: Call, request: ProtoOAUnsubscribeDepthQuotesReq
) -> ProtoOAUnsubscribeDepthQuotesRes:
    account_id = request.ctidTraderAccountId
    call.book(account_id)
    for symbol in call.symbols(request.symbolId):
        had = call.venue.depths.unsubscribe(call.client, account_id, symbol.symbol_id)
        _check_was_subscribed(call, "NOT_SUBSCRIBED_TO_DEPTHS", had=had)
    return ProtoOAUnsubscribeDepthQuotesRes(ctidTraderAccountId=account_id)


# -- checks --------------------------------------------------------------------------------


def _new_ones(call: Call, asked: list[int], has: list[int], what: str) -> list[int]:
    """Return what is not subscribed yet. Raises Refusal ALREADY_SUBSCRIBED (SW-54)."""
    new = [one for one in asked if one not in has]
    if has and (call.venue.profile.refuses_mixed_subscribe or not new):
        raise Refusal("ALREADY_SUBSCRIBED", f"Already subscribed to {what} of a listed symbol")
    return new


def _check_room(call: Call, new: int) -> None:
    """Raise Refusal where a connection would have too many subscriptions (SW-20)."""
    most = call.venue.profile.max_subscriptions
    if most is not None and call.venue.spots.count(call.client) + new > most:
        raise invalid_request(f"More than {most} symbols are subscribed")


def _check_spots(call: Call, account_id: int, symbol_id: int) -> None:
    """Raise Refusal where live bars or depth are asked for without quotes (SW-55)."""
    call.book(account_id)
    call.symbol(symbol_id)
    if call.venue.spots.is_subscribed(call.client, account_id, symbol_id):
        return
    raise Refusal(
        call.venue.profile.without_spots.value, f"Not subscribed to spots of symbol {symbol_id}"
    )


def _check_nothing_hangs_on(call: Call, account_id: int, symbol_id: int) -> None:
    """Raise Refusal while live bars or depth need the quotes (SW-56)."""
    venue, client = call.venue, call.client
    if venue.spots.periods(client, account_id, symbol_id) or venue.depths.is_subscribed(
        client, account_id, symbol_id
    ):
        raise invalid_request(f"Trendbars or depth of symbol {symbol_id} are still subscribed")


def _check_was_subscribed(call: Call, code: str, *, had: bool) -> None:
    """Raise Refusal where there was nothing to unsubscribe, if that is an error (SW-57)."""
    if not had and call.venue.profile.refuses_idle_unsubscribe:
        raise Refusal(code, "There is no such subscription")


SPOT_HANDLERS: dict[int, Handler] = {
    2127: _subscribe,
    2129: _unsubscribe,
    2135: _subscribe_bars,
    2136: _unsubscribe_bars,
    2156: _subscribe_depth,
    2158: _unsubscribe_depth,
}
