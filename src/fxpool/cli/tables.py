"""Accounts, positions, orders and prices as tables. Pure: JSON shapes in, rich renderables out.

A table has two widths: what fits 80 columns, and more from ``WIDE`` on. Numbers are right-aligned
with the symbol's digits; an empty list is said in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from fxpool.cli import numbers
from fxpool.domain.money import decimal_from_double
from fxpool.mapping.formats import (
    AccountInformation,
    OrderInfo,
    PositionInfo,
    PriceInfo,
    TicketInfo,
)

WIDE = 100
"""From this many columns on, tables show their further columns."""

Digits = Mapping[str, int]
"""Price digits by symbol; a symbol that is not in it shows the digits that a price carries."""

SIMULATED_BADGE = Text(" SIMULATED ", style="bold black on yellow")
HALTED_BADGE = Text(" HALTED ", style="bold white on red")


def is_wide(width: int) -> bool:
    """Whether a screen of ``width`` columns shows the further columns."""
    return width >= WIDE


def result_style(value: float | None) -> str:
    """Return the colour of a profit: green, red, or none."""
    if value is None or value == 0:
        return ""
    return "green" if value > 0 else "red"


def result(value: float | None, currency: str = "") -> Text:
    """Return a profit with its sign and colour."""
    return Text(numbers.signed_money(value, currency), style=result_style(value))


def account_title(info: AccountInformation) -> Text:
    """Return one line: which account this is, whether its broker is simulated, and it halted."""
    title = Text.assemble(
        (info["id"], "bold"),
        f"  {info['broker']} · login {info['login']} · {info['environment']}"
        f" · {info['accountType'].lower()}",
    )
    for badge, is_shown in ((SIMULATED_BADGE, info["simulated"]), (HALTED_BADGE, info["halted"])):
        if is_shown:
            title.append("  ")
            title.append_text(badge)
    return title


def account_table(info: AccountInformation) -> Table:
    """Return the account's money, two pairs to a row."""
    currency = info["currency"]
    pairs: list[tuple[str, str | Text]] = [
        ("balance", f"{numbers.money(info['balance'], currency)} {currency}"),
        ("equity", f"{numbers.money(info['equity'], currency)} {currency}"),
        ("margin used", f"{numbers.money(info['margin'], currency)} {currency}"),
        ("margin free", f"{numbers.money(info['freeMargin'], currency)} {currency}"),
        ("margin level", numbers.percent(info["marginLevel"])),
        ("open profit", result(info["unrealizedProfit"], currency)),
        ("open positions", str(info["openPositions"])),
        ("leverage", _leverage(info["leverage"])),
    ]
    table = Table.grid(padding=(0, 2))
    for _ in range(2):
        table.add_column(style="dim")
        table.add_column(justify="right", min_width=16)
    for left, right in zip(pairs[::2], pairs[1::2], strict=True):
        table.add_row(*left, *right)
    return table


def positions_table(
    positions: Sequence[PositionInfo], currency: str, digits: Digits, width: int
) -> RenderableType:
    """Return the open positions with their total, or the words that there are none."""
    if not positions:
        return Text("no open positions", style="dim")
    wide = is_wide(width)
    table = _table(wide=wide, footer=True)
    table.add_column("position", "total", no_wrap=True)
    table.add_column("symbol")
    table.add_column("side")
    _number_columns(table, "lots", "open", "now", "SL", "TP")
    if wide:
        _number_columns(table, "swap", "fees")
        _result_column(table, "margin", _sum(positions, "usedMargin", currency))
    _result_column(table, "profit", _total(positions, "profit", currency))
    if wide:
        _result_column(table, "net", _total(positions, "netProfit", currency))
    for position in positions:
        table.add_row(*_position_cells(position, currency, digits, wide=wide))
    return table


def _position_cells(
    position: PositionInfo, currency: str, digits: Digits, *, wide: bool
) -> Iterable[str | Text]:
    places = digits.get(position["symbol"])
    yield position["id"]
    yield position["symbol"]
    yield side(position["type"])
    yield numbers.lots(position["volume"])
    for value in (
        position["openPrice"],
        position["currentPrice"],
        position["stopLoss"],
        position["takeProfit"],
    ):
        yield numbers.price(value, places)
    if wide:
        yield numbers.money(position["swap"], currency)
        yield numbers.money(position["commission"], currency)
        yield numbers.money(position["usedMargin"], currency)
    yield result(position["profit"], currency)
    if wide:
        yield result(position["netProfit"], currency)


def orders_table(orders: Sequence[OrderInfo], digits: Digits, width: int) -> RenderableType:
    """Return the pending orders, or the words that there are none."""
    if not orders:
        return Text("no pending orders", style="dim")
    wide = is_wide(width)
    table = _table(wide=wide, footer=True)
    count = len(orders)
    table.add_column("order", f"{count} order{'' if count == 1 else 's'}", no_wrap=True)
    table.add_column("symbol")
    table.add_column("type")
    _number_columns(table, "lots", "price", "now", "SL", "TP")
    if wide:
        table.add_column("placed (UTC)")
        table.add_column("comment", overflow="ellipsis", no_wrap=True, max_width=24)
    for order in orders:
        table.add_row(*_order_cells(order, digits, wide=wide))
    return table


def _order_cells(order: OrderInfo, digits: Digits, *, wide: bool) -> Iterable[str | Text]:
    places = digits.get(order["symbol"])
    yield order["id"]
    yield order["symbol"]
    yield side(order["type"])
    yield numbers.lots(order["currentVolume"])
    for value in (
        order["openPrice"],
        order["currentPrice"],
        order["stopLoss"],
        order["takeProfit"],
    ):
        yield numbers.price(value, places)
    if wide:
        yield numbers.clock_time(order["time"])
        yield order["comment"]


def tickets_table(tickets: Sequence[TicketInfo], width: int) -> RenderableType:
    """Return order tickets, newest first, or the words that there are none."""
    if not tickets:
        return Text("no tickets", style="dim")
    wide = is_wide(width)
    table = _table(wide=wide, footer=False)
    for name in ("at (UTC)", "account", "kind", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("what showed it", overflow="fold")
    if wide:
        table.add_column("ticket", no_wrap=True)
    for ticket in tickets:
        table.add_row(*_ticket_cells(ticket, wide=wide))
    return table


def _ticket_cells(ticket: TicketInfo, *, wide: bool) -> Iterable[str | Text]:
    yield numbers.clock_time(ticket["receivedTime"])
    yield ticket["accountId"]
    yield ticket["kind"].replace("_", " ")
    state = ticket["state"].replace("_", " ")
    yield Text(state, style="bold white on red") if ticket["outcome"] == "unknown" else state
    yield ticket["evidence"][-1]["text"]
    if wide:
        yield ticket["id"]


def prices_table(prices: Sequence[PriceInfo]) -> RenderableType:
    """Return quotes, one symbol to a row, or the words that there are none."""
    if not prices:
        return Text("no prices yet: subscribe with `fxpool price SYMBOL`", style="dim")
    table = _table()
    table.add_column("symbol")
    _number_columns(table, "bid", "ask", "spread", "time (UTC)")
    table.add_column("account")
    for quote in prices:
        places = quote["digits"]
        spoken_time = numbers.clock_time(quote["time"])
        table.add_row(
            quote["symbol"],
            numbers.price(quote["bid"], places),
            numbers.price(quote["ask"], places),
            numbers.price(quote["spread"], places),
            Text(f"{spoken_time} stale", style="yellow") if quote["stale"] else spoken_time,
            quote["account_id"],
        )
    return table


def side(type_name: str) -> Text:
    """Return ``buy`` or ``sell limit`` from ``POSITION_TYPE_BUY`` or ``ORDER_TYPE_SELL_LIMIT``."""
    word = type_name.removeprefix("POSITION_TYPE_").removeprefix("ORDER_TYPE_")
    return Text(
        word.replace("_", " ").lower(), style="cyan" if word.startswith("BUY") else "magenta"
    )


def _table(*, wide: bool = True, footer: bool = False) -> Table:
    return Table(
        box=box.SIMPLE,
        show_footer=footer,
        header_style="dim",
        footer_style="bold",
        pad_edge=False,
        collapse_padding=True,
        padding=(0, 1 if wide else 0),
        expand=not wide,
        show_edge=False,
    )


def _number_columns(table: Table, *headers: str) -> None:
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)


def _result_column(table: Table, header: str, total: str | Text) -> None:
    table.add_column(header, total, justify="right", no_wrap=True)


def _known_sum(positions: Sequence[PositionInfo], key: str) -> float | None:
    """Return the sum of a column, or None if one of its values is not known."""
    total = Decimal(0)
    for position in positions:
        value: float | None = position[key]  # type: ignore[literal-required]  # keys of money above
        if value is None:
            return None
        total += decimal_from_double(value)
    return float(total)


def _sum(positions: Sequence[PositionInfo], key: str, currency: str) -> str:
    return numbers.money(_known_sum(positions, key), currency)


def _total(positions: Sequence[PositionInfo], key: str, currency: str) -> Text:
    return result(_known_sum(positions, key), currency)


def _leverage(value: float | None) -> str:
    return numbers.UNKNOWN if value is None else f"1:{value:g}"
