"""The routes, one module per topic. Each translates one call and holds no rule of its own."""

from fxpool.gateway.routes import (
    accounts,
    halts,
    history,
    oauth,
    pool,
    prices,
    streaming,
    symbols,
    tickets,
    trading,
)

ROUTERS = (
    accounts.router,
    history.router,
    trading.router,
    halts.router,
    tickets.router,
    prices.router,
    streaming.router,
    symbols.router,
    pool.router,
    oauth.router,
)

__all__ = ["ROUTERS"]
