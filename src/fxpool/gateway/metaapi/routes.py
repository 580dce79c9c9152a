"""All routers of MetaApi's REST API, those of orders first."""

from __future__ import annotations

from fxpool.gateway.metaapi import accounts, history, market, trading

ROUTERS = (trading.router, accounts.router, market.router, history.router)
