"""The guided first trade: what any program does with the pool, said step by step.

It speaks to the gateway over HTTP, through the client that users have, and to nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.text import Text

from fxpool.cli import numbers, tables
from fxpool.client import EventStream, UnifiedPoolClient
from fxpool.domain.money import decimal_from_double
from fxpool.errors import FxPoolError
from fxpool.mapping.formats import AccountInformation, PositionInfo, PriceInfo, TradeResult

SYMBOL = "EURUSD"
LOTS = Decimal("0.10")
PROTECTION_PIPS = 50
POINTS_PER_PIP = 10
PROFITS_SHOWN = 6
"""How many different profits are shown before the position is closed."""
PROFITS_NEEDED = 2
"""So many different profits prove that the profit moves."""
LIVE_SECONDS = 30.0
QUOTE_MS = 20_000
PROFIT_SECONDS = 20.0
QUIET_SECONDS = 60.0
"""How much longer a market may take that hardly moves, such as a replay at its own pace."""
POLL_SECONDS = 0.1


class WalkFailed(FxPoolError):
    """A step did not do what it should; the text says which and why."""


class Walk:
    """One guided trade on one account, told on a console."""

    def __init__(self, client: UnifiedPoolClient, account: str, console: Console) -> None:
        self._client, self._account, self._console = client, account, console
        self._digits = 5
        self._currency = ""

    async def run(self) -> None:
        """Take all steps. Raises WalkFailed, or PlatformError where a call fails."""
        await self._wait_until_live()
        before = await self._show_account()
        quote = await self._show_quote()
        position_id = await self._buy(quote)
        await self._show_position(position_id)
        await self._watch_profit(position_id)
        await self._close(position_id, before)

    async def _wait_until_live(self) -> None:
        phase = "starting"
        try:
            async with asyncio.timeout(LIVE_SECONDS):
                with self._console.status(f"account {self._account}: connecting"):
                    while phase != "live":
                        await asyncio.sleep(POLL_SECONDS)
                        phase = await self._phase()
        except TimeoutError:
            raise WalkFailed(f"account {self._account} is not live, it is {phase}") from None

    async def _phase(self) -> str:
        """Return the phase of the account, with its reason unless it is live."""
        health: Mapping[str, Any] = (await self._client.health_check())["ctrader"]
        detail = health.get("details", {}).get(self._account)
        if detail is None:
            return str(health["status"])
        phase, reason = str(detail["phase"]), detail["reason"]
        return f"{phase} ({reason})" if reason and phase != "live" else phase

    async def _show_account(self) -> AccountInformation:
        self._step("The account")
        info = await self._client.get_account_info(self._account)
        if not info["simulated"]:
            raise WalkFailed("the broker does not say that it is simulated: no order is sent")
        self._currency = info["currency"]
        self._console.print(tables.account_title(info))
        self._console.print(tables.account_table(info))
        return info

    async def _show_quote(self) -> PriceInfo:
        self._step(f"A live quote of {SYMBOL}")
        quote = await self._client.wait_for_price(SYMBOL, QUOTE_MS)
        if quote is None:
            raise WalkFailed(f"no quote of {SYMBOL} came within {QUOTE_MS // 1000} s")
        self._digits = quote["digits"]
        self._say(
            f"bid {self._price(quote['bid'])}   ask {self._price(quote['ask'])}"
            f"   spread {self._price(quote['spread'])}"
        )
        return quote

    async def _buy(self, quote: PriceInfo) -> str:
        distance = Decimal(PROTECTION_PIPS * POINTS_PER_PIP).scaleb(-self._digits)
        stop_loss = decimal_from_double(quote["bid"]) - distance
        take_profit = decimal_from_double(quote["ask"]) + distance
        self._step(f"Buy {LOTS} lots, stop loss {stop_loss}, take profit {take_profit}")
        result = await self._client.execute_trade(
            self._account,
            symbol=SYMBOL,
            action="BUY",
            volume=LOTS,
            stop_loss=stop_loss,
            take_profit=take_profit,
            comment="fxpool demo",
        )
        _expect_success("the order", result)
        if result.get("protection") != "set":
            raise WalkFailed(f"the position {result['positionId']} is without its protection")
        self._say(
            f"filled at {self._price(result['openPrice'])}, position {result['positionId']},"
            " protection set"
        )
        return result["positionId"]

    async def _show_position(self, position_id: str) -> None:
        self._step("The position, as every caller sees it")
        positions = await self._client.get_positions(self._account)
        if position_id not in [position["id"] for position in positions]:
            raise WalkFailed(f"position {position_id} is not among the open positions")
        self._console.print(
            tables.positions_table(
                positions, self._currency, {SYMBOL: self._digits}, self._console.width
            )
        )

    async def _watch_profit(self, position_id: str) -> None:
        self._step("Its profit, pushed at every move of the price")
        shown: list[float] = []
        async with self._client.events(
            accounts=[self._account], types=["positionUpdate"]
        ) as events:
            await self._show_profits(events, position_id, shown, PROFITS_SHOWN, PROFIT_SECONDS)
            if len(shown) < PROFITS_NEEDED:
                self._say("(a quiet market: waiting for its next move)")
                await self._show_profits(events, position_id, shown, PROFITS_NEEDED, QUIET_SECONDS)
        if len(shown) < PROFITS_NEEDED:
            raise WalkFailed(f"the profit did not move in {PROFIT_SECONDS + QUIET_SECONDS:.0f} s")

    async def _show_profits(
        self, events: EventStream, position_id: str, shown: list[float], wanted: int, seconds: float
    ) -> None:
        """Show profits until ``wanted`` are shown in all, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                while len(shown) < wanted:
                    position: PositionInfo = (await anext(events)).body["position"]
                    if position["id"] == position_id:
                        self._show_profit(position, shown)
        except TimeoutError:
            return

    def _show_profit(self, position: PositionInfo, shown: list[float]) -> None:
        """Print a position's profit if it is another than the last one."""
        profit = position["profit"]
        if profit is None or shown[-1:] == [profit]:
            return
        shown.append(profit)
        line = Text(f"   {self._price(position['currentPrice'])}   profit ")
        line.append_text(tables.result(profit, self._currency))
        self._console.print(line + Text(f" {self._currency}"))

    async def _close(self, position_id: str, before: AccountInformation) -> None:
        self._step("Close it")
        result = await self._client.close_position(self._account, position_id=position_id)
        _expect_success("the close", result)
        after = await self._client.get_account_info(self._account)
        realised = Text(f"   closed at {self._price(result['closePrice'])}, realised ")
        realised.append_text(tables.result(result["profit"], self._currency))
        self._console.print(realised + Text(f" {self._currency} after costs"))
        self._say(
            f"balance {numbers.money(before['balance'], self._currency)} ->"
            f" {numbers.money(after['balance'], self._currency)} {self._currency}"
        )

    def _step(self, text: str) -> None:
        self._console.print()
        self._console.print(Text(f"▸ {text}", style="bold"))

    def _say(self, text: str) -> None:
        self._console.print(f"   {text}", markup=False)

    def _price(self, value: float | None) -> str:
        return numbers.price(value, self._digits)


def _expect_success(what: str, result: TradeResult) -> None:
    if not result["success"]:
        raise WalkFailed(f"{what} was not executed: {result.get('error', 'no reason given')}")
