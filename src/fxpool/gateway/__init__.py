"""The HTTP side of a platform: pool routes, event streams, health and metrics on FastAPI.

Speaks to ``platforms.base.Platform`` only and never learns which platform it serves. Numbers come
in as exact decimals and go out as the platform made them; no trading rule lives here.
"""

from fxpool.gateway.app import Gateway, create_app
from fxpool.gateway.limits import GatewayLimits
from fxpool.gateway.server import GatewayServer, serve

__all__ = ["Gateway", "GatewayLimits", "GatewayServer", "create_app", "serve"]
