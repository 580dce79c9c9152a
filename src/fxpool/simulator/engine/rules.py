"""Switches of the engine: open questions of the protocol, each with our default. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from fxpool.simulator.refusal import Carrier


@dataclass(frozen=True, slots=True)
class Rules:
    """How the engine answers where documentation and observation leave a choice.

    Attributes:
        names_own_orders: closing and protective orders get a clientOrderId of the server (SW-33).
        first_protection_accepted: the first levels of a bare position are told as ACCEPTED of a
            new order; otherwise as REPLACED (SW-40).
        removal_cancels: removing both levels is told as CANCELLED of the protective order;
            otherwise as REPLACED without levels (SW-41).
        bare_close_is_closed: a full close without protection shows the position CLOSED in the fill;
            otherwise CREATED (SW-42).
        refuses_wrong_side: levels on the wrong side of the market are refused; otherwise they are
            accepted, and fill at once (SW-48).
        bad_stops_carrier: which message refuses them (SW-48).
        market_closed_carrier: which message says MARKET_CLOSED (SW-49).
    """

    names_own_orders: bool = True
    first_protection_accepted: bool = True
    removal_cancels: bool = True
    bare_close_is_closed: bool = True
    refuses_wrong_side: bool = True
    bad_stops_carrier: Carrier = Carrier.ORDER_ERROR
    market_closed_carrier: Carrier = Carrier.ORDER_ERROR
