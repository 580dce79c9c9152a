"""The commands that look: account, positions, orders, tickets, price."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from rich.text import Text

from fxpool.cli import tables
from fxpool.cli.console import stdout
from fxpool.cli.exits import print_json
from fxpool.cli.pool import Pool
from fxpool.mapping.formats import AccountInformation, OrderList, PositionList, PriceInfo
from fxpool.platforms.base import Platform, PlatformError

NOT_FOUND = 404
FIRST_QUOTE_SECONDS = 5.0
FIRST_QUOTE_INTERVAL = 0.1


def account(pool: Pool, name: str) -> None:
    """Print one account."""
    info = pool.ask(lambda platform: platform.account_information(name))
    if pool.as_json:
        print_json(info)
        return
    stdout().print(tables.account_title(info))
    stdout().print(tables.account_table(info))
    if reading := info.get("history"):
        stdout().print(Text(f"history: {reading}", style="dim"))


def positions(pool: Pool, name: str) -> None:
    """Print the open positions of an account."""
    if pool.as_json:
        print_json(pool.ask(lambda platform: platform.positions(name)))
        return
    info, listing, digits = pool.ask(lambda platform: _positions(platform, name))
    stdout().print(tables.account_title(info))
    stdout().print(
        tables.positions_table(listing["positions"], info["currency"], digits, stdout().width)
    )


def orders(pool: Pool, name: str) -> None:
    """Print the pending orders of an account."""
    if pool.as_json:
        print_json(pool.ask(lambda platform: platform.orders(name)))
        return
    listing, digits = pool.ask(lambda platform: _orders(platform, name))
    stdout().print(tables.orders_table(listing["orders"], digits, stdout().width))


def tickets(pool: Pool, name: str | None, state: str | None) -> None:
    """Print the newest order tickets."""
    listing = pool.ask(lambda platform: platform.tickets(name, state))
    if pool.as_json:
        print_json(listing)
    else:
        stdout().print(tables.tickets_table(listing["tickets"], stdout().width))


def price(pool: Pool, symbol: str | None, account: str | None) -> None:
    """Print the quote of a symbol, or of all that have one."""
    if symbol is None:
        quotes = pool.ask(lambda platform: platform.prices())
    else:
        wanted = symbol
        quote = pool.ask(lambda platform: first_quote(platform, wanted, account))
        quotes = {quote["symbol"]: quote}
    if pool.as_json:
        print_json(quotes if symbol is None else next(iter(quotes.values())))
    else:
        stdout().print(tables.prices_table(list(quotes.values())))


async def first_quote(platform: Platform, symbol: str, account: str | None) -> PriceInfo:
    """Subscribe to a symbol and return its quote as soon as it has one.

    Raises PlatformError, the pool's own, when there is none within a few seconds.
    """
    await platform.subscribe_symbol(symbol, account)
    deadline = asyncio.get_running_loop().time() + FIRST_QUOTE_SECONDS
    while True:
        try:
            return await platform.price(symbol, account)
        except PlatformError as error:
            if error.status != NOT_FOUND or asyncio.get_running_loop().time() >= deadline:
                raise
        await asyncio.sleep(FIRST_QUOTE_INTERVAL)


async def digits_of(platform: Platform, account: str, symbols: Iterable[str]) -> Mapping[str, int]:
    """Return the price digits of symbols; one that the pool does not map is left out."""
    names = sorted(set(symbols))
    answers = await asyncio.gather(*(_digits_of(platform, account, name) for name in names))
    return {name: digits for name, digits in zip(names, answers, strict=True) if digits is not None}


async def _digits_of(platform: Platform, account: str, symbol: str) -> int | None:
    try:
        return (await platform.symbol_mapping(symbol, account))["digits"]
    except PlatformError as error:
        if error.status == NOT_FOUND:
            return None
        raise


async def _positions(
    platform: Platform, name: str
) -> tuple[AccountInformation, PositionList, Mapping[str, int]]:
    info, listing = await asyncio.gather(
        platform.account_information(name), platform.positions(name)
    )
    digits = await digits_of(platform, name, (row["symbol"] for row in listing["positions"]))
    return info, listing, digits


async def _orders(platform: Platform, name: str) -> tuple[OrderList, Mapping[str, int]]:
    listing = await platform.orders(name)
    return listing, await digits_of(platform, name, (row["symbol"] for row in listing["orders"]))
