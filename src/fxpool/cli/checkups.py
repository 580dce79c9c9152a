"""Single preconditions of ``fxpool doctor``: each gives one finding, with the cure where it needs
one. They look and change nothing; which are looked at, and in which order, is the doctor's.
"""

from __future__ import annotations

import os
import socket
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError

import fxpool.store
from fxpool.settings import Settings, is_loopback
from fxpool.settings import unread_variables as unread
from fxpool.store.database import make_database, reason_of
from fxpool.tls import client_context

CLOCK_WARN_SECONDS: Final = 3.0
CLOCK_FAIL_SECONDS: Final = 60.0
"""Certificates and tokens are judged by the clock; order times are compared with the broker's."""

CERTIFICATE_DAYS: Final = 14
HTTP_SECONDS: Final = 10.0
_CALLBACK: Final = "/callback"
_OTHERS: Final = 0o077


class Verdict(StrEnum):
    """How a precondition stands."""

    PASS = "PASS"  # noqa: S105 (a word)
    WARN = "WARN"
    FAIL = "FAIL"


class Finding(NamedTuple):
    """One line: what was looked at, how it stands, what was found or how to mend it."""

    what: str
    verdict: Verdict
    text: str


def unread_variables() -> list[Finding]:
    """Whether a variable is misspelt: what it was to say is not done then."""
    return [Finding("variable", Verdict.WARN, text) for text in unread(os.environ)]


async def database(settings: Settings) -> Finding:
    """Whether the order journal's database answers, and whether its tables are ours."""
    what, url = "database", make_url(settings.journal_url.get_secret_value())
    place = url.render_as_string(hide_password=True)
    if url.drivername == "sqlite":
        missing = _missing_file(what, place, Path(url.database or ""))
        if missing is not None:
            return missing
    opened = make_database(settings.journal_url)
    try:
        found = await opened.read(_revision)
    except (SQLAlchemyError, OSError) as exc:
        cure = "check CTRADER_DATABASE_URL and that the server runs"
        return Finding(what, Verdict.FAIL, f"{place}: {reason_of(exc)}; {cure}")
    finally:
        await opened.close()
    return _of_revision(what, place, found)


def _missing_file(what: str, place: str, file: Path) -> Finding | None:
    """Return whether a file that is not there can be made; None if it is there."""
    if file.exists():
        return None
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if os.access(folder, os.W_OK):
        return Finding(what, Verdict.PASS, f"{place} will be made at the first start")
    cure = "make the folder writable, or set CTRADER_DATA_DIR"
    return Finding(what, Verdict.FAIL, f"{folder} cannot be written; {cure}")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _of_revision(what: str, place: str, found: str | None) -> Finding:
    config = Config()
    folder = Path(fxpool.store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    scripts = ScriptDirectory.from_config(config)
    newest = scripts.get_current_head()
    if found == newest:
        return Finding(what, Verdict.PASS, f"{place}, tables at {found}")
    if found is None or found in {script.revision for script in scripts.walk_revisions()}:
        told = "has no tables yet" if found is None else f"tables at {found}"
        return Finding(
            what, Verdict.PASS, f"{place} {told}: the next start brings them to {newest}"
        )
    cure = "start the version that made it, or use another database"
    return Finding(
        what, Verdict.FAIL, f"{place}: tables at {found}, made by a newer fxpool; {cure}"
    )


async def token_service_clock(settings: Settings, *, ca_file: Path | None = None) -> Finding:
    """How far this machine's clock is from that of the token service."""
    what = "clock"
    address = urlsplit(settings.token_url)
    origin = f"{address.scheme}://{address.netloc}/"
    try:
        async with httpx.AsyncClient(
            timeout=HTTP_SECONDS, verify=client_context(ca_file), trust_env=False
        ) as client:
            answer = await client.head(origin)
        told = parsedate_to_datetime(answer.headers["date"])
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
        why = str(exc) or type(exc).__name__
        cure = "tokens cannot be renewed over HTTP; check the network and CTRADER_TOKEN_URL"
        return Finding("token service", Verdict.WARN, f"{origin}: {why}; {cure}")
    except (KeyError, ValueError):
        return Finding(what, Verdict.WARN, f"not compared: {origin} does not tell its time")
    skew = (datetime.now(UTC) - told).total_seconds()
    if abs(skew) < CLOCK_WARN_SECONDS:
        return Finding(what, Verdict.PASS, f"agrees with {address.netloc}")
    verdict = Verdict.FAIL if abs(skew) >= CLOCK_FAIL_SECONDS else Verdict.WARN
    side = "ahead of" if skew > 0 else "behind"
    cure = "set it, and keep it set with NTP (timedatectl set-ntp true)"
    return Finding(what, verdict, f"{abs(skew):.0f} s {side} {address.netloc}; {cure}")


def redirect_uri(settings: Settings) -> Finding:
    """Whether a browser can come back from the consent page."""
    what, uri = "redirect URI", settings.redirect_uri
    address = urlsplit(uri)
    listed = "the application's page must list it exactly so"
    if address.scheme not in ("http", "https") or not address.hostname:
        cure = "set CTRADER_REDIRECT_URI to http(s)://HOST/api/ctrader/callback"
        return Finding(what, Verdict.FAIL, f"{uri} is no web address; {cure}")
    if not address.path.endswith(_CALLBACK):
        cure = f"its path must end with {_CALLBACK}, where the gateway takes consents"
        return Finding(what, Verdict.FAIL, f"{uri}: {cure}")
    port = address.port or (443 if address.scheme == "https" else 80)
    if is_loopback(address.hostname):
        return _loopback_redirect(what, uri, port, settings.pool_port, listed)
    if address.scheme == "http":
        text_ = f"{uri}: the code of a consent goes over the network in the clear; use https"
        return Finding(what, Verdict.WARN, text_)
    try:
        socket.create_connection((address.hostname, port), HTTP_SECONDS).close()
    except OSError as exc:
        why = exc.strerror or str(exc)
        cure = "nothing answers there yet; consents end at an error page"
        return Finding(what, Verdict.WARN, f"{uri}: {why}; {cure}")
    return Finding(what, Verdict.PASS, f"{uri}; {listed}")


def _loopback_redirect(what: str, uri: str, port: int, pool_port: int, listed: str) -> Finding:
    if port == pool_port or _is_free(port):
        return Finding(what, Verdict.PASS, f"{uri}; {listed}")
    cure = "stop the program that has this port: `fxpool connect` listens on it"
    return Finding(what, Verdict.WARN, f"{uri}: port {port} is taken; {cure}")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def file_permissions(settings: Settings) -> Finding:
    """Whether other users of this machine can read what only the gateway should."""
    what = "file permissions"
    secret = [settings.secrets_path, settings.secrets_key_path]
    open_files = [path for path in secret if path.exists() and path.stat().st_mode & _OTHERS]
    if open_files:
        names = " ".join(map(str, open_files))
        return Finding(what, Verdict.FAIL, f"others may read {names}; run `chmod 600 {names}`")
    folder = settings.data_dir
    if folder.exists() and folder.stat().st_mode & _OTHERS:
        cure = f"orders and the audit log are in it; run `chmod 700 {folder}`"
        return Finding(what, Verdict.WARN, f"others may read {folder}; {cure}")
    return Finding(what, Verdict.PASS, "secrets and data are for this user only")


def certificate(context: ssl.SSLObject | ssl.SSLSocket) -> tuple[Verdict, str]:
    """Return how long the certificate of a link is good, and what the link speaks."""
    spoken, shown = context.version(), context.getpeercert()
    end = shown.get("notAfter") if shown else None
    if not isinstance(end, str):
        return Verdict.WARN, f"{spoken}, its certificate was not checked"
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC)
    days = (until - datetime.now(UTC)).days
    told = f"{spoken}, certificate trusted until {until:%F}"
    if days < CERTIFICATE_DAYS:
        return Verdict.WARN, f"{told}: {days} days left; its owner has to renew it"
    return Verdict.PASS, told
