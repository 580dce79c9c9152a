"""How we show a Vault or OpenBao server who we are: a token, an AppRole, a Kubernetes pod.

Knows what a login sends and the names of its settings, not how it is sent.

Source: the HTTP API of Vault: auth methods AppRole and Kubernetes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from fxpool.errors import SecretUnreadable, SettingsError
from fxpool.settings import Settings

_ONE_OF: Final = (
    "set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_KUBERNETES_ROLE in a pod"
)


class RoleLogin(Protocol):
    """A role that gets a token for what it can show."""

    @property
    def variables(self) -> str:
        """The settings that a refusal may be about, for people."""
        ...

    @property
    def path(self) -> str:
        """Where to log in, below ``/v1/``."""
        ...

    def body(self) -> dict[str, str]:
        """Return what to send; may read a file. Raises SecretUnreadable."""
        ...


@dataclass(frozen=True, slots=True)
class AppRole:
    """A role with its secret id."""

    role_id: str
    secret_id: str = field(repr=False)

    variables = "VAULT_ROLE_ID or VAULT_SECRET_ID"
    path = "auth/approle/login"

    def body(self) -> dict[str, str]:
        return {"role_id": self.role_id, "secret_id": self.secret_id}


@dataclass(frozen=True, slots=True)
class KubernetesRole:
    """A pod, which shows the token of its service account.

    Attributes:
        mount: where the auth method is enabled.
        token_file: read at each login, since the cluster replaces its content about every hour.
    """

    role: str
    mount: str
    token_file: Path

    @property
    def variables(self) -> str:
        return f"VAULT_KUBERNETES_ROLE or the token in {self.token_file}"

    @property
    def path(self) -> str:
        return f"auth/{self.mount.strip('/')}/login"

    def body(self) -> dict[str, str]:
        try:
            jwt = self.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise SecretUnreadable(
                f"{self.token_file}: the service account's token cannot be read "
                f"({type(exc).__name__}): mount it, or set VAULT_KUBERNETES_TOKEN_FILE"
            ) from exc
        return {"role": self.role, "jwt": jwt}


@dataclass(frozen=True, slots=True)
class VaultLogin:
    """A token, or a role that gets one by itself."""

    token: str = field(default="", repr=False)
    role: RoleLogin | None = None

    @property
    def variables(self) -> str:
        """The settings that a refusal may be about, for people."""
        return "VAULT_TOKEN" if self.role is None else self.role.variables


def vault_login_from(settings: Settings) -> VaultLogin:
    """Return the login that the settings mean. Raises SettingsError for none and for two roles."""
    if settings.vault_role_id and settings.vault_kubernetes_role:
        raise SettingsError(
            "VAULT_ROLE_ID and VAULT_KUBERNETES_ROLE are both set: leave one of them out"
        )
    token = settings.vault_token.get_secret_value()
    if settings.vault_role_id:
        secret_id = settings.vault_secret_id.get_secret_value()
        return VaultLogin(token, AppRole(settings.vault_role_id, secret_id))
    if settings.vault_kubernetes_role:
        role = KubernetesRole(
            settings.vault_kubernetes_role,
            settings.vault_kubernetes_mount,
            settings.vault_kubernetes_token_file,
        )
        return VaultLogin(token, role)
    if not token:
        raise SettingsError(f"VAULT_ADDR is set: {_ONE_OF}")
    return VaultLogin(token)
