"""``fxpool serve``: the gateway for the accounts that the environment configures."""

from __future__ import annotations

import structlog

from fxpool.cli import logs
from fxpool.cli.exits import end_with
from fxpool.cli.lifetime import run_until_signal
from fxpool.clock import SystemClock
from fxpool.errors import FxPoolError
from fxpool.gateway import GatewayServer, create_app, serve
from fxpool.gateway.access.setup import access_from
from fxpool.gateway.callback_rules import CallbackRules
from fxpool.gateway.rate_limits import RateLimits
from fxpool.gateway.shared_rates import rate_counters
from fxpool.platforms.assembly import platform_from
from fxpool.settings import Settings
from fxpool.store.access import SqlAccessStore


def run(*, host: str | None, port: int | None) -> None:
    """Serve until a signal; arguments win over the environment."""
    try:
        settings = Settings.from_environment()
        logs.configure(settings.log_level)
        run_until_signal(
            lambda: _serve(
                settings,
                host=settings.pool_host if host is None else host,
                port=settings.pool_port if port is None else port,
            )
        )
    except FxPoolError as error:
        end_with(error)


async def _serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve the configured platforms from their opening to its close."""
    clock = SystemClock()
    store = SqlAccessStore(settings.journal_url)
    access = access_from(settings, store, clock=clock)
    try:
        await access.open()
        access.require_key_at(host)
        platform = await platform_from(settings, clock=clock)
        async with rate_counters(settings, clock=clock) as counters:
            app = create_app(
                platform,
                clock=clock,
                access=access,
                rates=RateLimits(counters),
                volumes=store,
                callbacks=CallbackRules.from_settings(settings),
            )
            await platform.open()
            try:
                await serve(app, host=host, port=port, announce=_announce)
            finally:
                await platform.close()
                await access.close()
    finally:
        await store.close()


def _announce(server: GatewayServer) -> None:
    structlog.get_logger(__name__).info("gateway listens", url=server.url)
