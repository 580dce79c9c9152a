"""What answers each request, by payload type. A handler takes a request that is complete."""

from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.handlers.history import HISTORY_HANDLERS
from fxpool.simulator.handlers.margin_calls import MARGIN_CALL_HANDLERS
from fxpool.simulator.handlers.market_data import MARKET_DATA_HANDLERS
from fxpool.simulator.handlers.reference import REFERENCE_HANDLERS
from fxpool.simulator.handlers.session import SESSION_HANDLERS
from fxpool.simulator.handlers.spots import SPOT_HANDLERS
from fxpool.simulator.handlers.state import STATE_HANDLERS
from fxpool.simulator.handlers.trading import TRADING_HANDLERS

HANDLERS: dict[int, Handler] = {
    **SESSION_HANDLERS,
    **REFERENCE_HANDLERS,
    **STATE_HANDLERS,
    **SPOT_HANDLERS,
    **TRADING_HANDLERS,
    **HISTORY_HANDLERS,
    **MARKET_DATA_HANDLERS,
    **MARGIN_CALL_HANDLERS,
}

__all__ = ["HANDLERS", "Call"]
