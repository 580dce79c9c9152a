"""MetaApi's REST API as a way to accounts: hosts, routes and pages.

An account lives in a region, which decides its hosts: the configured one, else the one that the
provisioning API tells, asked once.

Source: MetaApi documentation, client REST API and provisioning API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from fxpool.clock import Clock
from fxpool.errors import NotReady, RequestRefused, SymbolNotFound
from fxpool.mapping.instants import iso
from fxpool.mapping.symbol_formats import SymbolSpecification
from fxpool.platforms.metaapi import credits as cost
from fxpool.platforms.metaapi.credits import Credits
from fxpool.platforms.metaapi.http import MetaApiHttp
from fxpool.platforms.metaapi.model import (
    Candle,
    Deal,
    Information,
    Order,
    Position,
    Price,
    Provisioned,
    Specification,
    TradeAnswer,
)
from fxpool.platforms.metaapi.way import Offers
from fxpool.platforms.path_parts import path_part

T = TypeVar("T")

PAGE: Final = 1000
HISTORICAL_SECONDS: Final = 240.0
"""MetaApi's own bound for historical market data."""

_OFFERS: Final = Offers(
    "rest",
    orders=True,
    history=True,
    closes=True,
    client_ids=True,
    specifications=True,
    max_comment=31,
)


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where MetaApi's APIs are; ``{region}`` stands for an account's region."""

    provisioning: str = "https://mt-provisioning-api-v1.agiliumtrade.agiliumtrade.ai"
    client: str = "https://mt-client-api-v1.{region}.agiliumtrade.ai"
    market: str = "https://mt-market-data-client-api-v1.{region}.agiliumtrade.ai"

    @classmethod
    def at(cls, url: str) -> Hosts:
        """Return one address for all of them, for a server that plays all parts."""
        return cls(url, url, url) if url else cls()


class RestWay:
    """MetaApi's REST API with one token."""

    offers = _OFFERS

    def __init__(
        self,
        token: SecretStr,
        *,
        hosts: Hosts,
        regions: Mapping[str, str],
        credits_per_second: float,
        clock: Clock,
        **timing: float,
    ) -> None:
        """``regions`` are the configured ones by account; ``timing`` goes to ``MetaApiHttp``."""
        self._hosts = hosts
        self._regions = {account: region for account, region in regions.items() if region}
        self._http = MetaApiHttp(
            {"auth-token": token.get_secret_value()},
            credits=Credits(credits_per_second, clock=clock),
            clock=clock,
            **timing,
        )

    @property
    def requests(self) -> int:
        return self._http.requests

    @property
    def errors(self) -> int:
        return self._http.errors

    async def close(self) -> None:
        await self._http.close()

    async def information(self, account: str) -> Information:
        """Return the money."""
        return await self._state(account, "/account-information", Information)

    async def _reason(self, account: str, error: RequestRefused) -> RequestRefused | NotReady:
        """Return why an account does not answer, in the words of the provisioning API."""
        if error.code not in {"CANT_ROUTE_REQUEST", "NOT_FOUND"}:
            return error
        try:
            state = await self._provisioned(account)
        except RequestRefused as exc:
            return exc
        if state.state and state.state != "DEPLOYED":
            text = f"the account is {state.state} at MetaApi, not DEPLOYED: deploy it there"
            return NotReady(text, phase="reconnecting", retry_after=10.0)
        if state.connection_status not in {"", "CONNECTED"}:
            text = f"MetaApi's terminal is {state.connection_status}"
            return NotReady(text, phase="reconnecting", retry_after=10.0)
        return error

    async def positions(self, account: str) -> Sequence[Position]:
        return await self._state(account, "/positions", list[Position])

    async def orders(self, account: str) -> Sequence[Order]:
        return await self._state(account, "/orders", list[Order])

    async def trade(self, account: str, body: Mapping[str, Any]) -> TradeAnswer:
        url = await self._url(self._hosts.client, account, "/trade")
        return await self._http.trade(url, body, TradeAnswer)

    async def price(self, account: str, symbol: str) -> Price:
        path = f"/symbols/{path_part(symbol)}/current-price"
        return await self._of_symbol(symbol, account, path, Price)

    async def symbols(self, account: str) -> Sequence[str]:
        return await self._get(account, "/symbols", list[str], cost=cost.SYMBOLS)

    async def specification(self, account: str, symbol: str) -> Specification:
        path = f"/symbols/{path_part(symbol)}/specification"
        return await self._of_symbol(symbol, account, path, Specification)

    async def whole_specification(self, account: str, symbol: str) -> SymbolSpecification:
        path = f"/symbols/{path_part(symbol)}/specification"
        return await self._of_symbol(symbol, account, path, SymbolSpecification)

    async def deals_of_position(self, account: str, position_id: str) -> Sequence[Deal]:
        path = f"/history-deals/position/{path_part(position_id)}"
        return await self._get(account, path, list[Deal], cost=cost.HISTORY)

    async def orders_of_ticket(self, account: str, order_id: str) -> Sequence[Order]:
        path = f"/history-orders/ticket/{path_part(order_id)}"
        return await self._get(account, path, list[Order], cost=cost.HISTORY)

    async def deals(self, account: str, begin: datetime, end: datetime) -> Sequence[Deal]:
        path = f"/history-deals/time/{iso(begin)}/{iso(end)}"
        return await self._pages(account, path, list[Deal])

    async def past_orders(self, account: str, begin: datetime, end: datetime) -> Sequence[Order]:
        path = f"/history-orders/time/{iso(begin)}/{iso(end)}"
        return await self._pages(account, path, list[Order])

    async def record(
        self,
        account: str,
        path: str,
        shape: type[T],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> T:
        """Return MetaApi's answer to a path of an account; with a body, to a POST."""
        url = await self._url(self._hosts.client, account, path)
        if body is not None:
            return await self._http.ask(url, body, shape, cost=cost.READ)
        return await self._http.get(url, shape, cost=cost.HISTORY, query=query)

    async def candles(
        self, account: str, symbol: str, timeframe: str, begin: datetime, end: datetime
    ) -> Sequence[Candle]:
        """Page backwards from the end; MetaApi loads so, whatever the order inside a page is."""
        path = f"/historical-market-data/symbols/{path_part(symbol)}/timeframes/{timeframe}/candles"
        url = await self._url(self._hosts.market, account, path)
        found: dict[datetime, Candle] = {}
        until = end
        while True:
            page = await self._http.get(
                url,
                list[Candle],
                cost=cost.HISTORY,
                query={"startTime": iso(until), "limit": str(PAGE)},
                patience=HISTORICAL_SECONDS,
            )
            found.update((candle.time, candle) for candle in page if begin <= candle.time < end)
            oldest = min((candle.time for candle in page), default=None)
            if oldest is None or oldest <= begin or oldest >= until:
                return [found[at] for at in sorted(found)]
            until = oldest

    # Parts

    async def _state(self, account: str, path: str, shape: type[T]) -> T:
        """Return a part of the account's state. After each failure it is looked up whether the
        account is deployed and connected, so that the reason can be told; whichever part fails
        first ends the reading."""
        try:
            return await self._get(account, path, shape)
        except RequestRefused as exc:
            raise await self._reason(account, exc) from exc

    async def _get(self, account: str, path: str, shape: type[T], *, cost: float = cost.READ) -> T:
        url = await self._url(self._hosts.client, account, path)
        return await self._http.get(url, shape, cost=cost)

    async def _of_symbol(self, symbol: str, account: str, path: str, shape: type[T]) -> T:
        try:
            return await self._get(account, path, shape)
        except RequestRefused as exc:
            if exc.code == "NOT_FOUND":
                raise SymbolNotFound(symbol) from exc
            raise

    async def _pages(self, account: str, path: str, shape: type[list[T]]) -> list[T]:
        url = await self._url(self._hosts.client, account, path)
        found: list[T] = []
        while True:
            query = {"offset": str(len(found)), "limit": str(PAGE)}
            page = await self._http.get(url, shape, cost=cost.HISTORY, query=query)
            found += page
            if len(page) < PAGE:
                return found

    async def _url(self, host: str, account: str, path: str) -> str:
        if "{region}" in host:
            if account not in self._regions:
                self._regions[account] = (await self._provisioned(account)).region
            host = host.format(region=self._regions[account])
        return f"{host}/users/current/accounts/{path_part(account)}{path}"

    async def _provisioned(self, account: str) -> Provisioned:
        url = f"{self._hosts.provisioning}/users/current/accounts/{path_part(account)}"
        return await self._http.get(url, Provisioned, cost=cost.READ)
