"""TLS of our own listener: versions, and certificates that are changed while it serves."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from structlog.testing import capture_logs
from websockets.asyncio.client import connect

from fxpool.clock import SystemClock
from fxpool.errors import SettingsError
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.certificates import LOOK_SECONDS, ListenerCertificate
from fxpool.platforms.remote import RemotePlatform
from fxpool.simulator.certificates import certificates_in
from fxpool.tls import unchecked_context
from harness.clock import ManualClock
from harness.spy_platform import SpyPlatform

NOW = datetime.now(UTC)


class Files:
    """A certificate in use, and others by the same kind of maker."""

    def __init__(self, folder: Path) -> None:
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self.sources = {
            "first": certificates_in(folder / "1", NOW),
            "second": certificates_in(folder / "2", NOW),
            "soon over": certificates_in(folder / "3", NOW - timedelta(days=392)),
        }
        self.install("first")

    def install(self, name: str) -> None:
        self.write(self.cert, name)
        self.write(self.key, name)

    def write(self, target: Path, name: str) -> None:
        """Put a file in another's place, as renewal tools do."""
        new = target.with_suffix(".new")
        shutil.copy(self.sources[name].server_file, new)
        new.replace(target)

    def serial(self, name: str) -> int:
        pem = self.sources[name].server_file.read_bytes()
        return x509.load_pem_x509_certificate(pem).serial_number


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@asynccontextmanager
async def served(files: Files) -> AsyncIterator[tuple[GatewayServer, ListenerCertificate]]:
    certificate = ListenerCertificate(files.cert, files.key, clock=SystemClock())
    app = create_app(SpyPlatform(), certificate=certificate)
    async with GatewayServer(app, port=0, drain_seconds=1) as server:
        yield server, certificate


async def shown_serial(port: int) -> int:
    """Shake hands anew; return the serial number of the certificate that is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(der).serial_number


async def health(url: str) -> tuple[str, str]:
    async with httpx.AsyncClient(verify=unchecked_context(), base_url=url) as client:
        body = (await client.get("/health")).json()
    return body["status"], body["checks"]["tls"]


async def test_http_websocket_and_our_own_client_speak_tls(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(files.sources["first"].ca_file))
    async with served(files) as (server, _):
        assert server.url.startswith("https://")
        pool = RemotePlatform(server.url)
        assert await pool.reset_connections() == 0
        async with pool.subscribe() as events:
            assert events is not None
        await pool.close()
        async with connect(server.url.replace("https", "wss") + "/ws"):
            pass
        assert await health(server.url) == ("healthy", "up")


async def test_tls_older_than_1_2_is_refused(files: Files) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with served(files) as (server, _):
        with pytest.raises(OSError):  # noqa: PT011 (of TLS, or of the link that was cut)
            await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
        writer.close()


async def test_a_new_certificate_is_taken_up_and_open_links_go_on(files: Files) -> None:
    async with (
        served(files) as (server, certificate),
        httpx.AsyncClient(verify=unchecked_context(), base_url=server.url) as client,
    ):
        await client.get("/health")
        assert await shown_serial(server.port) == files.serial("first")
        files.install("second")
        async with asyncio.timeout(LOOK_SECONDS * 10):
            while await shown_serial(server.port) != files.serial("second"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await client.get("/health")).json()["checks"]["tls"] == "up"
        assert certificate.failure is None


async def test_a_new_file_that_cannot_be_used_changes_nothing_but_health(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(files) as (server, certificate):
        for bad in (b"no certificate", b""):
            files.cert.write_bytes(bad)
            certificate.reload()  # what SIGHUP does
            assert await shown_serial(server.port) == files.serial("first")
            status, text = await health(server.url)
            assert status == "degraded"
            assert "cannot be used" in text
            assert str(files.cert.parent) not in text
        files.write(files.cert, "second")
        certificate.reload()
        assert "the key is not the certificate's" in (await health(server.url))[1]
        assert await shown_serial(server.port) == files.serial("first")
        files.write(files.key, "second")
        certificate.reload()
        assert await health(server.url) == ("healthy", "up")
        assert await shown_serial(server.port) == files.serial("second")


def test_the_audit_log_hears_whether_a_new_certificate_is_used(files: Files) -> None:
    certificate = ListenerCertificate(files.cert, files.key, clock=ManualClock())
    with capture_logs() as lines:
        files.write(files.cert, "second")
        certificate.reload()
        files.write(files.key, "second")
        certificate.reload()
    assert [(line["event"], line.get("outcome", "done")) for line in lines] == [
        ("the new certificate cannot be used, the old one stays", "failed"),
        ("certificate reloaded", "done"),
    ]


def test_two_files_that_are_written_one_after_the_other_are_read_together(files: Files) -> None:
    certificate = ListenerCertificate(files.cert, files.key, clock=ManualClock())
    files.write(files.cert, "second")
    certificate.look()
    files.write(files.key, "second")
    certificate.look()
    assert certificate.ends is not None
    certificate.look()
    assert certificate.failure is None
    assert certificate._read == certificate._stamp()


def test_a_certificate_that_ends_soon_is_told_of(files: Files) -> None:
    files.install("soon over")
    certificate = ListenerCertificate(files.cert, files.key, clock=SystemClock())
    assert certificate.failure is not None
    assert certificate.failure.startswith("the certificate ends ")


def test_files_that_cannot_be_used_at_the_start_are_refused_by_name(files: Files) -> None:
    files.write(files.cert, "second")
    with pytest.raises(SettingsError, match=r"CTRADER_POOL_TLS_KEY.*the key is not the"):
        ListenerCertificate(files.cert, files.key, clock=SystemClock())
    files.key.unlink()
    with pytest.raises(SettingsError, match="No such file"):
        ListenerCertificate(files.cert, files.key, clock=SystemClock())
