"""What every answer tells browsers, and that the pages for people still work with it."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr
from starlette.responses import HTMLResponse, Response

from fxpool.gateway import create_app
from fxpool.gateway.access.operations import each_route
from fxpool.gateway.app import Gateway
from fxpool.gateway.safe_headers import DOCS_POLICY
from harness.spy_platform import SpyPlatform


def client(app: Gateway) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


def assert_safe(response: httpx.Response, about: str) -> None:
    headers = response.headers
    assert headers["x-content-type-options"] == "nosniff", about
    assert headers["x-frame-options"] == "DENY", about
    assert headers["cache-control"] == "no-store", about
    assert headers["referrer-policy"] == "no-referrer", about
    assert len(headers.get_list("content-security-policy")) == 1, about
    assert "default-src 'none'" in headers["content-security-policy"], about
    assert "frame-ancestors 'none'" in headers["content-security-policy"], about


@pytest.mark.parametrize("key", ["", "planted-key"])
async def test_every_answer_of_every_route_has_them(key: str) -> None:
    app = create_app(SpyPlatform(), api_key=SecretStr(key) if key else None)
    async with client(app) as asking:
        for route in each_route(app.routes):
            if not isinstance(route, APIRoute) or route.path == "/events":
                continue
            for method in sorted(route.methods):
                path = re.sub(r"\{[^}]*\}", "mine", route.path)
                response = await asking.request(method, path)
                assert_safe(response, f"{method} {path} {response.status_code}")
        for path in ("/nowhere", "/openapi.json", "/api/ctrader/health"):
            assert_safe(await asking.get(path), path)


async def test_the_page_about_the_api_is_whole_without_any_other_host() -> None:
    async with client(create_app(SpyPlatform())) as asking:
        for prefix in ("", "/api/ctrader"):
            page = await asking.get(f"{prefix}/docs")
            assert page.headers["content-security-policy"] == DOCS_POLICY.decode()
            assert "http" not in DOCS_POLICY.decode() + page.text
            parts = re.findall(r"(?:src|href)=\"(docs/[^\"]+)", page.text)
            assert len(parts) == 3
            for part in parts:
                answer = await asking.get(str(page.url.join(part)))
                assert answer.status_code == 200, part
                kind = "text/css" if part.endswith(".css") else "javascript"
                assert kind in answer.headers["content-type"]
                assert_safe(answer, part)


async def test_a_page_keeps_its_own_policy_and_is_not_framed_either() -> None:
    app = create_app(SpyPlatform())

    async def page(_request: object) -> Response:
        return HTMLResponse(
            "", headers={"Content-Security-Policy": "default-src 'none'; img-src x"}
        )

    app.add_route("/page", page)
    async with client(app) as asking:
        response = await asking.get("/page")
    assert_safe(response, "page")
    assert "img-src x" in response.headers["content-security-policy"]
