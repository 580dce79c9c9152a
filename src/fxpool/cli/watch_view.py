"""The watcher's screen, drawn from its state. Pure: state and width in, a renderable out."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from fxpool.cli import numbers, tables
from fxpool.cli.watch_state import LIVE, Ticking, WatchState

MAX_QUOTES = 12
"""Quotes on the screen; further ones are counted."""

QUIET_SECONDS = 10.0
"""After so long without an event the screen says so."""

NO_EQUITY = "waiting for the quotes that the account's equity needs"

MARKS = {1: ("▲", "green"), -1: ("▼", "red"), 0: (" ", "")}


def screen(state: WatchState, width: int, quiet_for: float) -> RenderableType:
    """Return the whole screen. ``quiet_for``: seconds since the last event."""
    if state.account is None:
        waits_for = NO_EQUITY if state.link == LIVE else state.link
        return Spinner("dots", text=waits_for)
    currency = state.account["currency"]
    parts: list[RenderableType] = [
        tables.account_title(state.account),
        _link_line(state.link, quiet_for),
        Text(),
        tables.account_table(state.account),
        _heading(f"positions · {len(state.positions)}"),
        tables.positions_table(list(state.positions.values()), currency, state.digits, width),
        *_orders(state, width),
        _heading("quotes"),
        _quotes(state),
    ]
    if state.recent:
        parts += [_heading("last changes (UTC)"), Text("\n".join(state.recent))]
    return Group(*parts, Text(), Text("Ctrl-C ends the view; nothing is closed by it", style="dim"))


def _orders(state: WatchState, width: int) -> Iterator[RenderableType]:
    if state.orders is None:
        yield _heading("orders")
        yield Text("unknown: one of them cannot be read (fxpool's /health names it)", style="red")
        return
    yield _heading(f"orders · {len(state.orders)}")
    yield tables.orders_table(list(state.orders.values()), state.digits, width)


def _heading(text: str) -> Rule:
    return Rule(Text(text, style="bold"), align="left", style="dim")


def _link_line(link: str, quiet_for: float) -> Text:
    line = Text("● ", style="green" if link == LIVE else "bold red")
    if quiet_for >= QUIET_SECONDS:
        line.append(f"no event for {quiet_for:.0f} s · ", style="yellow")
    line.append(link, style="default")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _quotes(state: WatchState) -> RenderableType:
    if not state.quotes:
        return Text("no quotes yet", style="dim")
    table = Table.grid(padding=(0, 2))
    table.add_column()
    for _ in range(3):
        table.add_column(justify="right")
    table.add_column()
    table.add_column(style="dim")
    names = sorted(state.quotes)
    for name in names[:MAX_QUOTES]:
        table.add_row(name, *_quote_cells(state.quotes[name], state.digits.get(name)))
    if len(names) <= MAX_QUOTES:
        return table
    return Group(table, Text(f"and {len(names) - MAX_QUOTES} more", style="dim"))


def _quote_cells(quote: Ticking, digits: int | None) -> tuple[RenderableType, ...]:
    mark, style = MARKS[quote.direction]
    return (
        Text(numbers.price(quote.bid, digits), style=style),
        Text(numbers.price(quote.ask, digits), style=style),
        Text(f"spread {numbers.price(quote.spread, digits)}", style="dim"),
        Text(mark, style=style),
        numbers.clock_time(quote.time),
    )
