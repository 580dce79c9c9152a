"""All routers of MetaApi's REST API, those of orders first."""

from __future__ import annotations

from fxpool.gateway.metaapi import accounts, history, market, statistics, trading

ROUTERS = (trading.router, accounts.router, market.router, history.router, statistics.router)
