"""A simulated Open API broker: a product of its own, and what fxpool is tested against.

Shares only the wire with the rest of fxpool, so it repeats none of its mistakes.
"""

from fxpool.simulator.engine.accounts import (
    AccessRights,
    AccountSpec,
    AccountType,
    LimitedRiskMargin,
    MarginMode,
    StopOutStrategy,
)
from fxpool.simulator.engine.rules import Rules
from fxpool.simulator.market.replay import Replay
from fxpool.simulator.options import SimulatorOptions
from fxpool.simulator.profile import Profile, RateError, UnauthorisedAccount, WrongEnvironment
from fxpool.simulator.server import Simulator
from fxpool.simulator.tokens import Grant, Scope

__all__ = [
    "AccessRights",
    "AccountSpec",
    "AccountType",
    "Grant",
    "LimitedRiskMargin",
    "MarginMode",
    "Profile",
    "RateError",
    "Replay",
    "Rules",
    "Scope",
    "Simulator",
    "SimulatorOptions",
    "StopOutStrategy",
    "UnauthorisedAccount",
    "WrongEnvironment",
]
