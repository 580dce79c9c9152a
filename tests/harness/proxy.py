"""A real NGINX with the product's own configuration, in front of a gateway of a test."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from harness.ports import free_port
from harness.wait import wait_until

DEPLOY: Final = Path(__file__).parents[2] / "deploy" / "nginx"
NGINX: Final = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
WHY_NOT: Final = "no NGINX here: install it (Debian: apt install nginx-light)"

_MAIN: Final = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    access_log off;
    include {folder}/fxpool-http.conf;
    include {folder}/server-example.conf;
}}
"""


@asynccontextmanager
async def proxied(
    gateway_url: str, folder: Path, certificate: Path, **replaced: str
) -> AsyncIterator[str]:
    """Run NGINX with TLS in front of a gateway; the block gets its base URL.

    ``certificate`` holds chain and key. ``replaced`` are words put in the place of others in the
    shipped files.
    """
    port = free_port()
    values = {
        "127.0.0.1:8088": gateway_url.removeprefix("http://"),
        "/var/log/nginx": str(folder),
        "/etc/nginx": str(folder),
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/ssl/certs/pool.example.com.pem": str(certificate),
        "/etc/ssl/private/pool.example.com.key": str(certificate),
    }
    for file in DEPLOY.glob("*.conf"):
        text = file.read_text()
        for shipped, own in (values | replaced).items():
            text = text.replace(shipped, own)
        (folder / file.name).write_text(text)
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
    assert NGINX is not None
    process = await asyncio.create_subprocess_exec(
        NGINX, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")
    )
    try:
        await wait_until(lambda: process.returncode is not None or _listens(port), within=20)
        assert process.returncode is None, (folder / "error.log").read_text()
        yield f"https://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
