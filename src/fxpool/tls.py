"""TLS settings: the one place that makes them, for every link out and for our own listener.

Nothing older than TLS 1.2 is spoken anywhere, whatever the machine's OpenSSL would still do.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from fxpool.errors import SettingsError

MINIMUM: Final = ssl.TLSVersion.TLSv1_2


def client_context(ca_file: Path | None = None, *, variable: str = "") -> ssl.SSLContext:
    """Return what a link to a server is made with: its certificate and its name are checked.

    Trusted are the machine's authorities (SSL_CERT_FILE moves them), or with ``ca_file`` only the
    ones in that file. Raises SettingsError that names ``variable`` for a file of none.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as exc:
        raise SettingsError(f"{variable}: {ca_file} is no file of certificates") from exc
    context.minimum_version = MINIMUM
    return context


def unchecked_context() -> ssl.SSLContext:
    """Return what hides a link from listeners but not from who sits in between."""
    context = client_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what our listener is made with. Raises OSError (ssl.SSLError is one) or ValueError
    for files that cannot be read or do not belong together."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = MINIMUM
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key, password=_no_password)
    return context


def _no_password() -> str:
    """Keep OpenSSL from asking for one on the terminal."""
    raise ValueError("the key is encrypted: store it without a password")
