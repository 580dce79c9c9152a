"""HashiCorp Vault and OpenBao over HTTP: KV version 2 with check-and-set, version 1 to read.

Knows the HTTP forms of the store, not what is kept in it. Errors hold paths, never values.

Source: the HTTP API of Vault: KV secrets engine, auth methods, sys/internal/ui/mounts.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import structlog

from fxpool.auth.secrets import Secret
from fxpool.auth.vault_login import RoleLogin, VaultLogin
from fxpool.clock import Clock, SystemClock
from fxpool.errors import (
    SecretConflict,
    SecretError,
    SecretForbidden,
    SecretReadOnly,
    SecretStoreDown,
    SecretStoreSealed,
    SecretUnreadable,
)
from fxpool.tls import client_context

TIMEOUT_SECONDS: Final = 10.0
_CONFLICT_WORDS: Final = "check-and-set"

_TOKEN_HEADER: Final = "X-Vault-Token"  # noqa: S105 (a name)

_TEND_SECONDS: Final = 30.0
"""The shortest pause between renewals of a token."""

_LOOK_SECONDS: Final = 30.0
"""How often is looked whether the server answers and is open, where nothing else asks it."""

_LOST_SECONDS: Final = 5.0
"""A renewal that leaves a token so much less than it had was the last that did any good."""

log = structlog.get_logger(__name__)


class VaultStore:
    """One KV mount of a Vault or OpenBao server."""

    is_read_only = False

    def __init__(
        self,
        address: str,
        login: VaultLogin,
        *,
        mount: str = "secret",
        namespace: str = "",
        ca_file: Path | None = None,
        timeout: float = TIMEOUT_SECONDS,
        clock: Clock | None = None,
    ) -> None:
        """Prepare; nothing is asked yet. Raises SettingsError for an unreadable CA file."""
        self._address, self._login, self._mount = address.rstrip("/"), login, mount.strip("/")
        headers = {"X-Vault-Request": "true"}
        if namespace:
            headers["X-Vault-Namespace"] = namespace
        self._http = httpx.AsyncClient(
            base_url=f"{self._address}/v1/",
            headers=headers,
            timeout=timeout,
            verify=client_context(ca_file, variable="VAULT_CACERT"),
        )
        self._token = login.token
        self._clock: Clock = clock or SystemClock()
        self._tend_at = self._look_at = -math.inf
        self._logging_in = asyncio.Lock()
        self._kv_version: int | None = None

    @property
    def place(self) -> str:
        return f"Vault at {self._address}, mount {self._mount}"

    async def read(self, path: str) -> Secret:
        path = self._inside(path)
        if await self._version() == 1:
            answer = await self._ask("GET", f"{self._mount}/{path}")
            with self._understood(path):
                return Secret() if answer is None else Secret(_texts(answer["data"], path), 1)
        answer = await self._ask("GET", f"{self._mount}/data/{path}", deleted_too=True)
        if answer is None:
            return Secret()
        with self._understood(path):
            content = answer["data"]
            return Secret(_texts(content["data"] or {}, path), int(content["metadata"]["version"]))

    async def write(self, path: str, fields: Mapping[str, str], *, version: int) -> int:
        path = self._inside(path)
        if await self._version() == 1:
            raise SecretReadOnly(
                f"{self.place} is a KV version 1 mount, which has no check-and-set: two writers "
                "could destroy each other's tokens; upgrade it with `vault kv enable-versioning`"
            )
        body = {"data": dict(fields), "options": {"cas": version}}
        answer = await self._ask("POST", f"{self._mount}/data/{path}", body)
        if answer is None:
            raise SecretError(f"{self.place}: no such mount")
        with self._understood(path):
            return int(answer["data"]["version"])

    async def delete(self, path: str) -> None:
        kind = "" if await self._version() == 1 else "metadata/"
        await self._ask("DELETE", f"{self._mount}/{kind}{self._inside(path)}")

    async def names(self, folder: str) -> list[str]:
        kind = "" if await self._version() == 1 else "metadata/"
        answer = await self._ask("LIST", f"{self._mount}/{kind}{folder}")
        with self._understood(folder):
            keys = [] if answer is None else answer["data"]["keys"]
            return sorted(key for key in keys if not key.endswith("/"))

    async def tend(self) -> None:
        """Renew VAULT_TOKEN, or log a role in again, at half of the token's life."""
        await self._look()
        if self._clock.now() < self._tend_at:
            return
        if self._login.role is not None:
            await self._log_in(self._login.role, stale=self._token)
            return
        answer = await self._ask("GET", "auth/token/lookup-self")
        with self._understood("auth/token/lookup-self"):
            token = {} if answer is None else answer["data"]
            seconds = float(token.get("ttl") or 0)
        if not seconds:
            self._tend_at = math.inf  # a root token never ends
            return
        if token.get("renewable"):
            renewed = await self._ask("POST", "auth/token/renew-self", {})
            with self._understood("auth/token/renew-self"):
                granted = float((renewed or {}).get("auth", {}).get("lease_duration") or 0)
            if granted < seconds - _LOST_SECONDS:
                log.warning("VAULT_TOKEN cannot live much longer: make another", seconds=granted)
            seconds = granted
        else:
            log.warning("VAULT_TOKEN is not renewable: make another in time", seconds=seconds)
        self._tend_at = self._clock.now() + max(seconds / 2, _TEND_SECONDS)

    async def close(self) -> None:
        await self._http.aclose()

    # Inside

    async def _look(self) -> None:
        """See now and then that the server is there and not sealed: a renewal may be days away."""
        if self._clock.now() < self._look_at:
            return
        response = await self._call("GET", "sys/seal-status", None, {})
        if (_json(response) or {}).get("sealed"):
            raise SecretStoreSealed(f"{self.place} is sealed: unseal it")
        if response.is_server_error:
            raise SecretStoreDown(f"{self.place}: answered {response.status_code}")
        self._look_at = self._clock.now() + _LOOK_SECONDS

    def _inside(self, path: str) -> str:
        """Return a path below the mount, however it was written: with mount, with ``data/``."""
        path = path.strip("/").removeprefix("v1/").removeprefix(f"{self._mount}/")
        return path.removeprefix("data/")

    async def _version(self) -> int:
        if self._kv_version is None:
            answer = await self._ask("GET", f"sys/internal/ui/mounts/{self._mount}", may_fail=True)
            with self._understood(self._mount):
                options = {} if answer is None else answer["data"].get("options") or {}
                # A token that may not see the mount's options is most likely on a current one.
                self._kv_version = int(options.get("version", 2 if answer is None else 1))
        return self._kv_version

    async def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        deleted_too: bool = False,
        may_fail: bool = False,
    ) -> dict[str, Any] | None:
        """Return an answer's JSON, or None for what is not there."""
        response = await self._send(method, path, body)
        token = response.request.headers[_TOKEN_HEADER]
        if response.status_code == httpx.codes.FORBIDDEN and self._login.role is not None:
            await self._log_in(self._login.role, stale=token)
            response = await self._send(method, path, body)
        content = _json(response)
        if response.status_code == httpx.codes.NOT_FOUND:
            return content if deleted_too and content and content.get("data") else None
        if may_fail and response.status_code == httpx.codes.FORBIDDEN:
            return None
        self._check(response.status_code, content, path)
        if response.content and (content is None or "data" not in content):
            raise SecretStoreDown(f"{self.place}: what answers {path} is no Vault")
        return content or {}

    async def _send(self, method: str, path: str, body: object = None) -> httpx.Response:
        if not self._token and self._login.role is not None:
            await self._log_in(self._login.role, stale="")
        return await self._call(method, path, body, {_TOKEN_HEADER: self._token})

    async def _call(
        self, method: str, path: str, body: object, headers: Mapping[str, str]
    ) -> httpx.Response:
        try:
            return await self._http.request(method, path, json=body, headers=headers)
        except httpx.TimeoutException as exc:
            raise SecretStoreDown(f"{self.place}: no answer in time") from exc
        except httpx.HTTPError as exc:
            raise SecretStoreDown(f"{self.place}: cannot be reached ({exc})") from exc

    async def _log_in(self, role: RoleLogin, *, stale: str) -> None:
        """Get a token for the role, unless another call has got one since ``stale``."""
        async with self._logging_in:
            if self._token != stale:
                return
            shown = await asyncio.to_thread(role.body)
            response = await self._call("POST", role.path, shown, {})
            content = _json(response)
            if response.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.FORBIDDEN):
                raise SecretForbidden(f"{self.place}: {role.variables} is refused")
            self._check(response.status_code, content, role.path)
            if content is None or "auth" not in content:
                raise SecretStoreDown(f"{self.place}: what answers a login is no Vault")
            with self._understood(role.path):
                self._token = str(content["auth"]["client_token"])
                seconds = float(content["auth"].get("lease_duration") or 0)
            pause = max(seconds / 2, _TEND_SECONDS) if seconds else math.inf
            self._tend_at = self._clock.now() + pause

    def _check(self, status: int, content: dict[str, Any] | None, path: str) -> None:
        """Raise the named error of a status."""
        if status < httpx.codes.MULTIPLE_CHOICES:
            return
        if status < httpx.codes.BAD_REQUEST:
            raise SecretStoreDown(
                f"{self.place}: answered {status} to {path}, a redirect, which is not followed: a "
                "token is for that server only. Set VAULT_ADDR to the active one"
            )
        words = "; ".join(map(str, (content or {}).get("errors", [])))
        if status == httpx.codes.FORBIDDEN:
            raise SecretForbidden(
                f"{self.place}: {path} is forbidden: check {self._login.variables} and its policy"
            )
        if status == httpx.codes.BAD_REQUEST and _CONFLICT_WORDS in words:
            raise SecretConflict(f"{self.place}: {path} was changed by another writer")
        if status == httpx.codes.SERVICE_UNAVAILABLE and "sealed" in words.lower():
            raise SecretStoreSealed(f"{self.place} is sealed: unseal it")
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
            raise SecretStoreDown(f"{self.place}: answered {status} to {path}")
        raise SecretError(f"{self.place}: answered {status} to {path}")

    @contextmanager
    def _understood(self, path: str) -> Iterator[None]:
        """Read an answer: one of another shape is that of a store that cannot be used now."""
        try:
            yield
        except (KeyError, TypeError, AttributeError, ValueError) as exc:
            text = f"{self.place}: what answers {path} is no Vault ({type(exc).__name__})"
            raise SecretStoreDown(text) from None


def _json(response: httpx.Response) -> dict[str, Any] | None:
    if not response.content:
        return None
    try:
        content = response.json()
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _texts(fields: Mapping[str, object], path: str) -> dict[str, str]:
    """Return an entry's values as texts; JSON numbers are written out. Nothing else fits."""
    wrong = [name for name, value in fields.items() if isinstance(value, dict | list)]
    if wrong:
        raise SecretUnreadable(f"{path}: {', '.join(wrong)} must be a text or a number")
    return {name: str(value) for name, value in fields.items() if value is not None}
