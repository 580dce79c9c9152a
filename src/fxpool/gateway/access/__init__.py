"""Access control of our own API: who calls, what they may, and a guard in front of the platform."""

from fxpool.gateway.access.access import Access, Caller
from fxpool.gateway.access.operations import performs

__all__ = ["Access", "Caller", "performs"]
