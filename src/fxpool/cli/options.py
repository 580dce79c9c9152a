"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

DEFAULT_URL = "http://localhost:8088"

Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar=["CTRADER_POOL_API_URL", "CTRADER_POOL_URL"],
        help="Base URL of the running gateway.",
    ),
]
ApiKey = Annotated[
    str,
    typer.Option(
        "--api-key",
        envvar="CTRADER_POOL_API_KEY",
        help="The gateway's key, where it asks for one. Prefer the variable: a process list shows"
        " arguments.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the API's own JSON on standard output, nothing else.")
]
Account = Annotated[
    str, typer.Argument(help="The account: its routing key, its login or its ctidTraderAccountId.")
]
StopLoss = Annotated[
    str | None, typer.Option("--sl", metavar="NUMBER", help="Stop loss, a price unless --sl-in.")
]
TakeProfit = Annotated[
    str | None, typer.Option("--tp", metavar="NUMBER", help="Take profit, a price unless --tp-in.")
]
Measure = Literal["price", "distance", "points", "pips", "money", "percent"]
"""What the number of a stop loss or a take profit counts."""

StopLossIn = Annotated[
    Measure, typer.Option("--sl-in", help="What --sl counts; percent is of the balance.")
]
TakeProfitIn = Annotated[Measure, typer.Option("--tp-in", help="What --tp counts.")]
Trailing = Annotated[
    bool | None,
    typer.Option("--trailing/--no-trailing", help="Whether the stop loss follows the price."),
]
Guaranteed = Annotated[
    bool | None,
    typer.Option("--guaranteed/--no-guaranteed", help="Whether the broker guarantees it."),
]
InUnits = Annotated[bool, typer.Option("--units", help="The volume is in units, not in lots.")]
Expires = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="When a pending order ends: 2027-03-02T09:15:00Z."),
]
Unsynchronized = Annotated[
    bool,
    typer.Option(
        "--allow-unsynchronized",
        help="Send it though positions and orders are not read again yet.",
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of the synthetic market: equal seeds, equal quotes.")]
Replay = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE.csv",
        help="Replay recorded quotes (columns timestamp,bid,ask) instead of synthetic ones. The"
        " symbol is the beginning of the file's name, or give SYMBOL=FILE.csv. Repeatable.",
    ),
]
Speed = Annotated[float, typer.Option(min=0.001, help="How many times faster than recorded.")]
