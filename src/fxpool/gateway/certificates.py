"""TLS of our own listener: its certificate, taken up again when its files change.

Each handshake takes the newest certificate that could be used; links that stand keep theirs. Files
that cannot be used, or do not belong together, change nothing but what ``failure`` says.
"""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

from fxpool.clock import Clock
from fxpool.errors import SettingsError
from fxpool.file_stamps import Stamp, stamp_of
from fxpool.settings import Settings
from fxpool.tls import server_context

LOOK_SECONDS: Final = 1.0
"""How often the files are looked at; what changed is read once it stays as it is so long."""

WARN_BEFORE: Final = timedelta(days=7)

audit = structlog.get_logger("fxpool.audit")


class ListenerCertificate:
    """A certificate chain and its key, as PEM files.

    Attributes:
        context: what the listener is made with, once.
        ends: until when the certificate in use is good.
    """

    def __init__(self, certificate: Path, key: Path, *, clock: Clock) -> None:
        """Raises SettingsError for files that cannot be used."""
        self._certificate, self._key, self._clock = certificate, key, clock
        self._error = ""
        self._seen = self._stamp()
        self._read = self._seen
        try:
            self._newest, self.ends = self._load()
        except (OSError, ValueError) as exc:
            raise SettingsError(
                f"CTRADER_POOL_TLS_CERT ({certificate}) and CTRADER_POOL_TLS_KEY ({key}) cannot be "
                f"used: {_reason(exc)}"
            ) from None
        self.context = self._newest
        self.context.sni_callback = self._take_newest

    @property
    def failure(self) -> str | None:
        """Why a caller may soon, or does already, not trust us; None if all is well."""
        end = f"{self.ends:%Y-%m-%d %H:%M} UTC"
        if self._error:
            return f"the new certificate cannot be used ({self._error}); the old one ends {end}"
        left = self.ends - self._clock.at()
        if left <= timedelta(0):
            return f"the certificate has ended {end}"
        return f"the certificate ends {end}" if left <= WARN_BEFORE else None

    def reload(self) -> None:
        """Read the files now, changed or not; never raises for what they hold."""
        self._read = self._seen = self._stamp()
        try:
            self._newest, self.ends = self._load()
        except (OSError, ValueError) as exc:
            self._error = _reason(exc)
            audit.error(
                "the new certificate cannot be used, the old one stays",
                outcome="failed",
                error=self._error,
                certificate=str(self._certificate),
                key=str(self._key),
                ends=self.ends.isoformat(),
            )
            return
        self._error = ""
        audit.info("certificate reloaded", ends=self.ends.isoformat())

    async def watch(self) -> None:
        """Read the files again whenever they changed; never returns."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Read the files again if they changed before the last look and not since.

        Two files are written one after the other: read in between they would not fit.
        """
        stamp = self._stamp()
        if stamp == self._seen and stamp != self._read:
            self.reload()
        self._seen = stamp

    def _take_newest(
        self, link: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        link.context = self._newest

    def _load(self) -> tuple[ssl.SSLContext, datetime]:
        context = server_context(self._certificate, self._key)
        own, *_ = x509.load_pem_x509_certificates(self._certificate.read_bytes())
        return context, own.not_valid_after_utc

    def _stamp(self) -> Stamp:
        return stamp_of((self._certificate, self._key))


def certificate_from(settings: Settings, *, clock: Clock) -> ListenerCertificate | None:
    """Return the certificate that the settings name, None for plain HTTP. Raises SettingsError."""
    certificate, key = settings.pool_tls_cert, settings.pool_tls_key
    if certificate is None:
        if key is not None:
            raise SettingsError("CTRADER_POOL_TLS_KEY is set: set CTRADER_POOL_TLS_CERT too")
        return None
    return ListenerCertificate(certificate, key or certificate, clock=clock)


def _reason(error: OSError | ValueError) -> str:
    """Return it in words that name no file: health shows them to strangers."""
    if isinstance(error, ssl.SSLError):
        return _WORDS.get(error.reason or "", error.reason or "no certificate with its key")
    return (error.strerror or "not readable") if isinstance(error, OSError) else str(error)


_WORDS: Final = {"KEY_VALUES_MISMATCH": "the key is not the certificate's"}
