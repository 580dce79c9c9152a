"""Settings: what the environment says, read once by the entry points and frozen. Holds no logic.

Every error names the variable and the cure. Secrets are SecretStr, so a printed Settings shows
none of them.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from fxpool.errors import SettingsError

PREFIX: Final = "CTRADER_"
DEFAULT_URL: Final = "http://localhost:8088"


Port = Annotated[int, Field(ge=0, le=65535)]
NO_SECRET: Final = SecretStr("")


class Settings(BaseSettings):
    """The configuration of one process.

    A field's variable is its name in upper case after ``CTRADER_``; LOG_LEVEL has no prefix.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        env_ignore_empty=True,
    )

    client_id: str = ""
    client_secret: SecretStr = NO_SECRET
    redirect_uri: str = "http://localhost:8080/api/ctrader/callback"
    access_token: SecretStr = NO_SECRET

    env: Literal["demo", "live"] = "demo"
    test_account: str = "12345"

    pool_host: str = "127.0.0.1"
    pool_port: Port = 8088
    pool_api_key: SecretStr = NO_SECRET
    pool_api_url: str = ""
    pool_url: str = ""

    routing_config: Path | None = None
    symbols_file: Path | None = None
    demo_config: Path | None = None

    demo_host: str = "demo.ctraderapi.com"
    demo_port: Port = 5035
    live_host: str = "live.ctraderapi.com"
    live_port: Port = 5035
    ca_file: Path | None = None

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(validation_alias="LOG_LEVEL")
    ] = "INFO"

    @classmethod
    def from_environment(cls) -> Self:
        """Read the process environment.

        Raises SettingsError that names each wrong variable and what it accepts.
        """
        try:
            return cls()
        except ValidationError as exc:
            raise SettingsError("; ".join(_explain(error) for error in exc.errors())) from None

    @model_validator(mode="after")
    def _refuse_an_open_door(self) -> Self:
        if not self.pool_api_key.get_secret_value() and not is_loopback(self.pool_host):
            raise ValueError(
                f"CTRADER_POOL_HOST {self.pool_host} can be reached from other machines: set "
                "CTRADER_POOL_API_KEY as well, or bind to 127.0.0.1"
            )
        return self

    @property
    def client_url(self) -> str:
        """The pool's base URL for clients, without a trailing slash."""
        return (self.pool_api_url or self.pool_url or DEFAULT_URL).rstrip("/")


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
    variable = name if name == "LOG_LEVEL" else PREFIX + name.removeprefix(PREFIX)
    return f"{variable}: {text}"
