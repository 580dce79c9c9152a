"""Prometheus text."""

from __future__ import annotations

import httpx

from fxpool.gateway import create_app
from fxpool.gateway.metrics import Metrics
from fxpool.mapping.pool_formats import PoolStats
from harness.hub_platform import HubPlatform

STATS: PoolStats = {
    "connectionsCreated": 2,
    "connectionsReused": 5810,
    "tradesExecuted": 37,
    "errors": 4,
    "activeConnections": 1,
    "reuse_ratio": 0.9997,
    "accounts": {"total": 3, "synchronized": 2},
    "links": [],
    "requestsInFlight": 0,
    "subscriptions": 9,
    "uptimeSeconds": 5.5,
    "feedsResubscribed": 6,
    "feedsRevived": 1,
    "ticketsUnknown": 0,
    "ticketsLost": 0,
    "guardsTripped": 0,
    "guardsUnknown": 0,
    "profitChecks": 0,
    "profitChecksFailed": 0,
    "profitDifferences": 0,
    "exitsUnjournaled": 0,
    "ordersUnreadable": 0,
    "alerts": {"sent": 2, "failed": 0, "dropped": 0},
}


def test_the_pools_numbers_and_our_own_are_in_the_text() -> None:
    metrics = Metrics()
    metrics.count("GET", "/positions/{account_id}", 200, 0.001)
    metrics.streams, metrics.events = 2, 70
    lines = metrics.text(STATS, {"journal": "up", "tls": "degraded: ends"}).decode().splitlines()
    for line in (
        "fxpool_trades_total 37.0",
        "fxpool_active_connections 1.0",
        'fxpool_accounts{state="synchronized"} 2.0',
        "fxpool_silent_symbols_total 6.0",
        "fxpool_dead_feeds_total 1.0",
        'fxpool_check_up{check="journal"} 1.0',
        'fxpool_check_up{check="tls"} 0.0',
        "fxpool_streams 2.0",
        "fxpool_stream_events_total 70.0",
        'fxpool_http_requests_total{method="GET",route="/positions/{account_id}",status="200"} 1.0',
    ):
        assert line in lines


class BrokenPlatform(HubPlatform):
    async def pool_stats(self) -> PoolStats:
        raise ZeroDivisionError


async def test_an_internal_error_is_counted_too() -> None:
    app = create_app(BrokenPlatform())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/pool/stats")).status_code == 500
    counted = 'fxpool_http_requests_total{method="GET",route="/pool/stats",status="500"} 1.0'
    assert counted in app.metrics.text(STATS, {}).decode().splitlines()
