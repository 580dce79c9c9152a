"""``make soak``: many seeds, and one line that sums them up.

python -m checker.soak --seeds 200 --from 1
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from checker.plan import plan_of
from checker.run import Report, run

AT_ONCE = 4
SUMMED = (
    "runs",
    "operations",
    "ok",
    "fail",
    "unknown",
    "resolved",
    "faults",
    "kills",
    "unjournaled",
    "violations",
)


async def soak(seeds: range, *, at_once: int, log_to: Path | None) -> Counter[str]:
    """Run seeds, a few at a time; tell each that breaks a promise, and return the sums."""
    sums: Counter[str] = Counter()
    gate = asyncio.Semaphore(at_once)
    with TemporaryDirectory(prefix="fxpool-soak-") as folder:

        async def one(seed: int) -> None:
            async with gate:
                place = Path(folder) / str(seed)
                place.mkdir()
                report = await run(plan_of(seed), place, certificates=Path(folder) / "ca")
            sums.update(report.counts())
            _tell(report, log_to)

        (Path(folder) / "ca").mkdir()

        async with asyncio.TaskGroup() as tasks:
            for seed in seeds:
                tasks.create_task(one(seed))
    return sums


def _tell(report: Report, log_to: Path | None) -> None:
    if not report.found:
        return
    print(report, flush=True)
    if log_to is not None:
        (log_to / f"seed-{report.plan.seed}.log").write_text(f"{report}\n{report.logs}")


def main() -> int:
    """Soak as the arguments say; exit 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description="run seeds of the checker")
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first one")
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    parser.add_argument("--log-to", type=Path, help="a folder for the logs of seeds that fail")
    given = parser.parse_args()
    began = time.monotonic()
    seeds = range(given.first, given.first + given.seeds)
    sums = asyncio.run(soak(seeds, at_once=given.at_once, log_to=given.log_to))
    numbers = ", ".join(f"{sums[name]} {name}" for name in SUMMED)
    print(f"soak: {numbers}; {time.monotonic() - began:.0f} s")
    return 1 if sums["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
