"""What ``fxpool serve`` would refuse of the service's own settings, as findings of the doctor:
symbol names, certificate, callers, alerts. Each is loaded as the gateway loads it; nothing is sent.
"""

from __future__ import annotations

from fxpool.alerts import sender_from
from fxpool.cli.checkups import Finding, Verdict
from fxpool.clock import SystemClock
from fxpool.errors import AlertNotSent, SettingsError
from fxpool.gateway.access.setup import access_from
from fxpool.gateway.certificates import certificate_from
from fxpool.platforms.ctrader_setup import symbol_rules_from
from fxpool.settings import Settings, is_loopback
from fxpool.store.access import SqlAccessStore


async def all_of(settings: Settings) -> list[Finding]:
    """Return a finding for each."""
    return [
        symbol_names(settings),
        listener_tls(settings),
        await callers(settings),
        await alerts(settings),
    ]


def symbol_names(settings: Settings) -> Finding:
    """Whether the file of symbol names can be read."""
    what = "symbol names"
    try:
        return Finding(what, Verdict.PASS, f"{len(symbol_rules_from(settings))} are configured")
    except SettingsError as exc:
        return Finding(what, Verdict.FAIL, str(exc))


def listener_tls(settings: Settings) -> Finding:
    """Whether the gateway can speak TLS, where it should, and for how long."""
    what = "gateway TLS"
    try:
        certificate = certificate_from(settings, clock=SystemClock())
    except SettingsError as exc:
        return Finding(what, Verdict.FAIL, str(exc))
    if certificate is None:
        return Finding(what, Verdict.PASS, "none: plain HTTP")
    if certificate.failure is not None:
        return Finding(what, Verdict.WARN, f"{certificate.failure}: renew it")
    return Finding(what, Verdict.PASS, f"its certificate is good until {certificate.ends:%F}")


async def callers(settings: Settings) -> Finding:
    """Whether who may call is said in a way that can be understood. Keys that were made are in the
    database, which ``serve`` looks at."""
    what, store = "callers", SqlAccessStore(settings.journal_url)
    try:
        access = access_from(settings, store, clock=SystemClock())
    except SettingsError as exc:
        return Finding(what, Verdict.FAIL, str(exc))
    finally:
        await store.close()
    if access.has_key:
        return Finding(what, Verdict.PASS, "need a key")
    if is_loopback(settings.pool_host):
        return Finding(what, Verdict.PASS, "are the programs of this machine; keys are optional")
    cure = "one that `fxpool keys list` shows, or set CTRADER_POOL_API_KEY"
    return Finding(
        what, Verdict.WARN, f"{settings.pool_host} is open to others: it needs a key, {cure}"
    )


async def alerts(settings: Settings) -> Finding:
    """Whether alerts go anywhere, and to services that exist; none is sent."""
    what = "alerts"
    try:
        sender = sender_from(settings)
        if sender is None:
            cure = "set TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID, or CTRADER_ALERT_URLS"
            return Finding(what, Verdict.PASS, f"go to the log only; {cure}")
        await sender.check()
    except (SettingsError, AlertNotSent) as exc:
        return Finding(what, Verdict.FAIL, str(exc))
    return Finding(what, Verdict.PASS, "are sent, by a bot or a service")
