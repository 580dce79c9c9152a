"""Secrets from settings: read only, one token for all accounts. Never refreshed from here alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from fxpool.auth.secrets import ACCOUNTS, APPLICATION, Secret
from fxpool.errors import SecretReadOnly
from fxpool.settings import Settings


class EnvironmentStore:
    """The variables CTRADER_CLIENT_ID, _CLIENT_SECRET, _ACCESS_TOKEN and _REFRESH_TOKEN."""

    place = "environment variables"
    is_read_only = True

    def __init__(self, settings: Settings) -> None:
        self._application = {
            "client_id": settings.client_id,
            "client_secret": settings.client_secret.get_secret_value(),
            "redirect_uri": settings.redirect_uri,
        }
        self._tokens = {
            "access_token": settings.access_token.get_secret_value(),
            "refresh_token": settings.refresh_token.get_secret_value(),
        }

    async def read(self, path: str) -> Secret:
        if path == APPLICATION and self._application["client_id"]:
            return Secret(_filled(self._application))
        if path.startswith(f"{ACCOUNTS}/") and self._tokens["access_token"]:
            return Secret(_filled(self._tokens))
        return Secret()

    async def write(self, path: str, fields: Mapping[str, str], *, version: int) -> int:
        self._refuse()

    async def delete(self, path: str) -> None:
        self._refuse()

    async def names(self, folder: str) -> list[str]:
        return []  # the token stands for every account, so it names none

    async def tend(self) -> None:
        return

    async def close(self) -> None:
        return

    def _refuse(self) -> NoReturn:
        raise SecretReadOnly(
            "environment variables cannot be written: run `fxpool connect`, which makes an "
            "encrypted file, or set VAULT_ADDR"
        )


def _filled(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}
