"""The simulated broker's engine: matching, margin and ledger. Pure; knows no wire and no time."""

from fxpool.simulator.engine.engine import Engine, Told
from fxpool.simulator.engine.rules import Rules

__all__ = ["Engine", "Rules", "Told"]
