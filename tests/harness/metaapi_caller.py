"""A caller of MetaApi's REST API, as an application in any language is one: plain HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

ACCOUNTS = "/users/current/accounts"


class MetaApiCaller:
    """Calls the paths of one account."""

    def __init__(self, client: httpx.AsyncClient, account: str) -> None:
        self._client = client
        self.path = f"{ACCOUNTS}/{account}"

    async def ask(self, path: str = "", **query: Any) -> httpx.Response:
        return await self._client.get(self.path + path, params=query or None)

    async def read(self, path: str = "", **query: Any) -> Any:
        """Return the body of a read that succeeds."""
        response = await self.ask(path, **query)
        assert response.status_code == 200, response.text
        return response.json()

    async def refused(self, path: str, status: int, error: str) -> dict[str, Any]:
        """Return the body of a read that fails in this way."""
        response = await self.ask(path)
        body: dict[str, Any] = response.json()
        assert (response.status_code, body["error"]) == (status, error), response.text
        assert (body["message"], isinstance(body["id"], int)) == (body["detail"], True)
        return body

    async def send(self, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        return await self._client.post(f"{self.path}/trade", json=body, headers=headers)

    async def trade(self, **body: Any) -> dict[str, Any]:
        """Return the answer to a trade request that makes sense."""
        response = await self.send(**body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def done(self, **body: Any) -> dict[str, Any]:
        """Return the answer to a trade that is done."""
        answer = await self.trade(**body)
        assert (answer["numericCode"], answer["stringCode"]) == (10009, "TRADE_RETCODE_DONE")
        return answer

    async def code(self, **body: Any) -> int:
        """Return the code of a trade that is answered with one."""
        code: int = (await self.trade(**body))["numericCode"]
        return code


@asynccontextmanager
async def metaapi_caller(
    url: str, account: str = "alpha", **headers: str
) -> AsyncIterator[MetaApiCaller]:
    """Give a caller of an account until the block ends."""
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
        yield MetaApiCaller(client, account)
