"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

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
    str | None, typer.Option("--sl", metavar="PRICE", help="Stop loss, an absolute price.")
]
TakeProfit = Annotated[
    str | None, typer.Option("--tp", metavar="PRICE", help="Take profit, an absolute price.")
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
