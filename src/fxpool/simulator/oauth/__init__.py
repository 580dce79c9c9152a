"""The OAuth side of the simulated broker: a consent page for people, tokens for applications."""

from fxpool.simulator.oauth.desk import ConsentDesk
from fxpool.simulator.oauth.pages import oauth_app

__all__ = ["ConsentDesk", "oauth_app"]
