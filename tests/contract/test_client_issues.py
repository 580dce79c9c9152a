"""UnifiedPoolClient, contract 15.4: the client's own calls are counted, and never held back."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fxpool.client import UnifiedPoolClient
from fxpool.platforms.base import PlatformError
from fxpool.platforms.remote import RemotePlatform
from harness.client_setup import Told
from harness.http_server import serving


async def test_three_failed_reads_are_told_and_further_ones_are_still_sent() -> None:
    """Contract 15.4, requests are always attempted; works on every platform."""
    asked: list[str] = []
    is_down = True

    async def positions(request: Request) -> Response:
        asked.append(request.path_params["account"])
        if is_down:
            body = {"detail": "network: alpha is reconnecting", "code": "NOT_READY"}
            return JSONResponse(body, 503)
        empty = {"account_id": "alpha", "positions": [], "count": 0}
        return JSONResponse({**empty, "synchronized": True, "asOf": "2026-03-02T09:15:27.481Z"})

    told = Told()
    async with (
        serving(Starlette(routes=[Route("/positions/{account}", positions)])) as url,
        UnifiedPoolClient(RemotePlatform(url, name="dxtrade"), notifier=told) as client,
    ):
        assert told.is_open
        for _ in range(5):
            with pytest.raises(PlatformError, match="reconnecting"):
                await client.get_positions("alpha")
        assert len(asked) == 5
        assert [issue.failures for issue in told.issues] == [3]
        assert client.shouldSuppressAlert("alpha")
        assert client.sendConnectionIssueAlert("alpha") is False
        (row,) = client.getCircuitBreakerStatus()
        assert (row["failures"], row["alertSuppressed"]) == (5, True)
        is_down = False
        assert await client.get_positions("alpha") == []
        assert client.getCircuitBreakerStatus() == []
        client.recordFailure("beta")
        assert client.getCircuitBreakerStatus()[0]["accountId"] == "beta"
        client.recordSuccess("beta")
        assert client.getCircuitBreakerStatus() == []
        assert client.getAccountNickname("beta") == "beta"
        assert client.sendConnectionIssueAlert("beta") is True
    assert not told.is_open
