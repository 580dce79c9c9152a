"""``fxpool sim`` and the commands under it, with their arguments."""

# ruff: noqa: PLC0415 (a command pays for its own imports only)

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fxpool.cli.options import Replay, Seed, Speed

sim_app = typer.Typer(
    help="Run a simulated cTrader broker.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
profile_app = typer.Typer(
    help="The default profile: every switch with its options and why.",
    invoke_without_command=True,
)
sim_app.add_typer(profile_app, name="profile")

NO_PORT = -1
"""What turns a port off that is served otherwise."""


def _port(what: str) -> Any:
    return typer.Option(min=NO_PORT, max=65535, help=f"Port of {what}; 0: any free, -1: none.")


@sim_app.callback()
def sim(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the demo environment; 0 is any free one.")
    ] = 0,
    live_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Also serve the live environment, on this port."),
    ] = None,
    json_port: Annotated[int, _port("JSON over WebSocket")] = 0,
    oauth_port: Annotated[int, _port("the consent page and the token endpoint")] = 0,
    control_port: Annotated[int, _port("the control API")] = 0,
    profile: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Switches and faults; see `fxpool sim profile`."),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a transcript of the wire, without secrets."),
    ] = None,
    broker: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Whose symbols to offer: demo, or one of the large brokers plain, cash, slashed, "
            "gold and suffixed, which offer the same under different names.",
        ),
    ] = "demo",
    market_hours: Annotated[
        bool, typer.Option(help="Close markets at night, at weekends and on holidays.")
    ] = False,
    seed: Seed = 1,
    replay: Replay = None,
    speed: Speed = 1.0,
    ca_dir: Annotated[
        Path | None, typer.Option(help="Folder for ca.pem; a temporary one if left out.")
    ] = None,
    client_id: Annotated[str, typer.Option(help="Random if left out.")] = "",
    client_secret: Annotated[str, typer.Option(help="Random if left out.")] = "",
    access_token: Annotated[str, typer.Option(help="Random if left out.")] = "",
) -> None:
    """Run a simulated cTrader broker. Prints one JSON line on standard output when ready."""
    if context.invoked_subcommand is not None:
        return
    from fxpool.cli.sim import SimArguments, run

    run(
        SimArguments(
            host=host,
            port=port,
            live_port=live_port,
            json_port=_served(json_port),
            oauth_port=_served(oauth_port),
            control_port=_served(control_port),
            profile=profile,
            record=record,
            broker=broker,
            market_hours=market_hours,
            seed=seed,
            replay=replay or [],
            speed=speed,
            ca_dir=ca_dir,
            client_id=client_id,
            client_secret=client_secret,
            access_token=access_token,
        )
    )


@profile_app.callback()
def print_profile(context: typer.Context) -> None:
    """Print the default profile as a commented TOML file."""
    if context.invoked_subcommand is not None:
        return
    from fxpool.cli.sim import print_default_profile

    print_default_profile()


@profile_app.command("check")
def check_profile(
    file: Annotated[Path, typer.Argument(help="A profile as `fxpool sim profile` prints it.")],
) -> None:
    """Say whether a profile is valid, and what it changes."""
    from fxpool.cli.sim import check_profile as check

    check(file)


def _served(port: int) -> int | None:
    return None if port == NO_PORT else port
