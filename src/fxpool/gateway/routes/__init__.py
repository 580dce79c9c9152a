"""The routes, one module per topic. Each translates one call and holds no rule of its own."""

from fxpool.gateway.routes import (
    accounts,
    audit,
    documents,
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

# Routes are tried one after the other, so those of orders are first.
ROUTERS = (
    trading.router,
    accounts.router,
    history.router,
    halts.router,
    tickets.router,
    prices.router,
    streaming.router,
    symbols.router,
    pool.router,
    audit.router,
    documents.router,
    oauth.router,
)

__all__ = ["ROUTERS"]
