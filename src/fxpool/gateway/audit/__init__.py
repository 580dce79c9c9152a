"""The audit log of the gateway: what is told of each call, and how it gets into the chain."""

from fxpool.gateway.audit.trail import AuditTrail

__all__ = ["AuditTrail"]
