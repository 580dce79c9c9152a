"""The commands that trade, with their arguments."""

# ruff: noqa: PLC0415 (a command pays for its own imports only)

from __future__ import annotations

from typing import Annotated, Literal

import typer

from fxpool.cli.options import (
    DEFAULT_URL,
    Account,
    ApiKey,
    AsJson,
    Expires,
    Guaranteed,
    InUnits,
    StopLoss,
    StopLossIn,
    TakeProfit,
    TakeProfitIn,
    Trailing,
    Unsynchronized,
    Url,
)


def trade(
    *,
    account: Account,
    side: Annotated[Literal["buy", "sell"], typer.Argument(help="buy or sell.")],
    symbol: Annotated[str, typer.Argument(help="A MetaTrader name: EURUSD.")],
    volume: Annotated[
        str | None, typer.Argument(help="Volume in lots: 0.10; left out with --risk.")
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option(metavar="PRICE", help="A limit order at this price; with --stop its limit."),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(
            metavar="PRICE",
            help="A stop order at this price; with --limit or --slippage a stop-limit order.",
        ),
    ] = None,
    slippage: Annotated[
        str | None,
        typer.Option(metavar="POINTS", help="How far it may fill from its price: market range."),
    ] = None,
    base_price: Annotated[
        str | None,
        typer.Option(metavar="PRICE", help="What --slippage counts from, not the present quote."),
    ] = None,
    tif: Annotated[
        str | None, typer.Option(metavar="WORD", help="Time in force: GTC, GTD, IOC, FOK or MOO.")
    ] = None,
    expires: Expires = None,
    sl: StopLoss = None,
    tp: TakeProfit = None,
    sl_in: StopLossIn = "price",
    tp_in: TakeProfitIn = "price",
    trailing: Annotated[
        bool, typer.Option("--trailing", help="Let the stop loss follow the price.")
    ] = False,
    guaranteed: Annotated[
        bool, typer.Option("--guaranteed", help="Have the broker guarantee the stop loss.")
    ] = False,
    in_units: InUnits = False,
    risk: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT", help="In place of VOLUME: what --sl may cost of the equity."
        ),
    ] = None,
    comment: Annotated[str, typer.Option(help="Kept by the broker with the order.")] = "",
    label: Annotated[str, typer.Option(help="The order's label at the broker.")] = "",
    key: Annotated[
        str | None,
        typer.Option(help="Idempotency key: the same command again never makes a second order."),
    ] = None,
    allow_unsynchronized: Unsynchronized = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """Place an order: at the market, or pending with --limit or --stop."""
    from fxpool.cli import requests, trading
    from fxpool.cli.pool import Pool

    order = requests.order_from(
        side,
        symbol,
        volume,
        requests.Entered(limit, stop, slippage, base_price, tif, expires),
        requests.Protected(sl, tp, sl_in, tp_in),
        in_units=in_units,
        risk=risk,
        trailing=trailing,
        guaranteed=guaranteed,
        comment=comment,
        label=label,
        key=key,
        allow_unsynchronized=allow_unsynchronized,
    )
    trading.place(Pool(url, api_key, as_json), account, order)


def modify(
    *,
    account: Account,
    position: Annotated[str, typer.Argument(help="Id of the position.")],
    sl: StopLoss = None,
    tp: TakeProfit = None,
    sl_in: StopLossIn = "price",
    tp_in: TakeProfitIn = "price",
    trailing: Trailing = None,
    guaranteed: Guaranteed = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """Set the protection of a position. A side left out stays; 0 removes it."""
    from fxpool.cli import requests, trading
    from fxpool.cli.pool import Pool

    protection = requests.protection_from(
        position,
        requests.Protected(sl, tp, sl_in, tp_in),
        trailing=trailing,
        guaranteed=guaranteed,
    )
    trading.modify(Pool(url, api_key, as_json), account, protection)


def amend(
    *,
    account: Account,
    order: Annotated[str, typer.Argument(help="Id of the pending order.")],
    price: Annotated[
        str | None, typer.Option(metavar="PRICE", help="Its new limit or stop price.")
    ] = None,
    volume: Annotated[str | None, typer.Option(help="Its new volume in lots.")] = None,
    in_units: InUnits = False,
    sl: StopLoss = None,
    tp: TakeProfit = None,
    sl_in: StopLossIn = "price",
    tp_in: TakeProfitIn = "price",
    expires: Expires = None,
    trailing: Trailing = None,
    guaranteed: Guaranteed = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """Change a pending order. What is left out stays; 0 removes a side (not on cTrader)."""
    from fxpool.cli import requests, trading
    from fxpool.cli.pool import Pool

    change = requests.change_from(
        order,
        requests.Protected(sl, tp, sl_in, tp_in),
        price=price,
        volume=volume,
        in_units=in_units,
        expires=expires,
        trailing=trailing,
        guaranteed=guaranteed,
    )
    trading.amend(Pool(url, api_key, as_json), account, change)


def close(
    *,
    account: Account,
    position: Annotated[str | None, typer.Argument(help="Id of the position.")] = None,
    lots: Annotated[
        str | None, typer.Argument(help="Close only so many lots; all of it if left out.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Close every position.")] = False,
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="Close every position of this symbol.")
    ] = None,
    allow_unsynchronized: Unsynchronized = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """Close a position or part of it, those of a symbol, or all."""
    from fxpool.cli import requests, trading
    from fxpool.cli.pool import Pool

    pool = Pool(url, api_key, as_json)
    trading.check_what_to_close(position, symbol, everything=everything)
    if position is None:
        trading.check_closes_by_name(allow_unsynchronized=allow_unsynchronized)
        trading.close_all(pool, account, symbol)
    else:
        request = requests.close_from(position, lots, allow_unsynchronized=allow_unsynchronized)
        trading.close(pool, account, request)


def cancel(
    *,
    account: Account,
    order: Annotated[str, typer.Argument(help="Id of the pending order.")],
    allow_unsynchronized: Unsynchronized = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """Cancel a pending order."""
    from fxpool.cli import trading
    from fxpool.cli.pool import Pool

    pool = Pool(url, api_key, as_json)
    trading.cancel(pool, account, order, allow_unsynchronized=allow_unsynchronized)


def halt(
    *,
    account: Annotated[str | None, typer.Argument(help="The account to stop.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Stop all accounts.")] = False,
    reason: Annotated[str, typer.Option(help="Shown wherever the halt is.")] = "",
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """Kill switch: nothing is opened any more. Closing and cancelling stay allowed."""
    from fxpool.cli import trading
    from fxpool.cli.pool import Pool

    trading.check_whom(account, everything=everything)
    trading.halt(Pool(url, api_key, as_json), account, reason)


def resume(
    *,
    account: Annotated[str | None, typer.Argument(help="The account that was stopped.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="End every halt.")] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """End a halt."""
    from fxpool.cli import trading
    from fxpool.cli.pool import Pool

    trading.check_whom(account, everything=everything)
    trading.resume(Pool(url, api_key, as_json), account)


def guards(
    *,
    account: Account,
    reset: Annotated[
        bool, typer.Option("--reset", help="End what latched, so that the account may open again.")
    ] = False,
    by: Annotated[str, typer.Option(help="Who resets it, for the audit log.")] = "",
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """Loss limits of an account, and how it stands to them."""
    from fxpool.cli import guards as limits
    from fxpool.cli.pool import Pool

    pool = Pool(url, api_key, as_json)
    if reset:
        limits.reset(pool, account, by)
    else:
        limits.show(pool, account)


COMMANDS = (trade, modify, amend, close, cancel, halt, resume, guards)
