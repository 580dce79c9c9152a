"""The routes, one module per topic. Each translates one call and holds no rule of its own."""

from fxpool.gateway.routes import accounts, pool, prices, streaming, symbols, trading

ROUTERS = (
    accounts.router,
    trading.router,
    prices.router,
    streaming.router,
    symbols.router,
    pool.router,
)

__all__ = ["ROUTERS"]
