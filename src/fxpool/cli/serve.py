"""``fxpool serve``: the gateway for the accounts that the environment configures."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TextIO

import structlog
import typer
from alembic.util import CommandError

import fxpool
from fxpool.cli import logs, pauses
from fxpool.cli.exits import Exit, end_server_with
from fxpool.cli.lifetime import run_until_signal
from fxpool.cli.supervision import ServiceManager
from fxpool.clock import SystemClock
from fxpool.errors import FxPoolError, SettingsError
from fxpool.gateway import GatewayServer, create_app, serve
from fxpool.gateway.access.setup import access_from
from fxpool.gateway.audit.setup import audit_trail_from
from fxpool.gateway.callback_rules import CallbackRules
from fxpool.gateway.certificates import ListenerCertificate, certificate_from
from fxpool.gateway.rate_limits import RateLimits
from fxpool.gateway.shared_rates import rate_counters
from fxpool.platforms.assembly import platform_from
from fxpool.platforms.configuration import Configuration, log_level_from
from fxpool.settings import Settings, unread_variables
from fxpool.store.access import SqlAccessStore

log = structlog.get_logger(__name__)


def run(*, host: str | None, port: int | None, log_to: TextIO) -> None:
    """Serve until a signal; arguments win over the environment.

    A second signal does not wait for requests in flight: orders that were sent are answered as
    unknown, with their tickets.
    """
    try:
        settings = Settings.from_environment()
        logs.configure(settings.log_level, stream=log_to, secrets=settings.secrets())
        log.info(
            "gateway starts", version=fxpool.__version__, data=str(settings.data_dir.resolve())
        )
        for text in unread_variables(os.environ):
            log.warning("a variable is not read", variable=text)
        _allow_many_links()
        run_until_signal(
            lambda: _serve(
                settings,
                host=settings.pool_host if host is None else host,
                port=settings.pool_port if port is None else port,
            )
        )
    except FxPoolError as error:
        end_server_with(error)
    except CommandError as error:  # alembic's word for tables that it has no migration of
        text = f"the tables were made by a newer fxpool ({error}): start that, or use a backup"
        end_server_with(SettingsError(text))
    except Exception:  # the last frame of the process: logged as a line, told by the exit code
        log.exception("internal error")
        raise typer.Exit(Exit.BROKEN) from None
    log.info("gateway stopped")


async def _serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve the configured platforms from their opening to its close."""
    logs.set_level(log_level_from(settings))
    clock = SystemClock()
    manager = ServiceManager.from_environment()
    store = SqlAccessStore(settings.journal_url)
    access = access_from(settings, store, clock=clock)

    def announce(server: GatewayServer) -> None:
        pauses.shorten()
        log.info("gateway listens", url=server.url)
        manager.is_ready()

    async with AsyncExitStack() as ending:
        ending.push_async_callback(store.close)
        await access.open()
        access.require_key_at(host)
        platform = await platform_from(settings, clock=clock)
        certificate = certificate_from(settings, clock=clock)
        counters = await ending.enter_async_context(rate_counters(settings, clock=clock))
        trail = await ending.enter_async_context(audit_trail_from(settings, clock=clock))
        configuration = Configuration(settings, platform, clock=clock, set_log_level=logs.set_level)
        app = create_app(
            platform,
            clock=clock,
            access=access,
            rates=RateLimits(counters),
            volumes=store,
            callbacks=CallbackRules.from_settings(settings),
            certificate=certificate,
            configuration=configuration,
            trail=trail,
        )
        ending.push_async_callback(access.close)
        await platform.open()
        await ending.enter_async_context(manager.watched())
        ending.enter_context(_reloading(configuration, certificate, manager))
        await serve(app, host=host, port=port, announce=announce, close=platform.close)


def _allow_many_links() -> None:
    """Take as many open files as we may have: each caller's link is one, and the usual 1024 few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def _reloading(
    configuration: Configuration,
    certificate: ListenerCertificate | None,
    manager: ServiceManager,
) -> Iterator[None]:
    """Read again at SIGHUP what can be read again."""

    def reload() -> None:
        manager.is_reloading()
        configuration.reload_soon()
        if certificate is not None:
            certificate.reload()
        manager.is_ready()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
