"""``fxpool demo``: a simulated broker, the gateway in front of it, and a guided first trade.

Everything runs in this process and on this machine; the trade goes through the HTTP API all the
same. The configuration is made here, so that nothing in the environment can lead to a real broker.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr
from rich.panel import Panel

from fxpool.cli import logs
from fxpool.cli.console import stdout
from fxpool.cli.exits import end_with, fail
from fxpool.cli.lifetime import run_until_signal
from fxpool.cli.sim import port_problem, replays_from
from fxpool.cli.walk import Walk
from fxpool.client import UnifiedPoolClient
from fxpool.errors import FxPoolError
from fxpool.gateway import GatewayServer, create_app
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.settings import Settings
from fxpool.simulator import Simulator, SimulatorOptions

ACCOUNT = "12345"
DEFAULT_PORT = 8088
DRAIN_SECONDS = 2

BANNER = """\
[bold]fxpool demo[/]   [bold black on yellow] SIMULATED [/]
The broker is a simulator in this process: its market is made up, its money
is not real, and nothing leaves this machine."""

REPLAY_BANNER = """\
[bold]fxpool demo[/]   [bold black on yellow] SIMULATED [/]
The broker is a simulator in this process that replays recorded quotes: its
money is not real, and nothing leaves this machine."""

NEXT = """\
[bold]▸ It goes on running. Try, in another terminal:[/]

curl {url}/health
curl {url}/pool/stats
curl {url}/account/{account}

{bin}fxpool watch {account}{option}
{bin}fxpool trade {account} sell GBPUSD 0.20{option}

{bin}python - <<'END'
import asyncio
from fxpool import UnifiedPoolClient

async def main():
    async with UnifiedPoolClient.connect("{url}") as pool:
        print(await pool.get_account_info("{account}"))
        async for price in pool.prices("EURUSD"):
            print(price["bid"], price["ask"])

asyncio.run(main())
END

Accounts: {accounts}.  [bold]Ctrl-C ends the demo.[/]"""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The command's arguments. ``port`` None: 8088, and any free one in a check."""

    port: int | None
    sim_port: int
    seed: int
    replay: Sequence[str]
    speed: float
    check: bool

    @property
    def gateway_port(self) -> int:
        if self.port is not None:
            return self.port
        return 0 if self.check else DEFAULT_PORT


def run(options: DemoOptions) -> None:
    """Do the walk; then serve until a signal, unless it is a check."""
    logs.configure("WARNING")
    _write_line_by_line()
    try:
        broker = SimulatorOptions(
            port=options.sim_port,
            seed=options.seed,
            replays=replays_from(options.replay),
            speed=options.speed,
        )
        run_until_signal(lambda: _demo(options, broker))
    except FxPoolError as error:
        end_with(error)
    except OSError as error:
        fail(*port_problem(error, "--sim-port"))


async def _demo(options: DemoOptions, broker: SimulatorOptions) -> None:
    stdout().print(Panel.fit(REPLAY_BANNER if options.replay else BANNER, border_style="yellow"))
    async with (
        Simulator(broker) as simulator,
        _platform(simulator) as platform,
        GatewayServer(
            create_app(platform), port=options.gateway_port, drain_seconds=DRAIN_SECONDS
        ) as server,
        asyncio.TaskGroup() as tasks,
    ):
        stdout().print(
            f"broker on {simulator.host}:{simulator.port} (TLS), gateway on {server.url}"
        )
        watchdog = tasks.create_task(simulator.serve(), name="demo-simulator")
        async with UnifiedPoolClient.connect(server.url, api_key="") as client:
            await Walk(client, ACCOUNT, stdout()).run()
        if options.check:
            stdout().print("\n[green]ok[/] the walk is complete")
            watchdog.cancel()
        else:
            _print_next_steps(server, broker)
            await server.wait()


@asynccontextmanager
async def _platform(simulator: Simulator) -> AsyncIterator[CTraderPlatform]:
    """Keep a platform open on the simulator's demo accounts."""
    with TemporaryDirectory(prefix="fxpool-demo-") as folder:
        routing = Path(folder) / "routing-config.json"
        routing.write_text(json.dumps({"accounts": _routing(simulator.options)}))
        platform = CTraderPlatform.from_settings(_settings(simulator, routing))
        await platform.open()
        try:
            yield platform
        finally:
            await platform.close()


def _routing(broker: SimulatorOptions) -> dict[str, dict[str, str]]:
    return {
        login: {
            "platform": "ctrader",
            "environment": "demo",
            "accountId": login,
            "nickname": f"Demo {login}",
        }
        for login in _logins(broker)
    }


def _logins(broker: SimulatorOptions) -> list[str]:
    return [str(account.login) for account in broker.accounts if not account.is_live]


def _settings(simulator: Simulator, routing: Path) -> Settings:
    """Return settings that lead to the simulator, whatever the environment says."""
    return Settings(
        client_id=simulator.credentials.client_id,
        client_secret=SecretStr(simulator.credentials.client_secret),
        access_token=SecretStr(simulator.grant.access_token),
        demo_host=simulator.host,
        demo_port=simulator.port,
        live_host=simulator.host,
        live_port=simulator.port,
        ca_file=simulator.ca_file,
        routing_config=routing,
        vault_addr="",
        secrets_file=routing.with_name("secrets.bin"),
        data_dir=routing.parent / "data",
        database_url=SecretStr(""),
        demo_config=None,
        symbols_file=None,
        pool_host="127.0.0.1",
        pool_api_key=SecretStr(""),
    )


def _print_next_steps(server: GatewayServer, broker: SimulatorOptions) -> None:
    text = NEXT.format(
        url=server.url,
        account=ACCOUNT,
        accounts=", ".join(_logins(broker)),
        bin=_bin_folder(),
        option="" if server.port == DEFAULT_PORT else f" --url {server.url}",
    )
    stdout().print()
    stdout().print(text, soft_wrap=True)


def _bin_folder() -> str:
    """Return what goes before a command's name: nothing if a shell here finds it without."""
    if shutil.which("fxpool") is not None:
        return ""
    return f"{os.path.relpath(Path(sys.executable).parent)}/"


def _write_line_by_line() -> None:
    """Show each line as it happens where the output is a pipe or a file."""
    if isinstance(sys.stdout, TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(line_buffering=True)
