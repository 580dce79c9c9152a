"""`python -m bench [--rounds N] [--part NAME ...] [--json FILE]`: fxpool beside a raw loop.

Kinds alternate within one run, because the machine is shared: read the ratios, not the numbers.
Ends with 1 where a target was missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import fanout, orders
from bench.fanout import Fanout
from bench.peer import Traffic, peer
from fxpool.simulator.certificates import Certificates, certificates_in

ROOT = Path(__file__).resolve().parent.parent
SDK_PYTHON = ROOT / ".venv-sdk" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report.

    Attributes:
        met: whether the target holds; None where there is none.
    """

    what: str
    measured: str
    target: str
    met: bool | None


class Bench:
    """Runs measurements against peers, each in a process of its own."""

    def __init__(self, certificates: Certificates, rounds: int) -> None:
        self.certificates = certificates
        self.rounds = rounds
        self.lines: list[Line] = []

    @contextmanager
    def peer(self, traffic: Traffic) -> Iterator[int]:
        with peer(str(self.certificates.server_file), traffic) as port:
            yield port

    def measure(self, kind: str, port: int, *amounts: int) -> dict[str, float]:
        """Run one measurement and return what it printed."""
        return self.run(
            sys.executable,
            "-m",
            "bench.measure",
            kind,
            str(port),
            str(self.certificates.ca_file),
            *map(str, amounts),
        )

    def measure_sdk(self, port: int, events: int) -> dict[str, float]:
        """The same for the official SDK, in its own environment."""
        return self.run(
            str(SDK_PYTHON), "-W", "ignore", "bench/sdk_quotes.py", str(port), str(events)
        )

    def run(self, *command: str, seconds: float = 600) -> dict[str, float]:
        """Run a measuring program and return the JSON line that it ends with."""
        ran = subprocess.run(  # noqa: S603 (our own scripts)
            command, capture_output=True, text=True, cwd=ROOT, timeout=seconds, check=False
        )
        if ran.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{ran.stderr}")
        measured: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
        return measured

    def add(self, what: str, measured: str, target: str, met: bool | None) -> None:
        self.lines.append(Line(what, measured, target, met))


def quotes(bench: Bench) -> None:
    """Quotes per CPU-second, socket to callback, as a ratio to the raw loop."""
    events = 400_000
    with (
        bench.peer(Traffic(events)) as plain,
        bench.peer(Traffic(events, positions=20)) as valued,
    ):
        rates: dict[str, list[float]] = {"limit": [], "callback": [], "valued": []}
        for _ in range(bench.rounds):
            for name, kind, port in (
                ("limit", "limit_quotes", plain),
                ("callback", "fxpool_quotes", plain),
                ("valued", "fxpool_quotes", valued),
            ):
                taken = bench.measure(kind, port, events)
                rates[name].append(taken["events"] / taken["cpu"])
        best = median(rates["limit"])
        bench.add("raw loop, quotes per CPU-second", f"{best:,.0f}", "", None)
        for name, what, target in (
            ("callback", "socket to callback", 0.70),
            ("valued", "the same, every quote revaluing a position", 0.40),
        ):
            ratio = median(rates[name]) / best
            shown = f"{ratio:.0%} ({median(rates[name]):,.0f}/s)"
            bench.add(what, shown, f">= {target:.0%} of the raw loop", ratio >= target)
        if SDK_PYTHON.exists():
            taken = bench.measure_sdk(plain, 40_000)
            times = median(rates["callback"]) / (taken["events"] / taken["cpu"])
            bench.add("beside the official SDK", f"{times:.1f} times", ">= 8 times", times >= 8)


def round_trips(bench: Bench) -> None:
    """Requests answered per second with 1, 32 and 256 in flight, pacing off."""
    targets = {1: 5_000, 32: 30_000, 256: None}
    with bench.peer(Traffic(0)) as port:
        for in_flight, target in targets.items():
            total = 20_000 if in_flight == 1 else 100_000
            ours, raw = [], []
            for _ in range(bench.rounds):
                raw.append(bench.measure("limit_trips", port, total, in_flight)["per_second"])
                ours.append(bench.measure("fxpool_trips", port, total, in_flight)["per_second"])
            rate, ratio = median(ours), median(ours) / median(raw)
            bench.add(
                f"round trips, {in_flight} in flight",
                f"{rate:,.0f}/s ({ratio:.0%} of a raw socket)",
                "" if target is None else f">= {target:,}/s",
                None if target is None else rate >= target,
            )


def wakeups(bench: Bench) -> None:
    """One quote per wake-up: the delay from the sender's clock to the callback."""
    for per_second, events in ((1_000, 3_000), (5_000, 15_000)):
        with bench.peer(Traffic(events, per_second=per_second)) as port:
            ours: dict[str, list[float]] = {"p50_us": [], "p99_us": []}
            bare: dict[str, list[float]] = {"p50_us": [], "p99_us": []}
            for _ in range(bench.rounds):
                for kind, into in (("bare_wakeups", bare), ("fxpool_wakeups", ours)):
                    taken = bench.measure(kind, port, events)
                    for name, values in into.items():
                        values.append(taken[name])
        added = median(ours["p50_us"]) - median(bare["p50_us"])
        tail = median(ours["p99_us"]) / median(bare["p99_us"])
        bench.add(
            f"{per_second:,} quotes/s one by one, p50",
            f"{added:+.0f} us on a bare asyncio.Protocol",
            "<= +15 us",
            added <= 15,
        )
        bench.add(
            f"{per_second:,} quotes/s one by one, p99",
            f"{tail:.2f} times the bare protocol",
            "<= 1.5 times",
            tail <= 1.5,
        )


def memory(bench: Bench) -> None:
    """Memory after connecting, per further connection, and over a long stream with bars."""
    with bench.peer(Traffic(0)) as port:
        taken = bench.measure("fxpool_memory", port, 100)
    size, each = taken["after_connecting_mb"], taken["per_connection_kib"]
    bench.add("memory after connecting", f"{size:.1f} MB", "<= 45 MB", size <= 45)
    bench.add("each further TLS connection", f"{each:.1f} KiB", "<= 60 KiB", each <= 60)
    events = 5_000_000
    with bench.peer(Traffic(events, trendbars=True)) as port:
        grown = bench.measure("fxpool_growth", port, events)["grown_mb"]
    bench.add(f"growth over {events:,} quotes with bars", f"{grown:+.2f} MB", "flat", grown < 1.0)


def simulator(bench: Bench) -> None:
    """Spot events that the simulator serves, beside a raw sender of prepared bytes."""
    taken = bench.run(sys.executable, "-m", "bench.simulator")
    shown = f"{taken['served']:,.0f}/s ({taken['ratio']:.2%} of a raw sender)"
    bench.add(
        "simulator, events served per CPU-second", shown, ">= 20,000/s", taken["served"] >= 20_000
    )


def order_latency(bench: Bench) -> None:
    """Orders through the gateway with the journal on: how late, at rest and in a flood, how many.

    See ``bench.orders`` for the two latencies; the limit beside them is a raw blocking gateway
    that forces one record per order to the same disk.
    """
    kinds: dict[str, Callable[..., orders.Delays]] = {
        "a raw gateway": lambda *files: orders.delays(*files, "raw"),
        "at rest": orders.delays,
        "under 20,000 quotes/s": partial(orders.delays, quotes=20_000),
        "with a key": partial(orders.delays, has_keys=True),
    }
    with_targets = {"at rest", "under 20,000 quotes/s"}
    found: dict[str, orders.Delays] = {name: orders.Delays() for name in kinds}
    rates: dict[int, list[float]] = {1: [], 32: []}
    server, ca = str(bench.certificates.server_file), str(bench.certificates.ca_file)
    forced_us: list[float] = []
    for _ in range(bench.rounds):
        forced_us += orders.forced_writes_us()
        for name, delays_of in kinds.items():
            taken = delays_of(server, ca)
            found[name].in_gateway += taken.in_gateway
            found[name].to_broker += taken.to_broker
        for clients, into in rates.items():
            into.append(orders.throughput(server, ca, clients))
    bench.add("this disk forces 4 KiB in", f"p50 {median(forced_us):.0f} us", "", None)
    for name, delays in found.items():
        for what, taken_ns in (
            ("request read to frame written", delays.in_gateway),
            ("client to broker", delays.to_broker),
        ):
            p50, p99 = (orders.percentile_ms(taken_ns, share) for share in (0.5, 0.99))
            has_target = taken_ns is delays.in_gateway and name in with_targets
            bench.add(
                f"an order, {what}, {name}",
                f"p50 {p50:.2f} ms, p99 {p99:.2f} ms",
                "<= 1 ms, <= 2 ms" if has_target else "",
                (p50 <= 1 and p99 <= 2) if has_target else None,
            )
    quiet, flooded = (found[name].to_broker for name in ("at rest", "under 20,000 quotes/s"))
    times = orders.percentile_ms(flooded, 0.5) / orders.percentile_ms(quiet, 0.5)
    bench.add(
        "the flood's delay to the broker", f"{times:.2f} times at rest", "<= 2 times", times <= 2
    )
    for clients, per_second in rates.items():
        bench.add(f"orders executed, {clients} at a time", f"{median(per_second):,.0f}/s", "", None)


def fan_out(bench: Bench) -> None:
    """CPU of the gateway per event that a WebSocket client is sent, beside prepared frames (raw);
    how late events come, and what a client costs in memory."""
    targets = {Fanout(100): 12.0, Fanout(100, per_turn=10): 1.5}
    for clients in (1, 10, 100, 1_000):
        for each in (Fanout(clients), Fanout(clients, per_turn=10)):
            ours, raw = [], []
            for _ in range(bench.rounds):
                raw.append(fanout.microseconds(each, "raw"))
                ours.append(fanout.microseconds(each))
            taken, limit, target = median(ours), median(raw), targets.get(each)
            bench.add(
                f"ws, {clients:,} client{'s' * (clients > 1)}, "
                + ("in tens" if each.per_turn > 1 else "singly"),
                f"{taken:.2f} us ({taken / limit:.1f} x {limit:.2f} raw)",
                "" if target is None else f"<= {target:g} us",
                None if target is None else taken <= target,
            )
    late: dict[str, list[float]] = {"ours": [], "raw": []}
    for _ in range(bench.rounds):
        for name, kind in (("raw", ("raw",)), ("ours", ())):
            delays = fanout.delays_ms(Fanout(100), *kind, per_second=40_000)
            late[name].append(delays[len(delays) * 99 // 100])
    p99 = median(late["ours"])
    bench.add(
        "ws, 100 at 40,000/s, p99",
        f"{p99:.1f} ms ({median(late['raw']):.1f} raw)",
        "<= 10 ms",
        p99 <= 10,
    )
    idle, bare = fanout.idle_kib(900), fanout.idle_kib(900, "bare")
    bench.add(
        "ws, an idle client", f"{idle:.1f} KiB ({bare:.1f} bare uvicorn)", "<= 20 KiB", idle <= 20
    )


def history(bench: Bench) -> None:
    """Orders while 100,000 deals of two years are read first, with the link cut ten times.

    See ``bench.history``; one round, for the broker's limits make it minutes.
    """
    taken: Any = bench.run(sys.executable, "-m", "bench.history", "100000", "730", seconds=1800)
    deals = taken["deals"]
    bench.add("deals of two years, read first", f"{deals:,}", ">= 100,000", deals >= 100_000)
    cuts, seconds = taken["cuts"], taken["seconds"]
    bench.add("link cut meanwhile", f"{cuts} times in {seconds:,.0f} s", "10", cuts == 10)
    for name, what in (
        ("to_frame", "order to frame"),
        ("to_answer", "order to answer, broker included"),
    ):
        reading, held = taken["reading"][name], taken["held"][name]
        is_ours = name == "to_frame"
        bench.add(f"{what}, reading held", _percentiles(held), "", None)
        bench.add(f"{what}, meanwhile", _percentiles(reading), "", None)
        for share in ("p50", "p95"):
            times = reading[share] / held[share]
            has_target = is_ours and share == "p50"
            bench.add(
                f"{what}, {share} meanwhile",
                f"{times:.2f} times that",
                "<= 1.25 times" if has_target else "",
                times <= 1.25 if has_target else None,
            )
    wrong = {name: count for name, count in taken["differences"].items() if count}
    bench.add("the store beside the broker's ledger", str(wrong or "equal"), "equal", not wrong)
    slowest = max(taken["statistics_ms"].items(), key=lambda item: item[1])
    bench.add("the slowest statistic", f"{slowest[0]}: {slowest[1]:.0f} ms", "", None)


def _percentiles(milliseconds: dict[str, float]) -> str:
    return ", ".join(f"{share} {taken:.1f}" for share, taken in milliseconds.items()) + " ms"


PARTS: dict[str, Callable[[Bench], None]] = {
    "quotes": quotes,
    "round_trips": round_trips,
    "wakeups": wakeups,
    "memory": memory,
    "simulator": simulator,
    "orders": order_latency,
    "fanout": fan_out,
    "history": history,
}


def report(lines: list[Line], console: Console) -> None:
    table = Table(title="fxpool bench: ratios within this run", title_justify="left")
    for title in ("what", "measured", "target", ""):
        table.add_column(title)
    for line in lines:
        mark = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[line.met]
        table.add_row(line.what, line.measured, line.target, mark)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often kinds alternate")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part")
    parser.add_argument("--json", type=Path, default=ROOT / "bench" / "results" / "latest.json")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(certificates_in(Path(folder), datetime.now(UTC)), arguments.rounds)
        for name in arguments.part or PARTS:
            console.print(f"measuring {name.replace('_', ' ')} ...", style="dim")
            PARTS[name](bench)
    report(bench.lines, console)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps([asdict(line) for line in bench.lines], indent=2) + "\n")
    console.print(f"written to {arguments.json}", style="dim")
    if any(line.met is False for line in bench.lines):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
