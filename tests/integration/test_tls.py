"""TLS of every link out: who offers nothing newer than 1.1 is refused, and who is not trusted."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from fxpool.auth import HttpTokenService
from fxpool.auth.vault import VaultStore
from fxpool.auth.vault_login import VaultLogin
from fxpool.clock import SystemClock
from fxpool.errors import SettingsError
from fxpool.pool import ApplicationCredentials, Endpoint
from fxpool.session.link import Dialler
from fxpool.simulator.certificates import Certificates, certificates_in
from fxpool.store.database import make_database, postgres_tls
from fxpool.tls import client_context


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return certificates_in(tmp_path / "tls", datetime.now(UTC))


def old_context(certificates: Certificates) -> ssl.SSLContext:
    """A server's settings that end with TLS 1.1."""
    old = certificates.server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    return old


@asynccontextmanager
async def listening(context: ssl.SSLContext, *, is_postgres: bool = False) -> AsyncIterator[Server]:
    """A server that shakes hands and then hangs up; as PostgreSQL after its question for TLS."""
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if is_postgres:
                server.asked = await reader.readexactly(8)
                writer.write(b"S")
                await writer.start_tls(context)
            server.spoken = writer.get_extra_info("ssl_object").version()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    own = None if is_postgres else context
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=own) as listener:
        server.port = listener.sockets[0].getsockname()[1]
        yield server


class Server(SimpleNamespace):
    port: int = 0
    spoken: str | None = None
    asked: bytes = b""


async def broker(port: int, ca_file: Path) -> None:
    (await Dialler(Endpoint("127.0.0.1", port, ca_file=ca_file), seconds=5).open()).close()


async def vault(port: int, ca_file: Path) -> None:
    login = VaultLogin(token="x")
    store = VaultStore(f"https://127.0.0.1:{port}", login, ca_file=ca_file)
    try:
        await store.read("x")
    finally:
        await store.close()


async def token_service(port: int, ca_file: Path) -> None:
    app = ApplicationCredentials("id", "secret")
    service = HttpTokenService(f"https://127.0.0.1:{port}/", app, clock=SystemClock())
    try:
        await service.refresh("x")
    finally:
        await service.close()


async def postgres(port: int, ca_file: Path) -> None:
    database = make_database(
        SecretStr(
            f"postgresql+asyncpg://u@127.0.0.1:{port}/x?sslmode=verify-full&sslrootcert={ca_file}"
        )
    )
    try:
        await database.read(lambda connection: connection.execute(text("SELECT 1")))
    finally:
        await database.close()


Visit = Callable[[int, Path], Awaitable[None]]
VISITS: dict[str, Visit] = {
    "broker": broker,
    "vault": vault,
    "token_service": token_service,
    "postgres": postgres,
}


async def visited(name: str, server: Server, ca_file: Path) -> str | None:
    """Visit a server; return the version that was agreed on. These end by errors, each its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(ca_file))
        await asyncio.gather(VISITS[name](server.port, ca_file), return_exceptions=True)
    return server.spoken


@pytest.mark.parametrize("name", VISITS)
async def test_a_server_of_tls_1_1_is_refused_and_a_newer_one_is_not(
    name: str, certificates: Certificates
) -> None:
    async with listening(old_context(certificates), is_postgres=name == "postgres") as server:
        if name != "postgres":
            assert await spoken_by_an_old_client(server.port) == "TLSv1.1"
            server.spoken = None
        assert await visited(name, server, certificates.ca_file) is None
    newer = certificates.server_context()
    async with listening(newer, is_postgres=name == "postgres") as server:
        assert await visited(name, server, certificates.ca_file) == "TLSv1.3"


@pytest.mark.parametrize("name", VISITS)
async def test_a_server_whose_authority_is_not_trusted_is_refused(
    name: str, certificates: Certificates, tmp_path: Path
) -> None:
    stranger = certificates_in(tmp_path / "other", datetime.now(UTC))
    context = certificates.server_context()
    async with listening(context, is_postgres=name == "postgres") as server:
        failures = await asyncio.gather(
            VISITS[name](server.port, stranger.ca_file), return_exceptions=True
        )
    assert isinstance(failures[0], Exception)
    assert "CERTIFICATE_VERIFY_FAILED" in causes(failures[0])


def causes(error: BaseException | None) -> str:
    found = []
    while error is not None:
        found.append(repr(error))
        error = error.__cause__ or error.__context__
    return " ".join(found)


async def spoken_by_an_old_client(port: int) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    except ssl.SSLError as exc:
        pytest.skip(f"this OpenSSL makes no server of TLS 1.1: {exc}")
    version: str = writer.get_extra_info("ssl_object").version()
    writer.close()
    return version


async def test_every_https_client_gets_its_settings_from_one_place(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    async with listening(old_context(certificates)) as server:
        client = httpx.AsyncClient(verify=client_context())
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://127.0.0.1:{server.port}/")
        await client.aclose()
    assert server.spoken is None


PG = "postgresql+asyncpg://u@db.example/x"


def test_sslmode_means_what_it_does_to_other_clients(certificates: Certificates) -> None:
    url, tls = postgres_tls(make_url(f"{PG}?sslmode=disable&application_name=a"))
    assert (tls, dict(url.query)) == ("disable", {"application_name": "a"})
    assert postgres_tls(make_url(PG))[1] is None
    expected = {
        "require": (ssl.CERT_NONE, False),
        "verify-ca": (ssl.CERT_REQUIRED, False),
        "verify-full": (ssl.CERT_REQUIRED, True),
    }
    for mode, (verifies, checks_name) in expected.items():
        tls = postgres_tls(make_url(f"{PG}?sslmode={mode}"))[1]
        assert isinstance(tls, ssl.SSLContext)
        assert (tls.verify_mode, tls.check_hostname) == (verifies, checks_name)
    root = f"{PG}?sslmode=require&sslrootcert={certificates.ca_file}"
    tls = postgres_tls(make_url(root))[1]
    assert isinstance(tls, ssl.SSLContext)
    assert tls.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("query", ["sslmode=on", "sslmode=disable&sslrootcert=x", "sslrootcert=x"])
def test_an_sslmode_that_nobody_knows_is_refused_with_the_cure(query: str) -> None:
    with pytest.raises(SettingsError, match="verify-full"):
        make_database(SecretStr(f"{PG}?{query}"))
