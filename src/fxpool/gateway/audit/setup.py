"""Settings -> the audit log they mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fxpool.auth import own_store_from
from fxpool.clock import Clock
from fxpool.gateway.audit.anchor import Anchor
from fxpool.gateway.audit.seam import taking_audit_logs
from fxpool.gateway.audit.trail import AuditTrail
from fxpool.settings import Settings
from fxpool.store.audit import SqlAuditStore
from fxpool.store.audit_orders import AuditOrders


def audit_store_from(settings: Settings) -> SqlAuditStore:
    """Return the audit log's table. Raises SettingsError."""
    return SqlAuditStore(settings.audit_url)


def anchor_from(settings: Settings) -> Anchor:
    """Return what is kept of the audit log in the secret store. Raises SettingsError."""
    return Anchor(own_store_from(settings))


@asynccontextmanager
async def audit_trail_from(settings: Settings, *, clock: Clock) -> AsyncIterator[AuditTrail]:
    """Keep an audit log open, which takes what the logger ``fxpool.audit`` is told too.

    Raises SettingsError.
    """
    orders = AuditOrders(settings.journal_url)
    trail = AuditTrail(
        audit_store_from(settings),
        anchor_from(settings),
        instance=settings.instance_name,
        kept=timedelta(days=settings.audit_days),
        clock=clock,
        orders=orders.between,
    )
    try:
        async with trail:
            with taking_audit_logs(trail, clock):
                yield trail
    finally:
        await orders.close()
