"""MetaApi's documented REST API over a small terminal, with the ways in which it fails.

Written from the documentation: routes, the ``auth-token`` header, bare arrays, error bodies, 202
and 429 with their waiting rules, trade codes. Shares no code with the adapter.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.http_server import serving
from harness.metatrader import Refused, Row, Terminal, broker_time, iso

TOKEN = "planted-metaapi-token"
REGION = "london"
PREFIX = "/users/current/accounts/{account}"

_STATUS = {
    400: "ValidationError",
    401: "UnauthorizedError",
    403: "ForbiddenError",
    404: "NotFoundError",
    429: "TooManyRequestsError",
    500: "InternalError",
    504: "TimeoutError",
}


@dataclass
class Fault:
    """One failure of the next matching request.

    Attributes:
        path: a part of the path that it is for.
        status: the HTTP status; 0 for no answer at all.
        executes: whether the request takes effect all the same.
        body: instead of the usual one; for a status of 200 a trade answer.
    """

    path: str
    status: int = 0
    executes: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    body: Row | None = None


@dataclass
class MetaApiServer:
    """The server's state.

    Attributes:
        terminals: by account id.
        faults: what goes wrong next, in order.
        asked: how often each method and path was asked for.
        provisioned: what the provisioning API says of each account, beside the usual.
    """

    terminals: dict[str, Terminal]
    url: str = ""
    faults: deque[Fault] = field(default_factory=deque)
    asked: Counter[str] = field(default_factory=Counter)
    provisioned: dict[str, Row] = field(default_factory=dict)
    bodies: list[Row] = field(default_factory=list)

    def fail(self, path: str, status: int = 0, **more: Any) -> None:
        """Let the next request for a path fail."""
        self.faults.append(Fault(path, status, **more))

    def app(self) -> Starlette:
        reads: dict[str, Callable[[Terminal, Request], Any]] = {
            "/account-information": lambda t, _: t.information(),
            "/positions": lambda t, _: t.open_positions(),
            "/positions/{id}": lambda t, r: _by_id(t.open_positions(), r),
            "/orders": lambda t, _: t.pending_orders(),
            "/orders/{id}": lambda t, r: _by_id(t.pending_orders(), r),
            "/server-time": lambda *_: _server_time(),
            "/symbols": lambda t, _: list(t.quotes),
            "/symbols/{symbol}/specification": lambda t, r: t.specification(_symbol(r)),
            "/symbols/{symbol}/current-price": lambda t, r: t.price(_symbol(r)),
            "/symbols/{symbol}/current-tick": _tick,
            "/symbols/{symbol}/current-book": _book,
            "/credits": lambda *_: _credits(),
            "/history-orders/ticket/{id}": lambda t, r: _with(t.past_orders, "id", r),
            "/history-orders/position/{id}": lambda t, r: _with(t.past_orders, "positionId", r),
            "/history-orders/time/{start}/{end}": lambda t, r: _between(
                t.past_orders, "doneTime", r
            ),
            "/history-deals/ticket/{id}": lambda t, r: _with(t.deals, "id", r),
            "/history-deals/position/{id}": lambda t, r: _with(t.deals, "positionId", r),
            "/history-deals/time/{start}/{end}": lambda t, r: _between(t.deals, "time", r),
            "/historical-market-data/symbols/{symbol}/timeframes/{tf}/candles": _candles,
        }
        routes = [Route(PREFIX + path, self._read(read)) for path, read in reads.items()]
        routes += [
            Route(PREFIX, self._provisioning),
            Route(PREFIX + "/trade", self._trade, methods=["POST"]),
            Route(PREFIX + "/calculate-margin", self._margin, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    # Routes

    def _read(
        self, read: Callable[[Terminal, Request], Any]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            stopped = await self._stopped(request)
            if stopped is not None:
                return stopped
            terminal = self.terminals.get(request.path_params["account"])
            if terminal is None:
                return _error(404, "Trading account not found")
            found = read(terminal, request)
            return _error(404, "Not found") if found is None else _json(found)

        return answer

    async def _provisioning(self, request: Request) -> Response:
        stopped = await self._stopped(request)
        if stopped is not None:
            return stopped
        account = request.path_params["account"]
        if account not in self.terminals:
            return _error(404, f"Trading account {account} not found")
        row = {
            "_id": account,
            "name": account,
            "login": self.terminals[account].login,
            "server": "ExampleMarkets-Demo",
            "type": "cloud-g2",
            "version": 5,
            "region": REGION,
            "state": "DEPLOYED",
            "connectionStatus": "CONNECTED",
        }
        return _json(row | self.provisioned.get(account, {}))

    async def _trade(self, request: Request) -> Response:
        body = json.loads(await request.body(), parse_float=Decimal)
        fault = self._fault(request)
        terminal = self.terminals.get(request.path_params["account"])
        if self._token_is_wrong(request):
            return _error(401, "Invalid token")
        if terminal is None:
            return _error(404, "Trading account not found")
        if fault is not None and not fault.executes:
            return await self._failed(fault)
        self.bodies.append(body)
        if "actionType" not in body:
            return _error(400, "Validation failed", details=[{"parameter": "actionType"}])
        try:
            answer = terminal.trade(body)
        except Refused as refused:
            answer = {
                "numericCode": refused.code,
                "stringCode": refused.name,
                "message": str(refused),
            }
        return _json(answer) if fault is None else await self._failed(fault)

    async def _margin(self, request: Request) -> Response:
        stopped = await self._stopped(request)
        if stopped is not None:
            return stopped
        body = json.loads(await request.body(), parse_float=Decimal)
        spec = self.terminals[request.path_params["account"]].specification(body["symbol"])
        if spec is None:
            return _json({})
        margin = body["volume"] * spec["contractSize"] * body["openPrice"] / 100
        return _json({"margin": margin})

    # Failures

    async def _stopped(self, request: Request) -> Response | None:
        fault = self._fault(request)
        if self._token_is_wrong(request):
            return _error(401, "Invalid token")
        return None if fault is None else await self._failed(fault)

    def _fault(self, request: Request) -> Fault | None:
        self.asked[f"{request.method} {request.url.path}"] += 1
        for fault in self.faults:
            if request.url.path.endswith(fault.path):
                self.faults.remove(fault)
                return fault
        return None

    def _token_is_wrong(self, request: Request) -> bool:
        return request.headers.get("auth-token") != TOKEN

    async def _failed(self, fault: Fault) -> Response:
        if not fault.status:
            await asyncio.Event().wait()  # until the client gives up
        if fault.status == 429:
            then = datetime.now(UTC) + timedelta(seconds=float(fault.headers["Retry-After"]))
            metadata = {
                "periodInSeconds": 1,
                "creditsAvailable": 0,
                "creditsUsed": 1000,
                "creditsRequired": 50,
                "recommendedRetryTime": iso(then),
            }
            return _error(429, "You have used all your credits", metadata=metadata)
        if fault.body is not None:
            return _json(fault.body, fault.status, fault.headers)
        if fault.status == 202:
            return _json({"message": "try again"}, 202, fault.headers)
        return _error(fault.status, "planted failure", headers=fault.headers)


@asynccontextmanager
async def running_metaapi(*accounts: str) -> AsyncIterator[MetaApiServer]:
    """Serve accounts, each with a terminal of its own, until the block ends."""
    terminals = {name: Terminal(login=str(12345 + i)) for i, name in enumerate(accounts)}
    server = MetaApiServer(terminals)
    async with serving(server.app()) as url:
        server.url = url
        yield server


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(value, default=float)
    return Response(text, status, headers, media_type="application/json")


def _error(
    status: int, message: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    body = {"id": 1, "error": _STATUS.get(status, "ApiError"), "message": message, **more}
    return _json(body, status, headers)


def _symbol(request: Request) -> str:
    return str(request.path_params["symbol"])


def _by_id(rows: list[Row], request: Request) -> Row | None:
    return next((row for row in rows if row["id"] == request.path_params["id"]), None)


def _with(rows: list[Row], name: str, request: Request) -> list[Row]:
    return [row for row in rows if row.get(name) == request.path_params["id"]]


def _between(rows: list[Row], name: str, request: Request) -> list[Row]:
    start, end = request.path_params["start"], request.path_params["end"]
    offset = int(request.query_params.get("offset", 0))
    limit = min(1000, int(request.query_params.get("limit", 1000)))
    return [row for row in rows if start <= row[name] < end][offset : offset + limit]


def _server_time() -> Row:
    now = datetime.now(UTC)
    return {"time": iso(now), "brokerTime": broker_time(now)}


def _tick(terminal: Terminal, request: Request) -> Row | None:
    price = terminal.price(_symbol(request))
    names = ("symbol", "time", "brokerTime", "bid", "ask")
    return price and {name: price[name] for name in names}


def _book(terminal: Terminal, request: Request) -> Row | None:
    price = terminal.price(_symbol(request))
    if price is None:
        return None
    levels = [
        {"type": "BOOK_TYPE_SELL", "price": price["ask"], "volume": 1},
        {"type": "BOOK_TYPE_BUY", "price": price["bid"], "volume": 1},
    ]
    return {name: price[name] for name in ("symbol", "time", "brokerTime")} | {"book": levels}


def _credits() -> Row:
    usage = [{"period": "1s", "total": 1000, "available": 900}]
    return {"perUser": usage, "perAccount": usage, "perServer": usage}


def _candles(terminal: Terminal, request: Request) -> list[Row] | None:
    """One bar an hour, as far back as is asked for: at most ``limit``, backwards from the start."""
    symbol = _symbol(request)
    if symbol not in terminal.quotes:
        return None
    bid, ask, _ = terminal.quotes[symbol]
    limit = min(1000, int(request.query_params["limit"]))
    latest = datetime.fromisoformat(request.query_params["startTime"])
    hour = latest.replace(minute=0, second=0, microsecond=0)
    return [
        {
            "symbol": symbol,
            "timeframe": request.path_params["tf"],
            "time": iso(hour - timedelta(hours=back)),
            "brokerTime": broker_time(hour - timedelta(hours=back)),
            "open": bid,
            "high": ask,
            "low": bid,
            "close": bid,
            "tickVolume": 60,
            "spread": 10,
            "volume": 0,
        }
        for back in reversed(range(limit))
    ]
