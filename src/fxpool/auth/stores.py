"""Settings -> the secret store they mean: Vault if there is one, else the encrypted file.

Environment variables stand in for entries that the store does not have.
"""

from __future__ import annotations

from typing import Final

import structlog
from pydantic import SecretStr

from fxpool.auth.environment import EnvironmentStore
from fxpool.auth.file_key import Keys, KeySource
from fxpool.auth.file_store import FileStore
from fxpool.auth.keyring_key import KeyringKeys
from fxpool.auth.secrets import APPLICATION, TELEGRAM, SecretStore, WithFallback
from fxpool.auth.vault import VaultStore
from fxpool.auth.vault_login import vault_login_from
from fxpool.errors import SecretForbidden, SettingsError
from fxpool.settings import Settings

_RESCUE_FILE: Final = "rescued-tokens.bin"

log = structlog.get_logger(__name__)


def secret_store_from(settings: Settings) -> SecretStore:
    """Return the store of this process; nothing is read or written yet. Raises SettingsError."""
    return WithFallback(own_store_from(settings), EnvironmentStore(settings))


def own_store_from(settings: Settings) -> SecretStore:
    """Return the store without what the environment adds to it. Raises SettingsError."""
    if settings.vault_addr:
        return _vault_from(settings)
    return file_store_from(settings)


def file_store_from(settings: Settings) -> FileStore:
    """Return the encrypted file, also where it is not the store of this process."""
    return FileStore(settings.secrets_path, key_source_from(settings))


def encrypted_files_from(settings: Settings) -> list[FileStore]:
    """Return all files there are that the file key encrypts."""
    keys = key_source_from(settings)
    paths = (settings.secrets_path, settings.data_dir / _RESCUE_FILE)
    return [store for store in (FileStore(path, keys) for path in paths) if store.exists]


def rescue_store_from(settings: Settings) -> SecretStore | None:
    """Return the file that takes a new pair of tokens while Vault is away; None without Vault."""
    if not settings.vault_addr:
        return None
    return FileStore(settings.data_dir / _RESCUE_FILE, key_source_from(settings))


async def with_stored_application(settings: Settings) -> Settings:
    """Return the settings with the application's credentials from the store, where it has them.

    Raises SecretError and SettingsError.
    """
    store = secret_store_from(settings)
    try:
        fields = (await store.read(APPLICATION)).fields
    finally:
        await store.close()
    changes: dict[str, object] = {
        name: fields[name] for name in ("client_id", "redirect_uri") if fields.get(name)
    }
    if fields.get("client_secret"):
        changes["client_secret"] = SecretStr(fields["client_secret"])
    return settings.model_copy(update=changes)


async def with_stored_alerts(settings: Settings) -> Settings:
    """Return the settings with the store's Telegram bot, where the environment names none.

    A store that does not let us read it is no reason not to trade: it is logged. Raises
    SecretError for others, and SettingsError.
    """
    if settings.telegram_bot_token.get_secret_value() or settings.telegram_chat_id:
        return settings
    store = own_store_from(settings)
    try:
        fields = (await store.read(TELEGRAM)).fields
    except SecretForbidden as exc:
        log.info("no Telegram bot is read from the secret store", error=str(exc))
        return settings
    finally:
        await store.close()
    bot = {
        "telegram_bot_token": SecretStr(fields.get("bot_token", "")),
        "telegram_chat_id": fields.get("chat_id", ""),
    }
    return settings.model_copy(update=bot)


def _vault_from(settings: Settings) -> VaultStore:
    return VaultStore(
        settings.vault_addr,
        vault_login_from(settings),
        mount=settings.vault_mount,
        namespace=settings.vault_namespace,
        ca_file=settings.vault_cacert,
    )


def key_source_from(settings: Settings) -> Keys:
    """Return where the key of the encrypted files is. Raises SettingsError."""
    if settings.secrets_keyring:
        if settings.secrets_key.get_secret_value() or settings.secrets_key_file is not None:
            raise SettingsError(
                "CTRADER_SECRETS_KEYRING and CTRADER_SECRETS_KEY or CTRADER_SECRETS_KEY_FILE are "
                "set: the key is in one place, so unset the others"
            )
        return KeyringKeys(settings.secrets_keyring)
    return KeySource(settings.secrets_key_path, settings.secrets_key.get_secret_value())
