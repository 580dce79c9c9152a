"""Every command with its arguments. Each hands over to the module that does the work.

Those modules are imported inside the commands, so that ``fxpool --help`` answers at once.
"""

# ruff: noqa: PLC0415 (see above: a command pays for its own imports only)

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

import fxpool
from fxpool.cli import trade_app
from fxpool.cli.audit_app import audit_app
from fxpool.cli.auth_app import connect, doctor, secrets_app
from fxpool.cli.keys_app import keys_app
from fxpool.cli.options import (
    DEFAULT_URL,
    Account,
    ApiKey,
    AsJson,
    Replay,
    Seed,
    Speed,
    Url,
)
from fxpool.cli.sim_app import sim_app
from fxpool.cli.symbols_app import symbols_app
from fxpool.errors import SettingsError

app = typer.Typer(
    name="fxpool",
    help="One pool for trading accounts on cTrader and MetaTrader, in MetaApi's data formats.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RUN = "Run"
READ = "Look (at a running gateway)"
TRADE = "Trade (through a running gateway)"

app.add_typer(sim_app, name="sim", rich_help_panel=RUN)
app.command(rich_help_panel=RUN)(connect)
app.command(rich_help_panel=RUN)(doctor)
app.add_typer(secrets_app, name="secrets", rich_help_panel=RUN)
app.add_typer(keys_app, name="keys", rich_help_panel=RUN)
app.add_typer(symbols_app, name="symbols", rich_help_panel=READ)
app.add_typer(audit_app, name="audit", rich_help_panel=RUN)


def main() -> None:
    """Run the command line; the console script."""
    try:
        app()
    except SettingsError as error:  # loading a part found that it cannot work: protobuf's runtime
        from fxpool.cli.exits import server_exit_of

        typer.echo(f"error {error}", err=True)
        sys.exit(server_exit_of(error))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fxpool {fxpool.__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version."),
    ] = False,
) -> None:
    """One pool for trading accounts on cTrader and MetaTrader, in MetaApi's data formats."""


@app.command(rich_help_panel=RUN)
def demo(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Do the walk, then exit 0, or 1 with the reason.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of the gateway [8088; any free one in --check]."),
    ] = None,
    sim_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the simulated broker; 0 is any free one.")
    ] = 0,
    seed: Seed = 1,
    replay: Replay = None,
    speed: Speed = 1.0,
) -> None:
    """See it work: a SIMULATED broker, the gateway, a guided first trade. No account, no key."""
    from fxpool.cli.demo import DemoOptions, run

    run(
        DemoOptions(
            port=port, sim_port=sim_port, seed=seed, replay=replay or [], speed=speed, check=check
        )
    )


@app.command(rich_help_panel=RUN)
def serve(
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to bind [CTRADER_POOL_HOST, 127.0.0.1].")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port [CTRADER_POOL_PORT, 8088].")
    ] = None,
    log_to: Annotated[
        Literal["stderr", "stdout"], typer.Option(help="Where its log lines go.")
    ] = "stderr",
) -> None:
    """Run the gateway for the accounts that the environment configures.

    SIGTERM and Ctrl-C end it gracefully, a second one at once. Exit codes: docs/deploy.md.
    """
    from fxpool.cli.serve import run

    run(host=host, port=port, log_to=sys.stdout if log_to == "stdout" else sys.stderr)


@app.command(rich_help_panel=READ)
def account(
    *, account: Account, url: Url = DEFAULT_URL, api_key: ApiKey = "", as_json: AsJson = False
) -> None:
    """Balance, equity and margin of an account."""
    from fxpool.cli import reading
    from fxpool.cli.pool import Pool

    reading.account(Pool(url, api_key, as_json), account)


@app.command(rich_help_panel=READ)
def positions(
    *, account: Account, url: Url = DEFAULT_URL, api_key: ApiKey = "", as_json: AsJson = False
) -> None:
    """Open positions with their profit."""
    from fxpool.cli import reading
    from fxpool.cli.pool import Pool

    reading.positions(Pool(url, api_key, as_json), account)


@app.command(rich_help_panel=READ)
def orders(
    *, account: Account, url: Url = DEFAULT_URL, api_key: ApiKey = "", as_json: AsJson = False
) -> None:
    """Pending orders."""
    from fxpool.cli import reading
    from fxpool.cli.pool import Pool

    reading.orders(Pool(url, api_key, as_json), account)


@app.command(rich_help_panel=READ)
def report(
    *,
    account: Account,
    days: Annotated[int, typer.Option(min=1, help="How many UTC days, today the last.")] = 30,
    form: Annotated[
        Literal["html", "json", "csv"], typer.Option("--format", help="What is written.")
    ] = "html",
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="The file, - to print it; else named after the account."
        ),
    ] = "",
    shown: Annotated[
        bool, typer.Option("--open", help="Open it with what this machine opens such files with.")
    ] = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
) -> None:
    """What an account did: results, curves, calendar, trades; a page, JSON or CSV."""
    from fxpool.cli import reporting
    from fxpool.cli.pool import Pool

    wanted = reporting.Wanted(days, form, output, shown)
    reporting.report(Pool(url, api_key, form == "json"), account, wanted)


@app.command(rich_help_panel=READ)
def tickets(
    *,
    account: Annotated[
        str | None, typer.Argument(help="The account; all of them if left out.")
    ] = None,
    state: Annotated[
        str | None, typer.Option("--state", help="Only those in this state, such as unknown.")
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """What was asked of the broker, and what became of it."""
    from fxpool.cli import reading
    from fxpool.cli.pool import Pool

    reading.tickets(Pool(url, api_key, as_json), account, state)


@app.command(rich_help_panel=READ)
def price(
    *,
    symbol: Annotated[
        str | None, typer.Argument(help="The symbol; all that have a quote if left out.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", help="Quoted on this account, not the freshest.")
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """The newest quote of a symbol; subscribes to it first."""
    from fxpool.cli import reading
    from fxpool.cli.pool import Pool

    reading.price(Pool(url, api_key, as_json), symbol, account)


@app.command(rich_help_panel=READ)
def watch(
    *,
    account: Account,
    symbols: Annotated[
        list[str] | None,
        typer.Option("--symbol", help="Also show the quotes of this symbol. Repeatable."),
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = "",
    as_json: AsJson = False,
) -> None:
    """A live view of an account, until Ctrl-C. With --json: its events, one to a line."""
    from fxpool.cli.pool import Pool
    from fxpool.cli.watch import run

    run(Pool(url, api_key, as_json), account, symbols or [])


for _command in trade_app.COMMANDS:  # after the others, so that the help lists them last
    app.command(rich_help_panel=TRADE)(_command)
