"""Tokens and secrets: kept in a store, renewed by one writer, given by a person's consent.

``tokens`` and ``consent`` are pure; ``keeper`` renews; ``vault``, ``file_store`` and
``environment`` are places of secrets; ``stores`` chooses one by the settings.
"""

from fxpool.auth.keeper import TokenKeeper, TokenStatus
from fxpool.auth.secrets import ACCOUNTS, APPLICATION, Secret, SecretStore
from fxpool.auth.service import HttpTokenService, PoolRefresher, Refresher
from fxpool.auth.stores import (
    own_store_from,
    rescue_store_from,
    secret_store_from,
    with_stored_alerts,
    with_stored_application,
)
from fxpool.auth.tokens import TokenPair

__all__ = [
    "ACCOUNTS",
    "APPLICATION",
    "HttpTokenService",
    "PoolRefresher",
    "Refresher",
    "Secret",
    "SecretStore",
    "TokenKeeper",
    "TokenPair",
    "TokenStatus",
    "own_store_from",
    "rescue_store_from",
    "secret_store_from",
    "with_stored_alerts",
    "with_stored_application",
]
