"""Settings: what the environment says, read once by the entry points and frozen. Holds no logic.

Every error names the variable and the cure. Secrets are SecretStr, so a printed Settings shows
none of them.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from fxpool.errors import SettingsError

PREFIX: Final = "CTRADER_"
DEFAULT_URL: Final = "http://localhost:8088"


LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Port = Annotated[int, Field(ge=0, le=65535)]


def _web_address(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return text


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""An address, or nothing."""
NO_SECRET: Final = SecretStr("")


class Settings(BaseSettings):
    """The configuration of one process.

    A field's variable is its name in upper case after ``CTRADER_``; LOG_LEVEL and those of Vault,
    Redis, Telegram, MetaApi and other pools have no prefix. Without REDIS_URL and REDIS_HOST there
    is no Redis; MetaTrader accounts are served with METAAPI_TOKEN or POOL_API_URL, DXtrade accounts
    with DXTRADE_POOL_API_URL.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        env_ignore_empty=True,
        use_attribute_docstrings=True,
    )

    client_id: str = ""
    """The application's id at openapi.ctrader.com; the secret ``ctrader/oauth`` goes before it."""
    client_secret: SecretStr = NO_SECRET
    """Its secret; likewise."""
    redirect_uri: str = "http://localhost:8080/api/ctrader/callback"
    """Where cTrader's consent page sends the browser back, as registered for the application."""
    access_token: SecretStr = NO_SECRET
    """An access token for all accounts, where no store keeps any."""
    refresh_token: SecretStr = NO_SECRET
    """Its refresh token."""
    consent_url: WebAddress = "https://id.ctrader.com/my/settings/openapi/grantingaccess/"
    """cTrader's consent page."""
    token_url: WebAddress = "https://openapi.ctrader.com/apps/token"  # noqa: S105 (an address)
    """cTrader's token endpoint."""
    renew_tokens_by: Literal["session", "http"] = "session"
    """Where tokens are renewed: on a session of the pool, or over HTTPS at the token endpoint."""

    vault_addr: Annotated[WebAddress, Field(validation_alias="VAULT_ADDR")] = ""
    """A Vault or OpenBao server to keep secrets in; empty for the encrypted file."""
    vault_token: Annotated[SecretStr, Field(validation_alias="VAULT_TOKEN")] = NO_SECRET
    """A token of Vault, or"""
    vault_role_id: Annotated[str, Field(validation_alias="VAULT_ROLE_ID")] = ""
    """an AppRole of Vault"""
    vault_secret_id: Annotated[SecretStr, Field(validation_alias="VAULT_SECRET_ID")] = NO_SECRET
    """with its secret, or"""
    vault_kubernetes_role: Annotated[str, Field(validation_alias="VAULT_KUBERNETES_ROLE")] = ""
    """a role of Vault's Kubernetes auth method."""
    vault_kubernetes_mount: Annotated[str, Field(validation_alias="VAULT_KUBERNETES_MOUNT")] = (
        "kubernetes"
    )
    """Where that method is mounted."""
    vault_kubernetes_token_file: Annotated[
        Path, Field(validation_alias="VAULT_KUBERNETES_TOKEN_FILE")
    ] = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    """The service account's token."""
    vault_namespace: Annotated[str, Field(validation_alias="VAULT_NAMESPACE")] = ""
    """Vault's namespace."""
    vault_cacert: Annotated[Path | None, Field(validation_alias="VAULT_CACERT")] = None
    """Who signed its certificate, PEM; else the system's authorities."""
    vault_mount: Annotated[str, Field(validation_alias="VAULT_MOUNT")] = "secret"
    """Where its KV store is mounted."""

    redis_url: Annotated[SecretStr, Field(validation_alias="REDIS_URL")] = NO_SECRET
    """A Redis that gateways share, ``redis://`` or ``rediss://``; goes before single settings."""
    redis_host: Annotated[str, Field(validation_alias="REDIS_HOST")] = ""
    """Its host, instead of a URL; without either there is no Redis."""
    redis_port: Annotated[Port, Field(validation_alias="REDIS_PORT")] = 6379
    """Its port."""
    redis_db: Annotated[int, Field(ge=0, validation_alias="REDIS_DB")] = 0
    """Its database."""
    redis_username: Annotated[str, Field(validation_alias="REDIS_USERNAME")] = ""
    """Its user."""
    redis_password: Annotated[SecretStr, Field(validation_alias="REDIS_PASSWORD")] = NO_SECRET
    """The user's password."""
    redis_tls: Annotated[bool, Field(validation_alias="REDIS_TLS")] = False
    """Whether it speaks TLS."""
    redis_cacert: Annotated[Path | None, Field(validation_alias="REDIS_CACERT")] = None
    """Who signed its certificate, PEM."""
    instance: str = ""
    """What tells this gateway from others on one Redis; host name and port if empty."""

    secrets_file: Path | None = None
    """The encrypted file of secrets; ``secrets.bin`` in the data folder if empty."""
    secrets_key: SecretStr = NO_SECRET
    """The key of that file, urlsafe base64; or"""
    secrets_key_file: Path | None = None
    """the file that the key is in; beside the file of secrets if empty."""
    secrets_keyring: str = ""
    """The name under which the operating system's keyring holds that key; empty for a key file."""

    env: Literal["demo", "live"] = "demo"
    """The environment of accounts that name none."""
    test_account: str = "12345"
    """The account that `make test` reads at a real broker, where it is given one."""

    pool_host: str = "127.0.0.1"
    """The address to listen on; any but loopback needs keys of callers."""
    pool_port: Port = 8088
    """The port to listen on."""
    pool_api_key: SecretStr = NO_SECRET
    """One key of a caller who may do everything; `fxpool keys create` makes others."""
    pool_tls_cert: Path | None = None
    """The listener's certificate chain, PEM; without it the service speaks plain HTTP."""
    pool_tls_key: Path | None = None
    """Its key; without it the key is in the certificate's file too."""
    pool_trusted_proxies: str = ""
    """Addresses of proxies whose ``X-Forwarded-For`` is believed, with commas between."""
    pool_allowed_hosts: str = ""
    """Host names under which browsers reach us, beside that of the redirect URI."""
    pool_cors_origins: str = ""
    """Origins of web pages that may call, with commas between."""
    pool_jwks_url: str = ""
    """The keys of who issues callers' JWTs."""
    pool_jwt_issuer: str = ""
    """Their ``iss``."""
    pool_jwt_audience: str = ""
    """Their ``aud``."""
    pool_api_url: str = ""
    """The pool that clients and commands call."""
    pool_url: str = ""
    """The same under an older name."""

    callback_secret: SecretStr = NO_SECRET
    """Signs the webhooks of reconnects; none is sent without it."""
    callback_hosts: str = ""
    """Hosts and networks that webhooks may lead to beside this machine, with commas between."""

    routing_config: Path | None = None
    """The file of accounts; ``config/routing-config.json`` if empty."""
    symbols_file: Path | None = None
    """The file of symbol names; ``config/symbols.json`` if empty."""
    demo_config: Path | None = None
    """A file of one account more, with its symbols and limits, such as ``config/demo.json``."""

    demo_host: str = "demo.ctraderapi.com"
    """The broker's host for demo accounts."""
    demo_port: Port = 5035
    """Its port."""
    live_host: str = "live.ctraderapi.com"
    """The broker's host for live accounts."""
    live_port: Port = 5035
    """Its port."""
    ca_file: Path | None = None
    """Who signed the broker's certificate, PEM, for a simulator."""

    data_dir: Path = Path("data")
    """The folder of everything that is kept in files."""
    audit_days: Annotated[int, Field(ge=31, le=36_500)] = 400
    """How long the audit log is kept; at least as long as order tickets are."""
    database_url: SecretStr = NO_SECRET
    """A PostgreSQL to keep orders, history, equity and audit lines in; SQLite files if empty."""
    margin_check: Literal["refuse", "warn", "off"] = "refuse"
    """What becomes of an order that needs more margin than is free."""
    order_settle_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 5.0
    """How long after a lost answer an order may still come to light at the broker."""

    alert_urls: SecretStr = NO_SECRET
    """apprise URLs with blanks between: where alerts are sent."""
    telegram_bot_token: Annotated[SecretStr, Field(validation_alias="TELEGRAM_BOT_TOKEN")] = (
        NO_SECRET
    )
    """A Telegram bot that sends the alerts; else ``bot_token`` of the secret ``telegram``."""
    telegram_chat_id: Annotated[str, Field(validation_alias="TELEGRAM_CHAT_ID")] = ""
    """To whom; else ``chat_id`` there."""

    metaapi_token: Annotated[SecretStr, Field(validation_alias="METAAPI_TOKEN")] = NO_SECRET
    """A token of metaapi.cloud: its accounts are served through its REST API."""
    metaapi_region: Annotated[str, Field(validation_alias="METAAPI_REGION")] = ""
    """Their region."""
    metaapi_url: Annotated[str, Field(validation_alias="METAAPI_URL")] = ""
    """One address for all of MetaApi's hosts, for a server that stands in for them."""
    metaapi_poll_seconds: Annotated[
        float, Field(gt=0, allow_inf_nan=False, validation_alias="METAAPI_POLL_SECONDS")
    ] = 5.0
    """How often an account is read."""
    metaapi_price_seconds: Annotated[
        float, Field(gt=0, allow_inf_nan=False, validation_alias="METAAPI_PRICE_SECONDS")
    ] = 5.0
    """How often a watched symbol's price is read."""
    metaapi_credits_per_second: Annotated[
        float, Field(gt=0, allow_inf_nan=False, validation_alias="METAAPI_CREDITS_PER_SECOND")
    ] = 100.0
    """How much of MetaApi's credits may be spent."""
    metaapi_settle_seconds: Annotated[
        float, Field(ge=0, allow_inf_nan=False, validation_alias="METAAPI_SETTLE_SECONDS")
    ] = 60.0
    """How long after a lost answer an order may still come to light there."""
    metaapi_pool_url: Annotated[str, Field(validation_alias="POOL_API_URL")] = ""
    """An existing MetaAPI pool service, as the other way to MetaTrader accounts."""
    dxtrade_pool_url: Annotated[str, Field(validation_alias="DXTRADE_POOL_API_URL")] = ""
    """A pool service that serves the DXtrade accounts."""

    log_level: Annotated[LogLevel, Field(validation_alias="LOG_LEVEL")] = "INFO"
    """Which log lines are written, from this level up; the routing file's globalSettings.logLevel
    counts more and holds at once."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read the process environment.

        Raises SettingsError that names each wrong variable and what it accepts.
        """
        try:
            return cls()
        except ValidationError as exc:
            raise SettingsError("; ".join(_explain(error) for error in exc.errors())) from None

    def secrets(self) -> Iterator[str]:
        """Return the secrets that are set, to be hidden in logs, and the passwords in addresses."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                for part in value.get_secret_value().split():  # several addresses, maybe
                    yield part
                    yield from _passwords(part)
            elif isinstance(value, str):
                yield from _passwords(value)

    @property
    def journal_url(self) -> SecretStr:
        """The order journal's SQLAlchemy URL: what is set, else a file in the data folder."""
        if self.database_url.get_secret_value():
            return self.database_url
        return SecretStr(f"sqlite:///{self.data_dir / 'fxpool.sqlite3'}")

    @property
    def history_url(self) -> SecretStr:
        """The SQLAlchemy URL of the accounts' past: what is set, else a file in the data folder
        of its own, so that no order waits for its writes."""
        if self.database_url.get_secret_value():
            return self.database_url
        return SecretStr(f"sqlite:///{self.data_dir / 'history.sqlite3'}")

    @property
    def audit_url(self) -> SecretStr:
        """The SQLAlchemy URL of the audit log: what is set, else a file in the data folder of its
        own, so that no order waits for its writes."""
        if self.database_url.get_secret_value():
            return self.database_url
        return SecretStr(f"sqlite:///{self.data_dir / 'audit.sqlite3'}")

    @property
    def instance_name(self) -> str:
        """What tells this gateway from others that share a Redis, the same after a restart."""
        return self.instance or f"{socket.gethostname()}:{self.pool_port}"

    @property
    def equity_url(self) -> SecretStr:
        """The SQLAlchemy URL of recorded equity: what is set, else a file in the data folder of
        its own, since nobody can tell it again."""
        if self.database_url.get_secret_value():
            return self.database_url
        return SecretStr(f"sqlite:///{self.data_dir / 'equity.sqlite3'}")

    @property
    def secrets_path(self) -> Path:
        """The encrypted file of secrets: what is set, else one in the data folder."""
        return self.secrets_file or self.data_dir / "secrets.bin"

    @property
    def secrets_key_path(self) -> Path:
        """The key of that file where no variable holds it: what is set, else beside the file."""
        return self.secrets_key_file or self.secrets_path.with_suffix(".key")

    @property
    def client_url(self) -> str:
        """The pool's base URL for clients, without a trailing slash."""
        return (self.pool_api_url or self.pool_url or DEFAULT_URL).rstrip("/")


def _passwords(text: str) -> Iterator[str]:
    """Return the password of an address, if the text is one that has any."""
    if "://" in text:
        yield urlsplit(text).password or ""


def unread_variables(names: Iterable[str]) -> Iterator[str]:
    """Return, in words, each of these variables that has our prefix and that nothing reads."""
    fields = Settings.model_fields.items()
    known = {str(field.validation_alias or f"{PREFIX}{name}".upper()) for name, field in fields}
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known:
            ours = sorted(each.removeprefix(PREFIX) for each in known if each.startswith(PREFIX))
            near = get_close_matches(name.removeprefix(PREFIX), ours, n=1, cutoff=0.7)
            meant = f"; did you mean {PREFIX}{near[0]}?" if near else ""
            yield f"{name} is read by nobody{meant}"


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether a server bound to this host can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _explain(error: ErrorDetails) -> str:
    """Return one error in words. The given value is left out: it may be a secret."""
    text = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return text
    name = str(error["loc"][0]).upper()
    has_prefix = name != "LOG_LEVEL" and not name.startswith(
        ("VAULT_", "REDIS_", "TELEGRAM_", "METAAPI_", "DXTRADE_")
    )
    variable = PREFIX + name.removeprefix(PREFIX) if has_prefix else name
    return f"{variable}: {text}"
