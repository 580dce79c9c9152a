"""``fxpool sim``: the simulated broker as a server of its own, and its profile as a file."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer

from fxpool.cli import logs
from fxpool.cli.exits import Exit, end_with, fail
from fxpool.cli.lifetime import run_until_signal
from fxpool.errors import FxPoolError, SettingsError
from fxpool.simulator import Profile, Replay, Simulator, SimulatorOptions
from fxpool.simulator.brokers import broker
from fxpool.simulator.catalogue import DEFAULT_CATALOGUE, Catalogue
from fxpool.simulator.profile_file import default_text, differences, parse
from fxpool.simulator.sessions import with_sessions


@dataclass(frozen=True, slots=True)
class SimArguments:
    """The command's arguments; empty credentials are made up."""

    host: str
    port: int
    live_port: int | None
    json_port: int | None
    oauth_port: int | None
    control_port: int | None
    profile: Path | None
    record: Path | None
    broker: str
    market_hours: bool
    seed: int
    replay: Sequence[str]
    speed: float
    ca_dir: Path | None
    client_id: str
    client_secret: str = field(repr=False)
    access_token: str = field(repr=False)


def run(arguments: SimArguments) -> None:
    """Serve until a signal; the ready line is all that goes to standard output."""
    logs.configure()
    try:
        options = _options(arguments)
        run_until_signal(lambda: _serve(options))
    except FxPoolError as error:
        end_with(error)
    except OSError as error:
        fail(*port_problem(error, "--port"))


def print_default_profile() -> None:
    """Print the default profile, ready to be edited."""
    typer.echo(default_text(), nl=False)


def check_profile(file: Path) -> None:
    """Say what a profile changes, or end with what is wrong in it."""
    try:
        changes = differences(read_profile(file))
    except FxPoolError as error:
        end_with(error)
    typer.echo(f"{file}: valid; " + (f"{len(changes)} changes" if changes else "the defaults"))
    for change in changes:
        typer.echo(f"  {change}")


def read_profile(file: Path) -> Profile:
    """Return a file's profile. Raises SettingsError."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{file} cannot be read: {exc}") from exc
    return parse(text, str(file))


def replays_from(
    texts: Sequence[str], catalogue: Catalogue = DEFAULT_CATALOGUE
) -> tuple[Replay, ...]:
    """Return the replays that ``FILE.csv`` and ``SYMBOL=FILE.csv`` ask for.

    Raises SettingsError for a symbol that the simulated broker does not have.
    """
    names = [symbol.name for symbol in catalogue.symbols]
    return tuple(Replay.parse(text, names) for text in texts)


def port_problem(error: OSError, option: str) -> tuple[Exit, str]:
    """Return how a port that cannot be opened ends a command. Raises any other OSError."""
    if error.errno == errno.EADDRINUSE:
        text = f"the port is taken: end what uses it, or choose another with {option}"
    elif error.errno in {errno.EADDRNOTAVAIL, errno.EACCES}:
        text = f"the port cannot be opened ({error.strerror}): choose another with {option}"
    else:
        raise error
    return Exit.USAGE, text


def _options(arguments: SimArguments) -> SimulatorOptions:
    catalogue = broker(arguments.broker)
    if arguments.market_hours:
        catalogue = with_sessions(catalogue)
    return SimulatorOptions(
        host=arguments.host,
        port=arguments.port,
        live_port=arguments.live_port,
        json_port=arguments.json_port,
        live_json_port=_live_json_port(arguments),
        oauth_port=arguments.oauth_port,
        control_port=arguments.control_port,
        record=arguments.record,
        profile=Profile() if arguments.profile is None else read_profile(arguments.profile),
        folder=arguments.ca_dir,
        client_id=arguments.client_id,
        client_secret=arguments.client_secret,
        access_token=arguments.access_token,
        seed=arguments.seed,
        replays=replays_from(arguments.replay, catalogue),
        speed=arguments.speed,
        catalogue=catalogue,
    )


def _live_json_port(arguments: SimArguments) -> int | None:
    """Any free port where both the live environment and JSON are served."""
    return None if arguments.live_port is None or arguments.json_port is None else 0


async def _serve(options: SimulatorOptions) -> None:
    async with Simulator(options) as simulator:
        typer.echo(simulator.ready_line())
        await simulator.serve()
