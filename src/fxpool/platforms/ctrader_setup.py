"""Settings -> what the cTrader platform is made of: accounts, symbol rules, endpoints, secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fxpool.domain.symbol_names import SymbolRule
from fxpool.errors import SettingsError
from fxpool.mapping.symbols_file import parse_symbols
from fxpool.platforms.routing import AccountConfig, load_demo_config, load_routing_config
from fxpool.pool import ApplicationCredentials, Endpoint, Environment
from fxpool.settings import Settings

ROUTING_FILE: Final = Path("config/routing-config.json")
SYMBOLS_FILE: Final = Path("config/symbols.json")
"""Read where no setting names another file, if they exist in the working directory."""


def accounts_from(settings: Settings) -> list[AccountConfig]:
    """Return the configured cTrader accounts: those of the routing file and that of demo.json.

    An account that says no environment has that of CTRADER_ENV. Without both files there are none.
    Raises SettingsError.
    """
    default = Environment(settings.env)
    routing = _given_or_default(settings.routing_config, ROUTING_FILE)
    accounts = [] if routing is None else load_routing_config(routing, default)
    if settings.demo_config is not None:
        demo = load_demo_config(settings.demo_config, default)
        # The demo file names one account closer than the routing file: with symbols and limits.
        accounts = [account for account in accounts if account.key != demo.key] + [demo]
    return accounts


def symbol_rules_from(settings: Settings) -> list[SymbolRule]:
    """Return the configured symbol names; none without a file. Raises SettingsError."""
    path = _given_or_default(settings.symbols_file, SYMBOLS_FILE)
    if path is None:
        return []
    try:
        return parse_symbols(path.read_bytes(), source=str(path))
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be read: {exc.strerror or exc}") from exc


def endpoints_from(settings: Settings) -> Mapping[Environment, Endpoint]:
    """Return where the broker's two hosts are."""
    return {
        Environment.DEMO: Endpoint(
            settings.demo_host, settings.demo_port, ca_file=settings.ca_file
        ),
        Environment.LIVE: Endpoint(
            settings.live_host, settings.live_port, ca_file=settings.ca_file
        ),
    }


def credentials_from(settings: Settings) -> ApplicationCredentials:
    """Return who we are to the broker. Raises SettingsError that names what is missing.

    Accounts without a token are no error: each says that it needs its owner's consent.
    """
    secret = settings.client_secret.get_secret_value()
    missing = [
        name
        for name, value in (
            ("CTRADER_CLIENT_ID", settings.client_id),
            ("CTRADER_CLIENT_SECRET", secret),
        )
        if not value
    ]
    if missing:
        raise SettingsError(
            f"{', '.join(missing)} not set: take them from your application's page at "
            "openapi.ctrader.com, or keep them in the secret store as ctrader/oauth"
        )
    return ApplicationCredentials(settings.client_id, secret)


def _given_or_default(given: Path | None, default: Path) -> Path | None:
    return given or (default if default.is_file() else None)
