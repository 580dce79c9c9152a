"""``make soak-tokens``: many seeds of ``token_run``, and one line that sums them up.

python -m checker.token_soak --seeds 300 --from 1
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from checker.token_run import Servers, TokenRun
from harness.openbao import running_openbao
from harness.redis import RedisServer, running_redis

SUMMED = ("renewed", "kills", "seals", "redis stops", "consents", "violations")


@contextmanager
def servers_of(seed: int, redis: RedisServer) -> Iterator[Servers]:
    """What a seed runs on: each mixture of real servers in turn."""
    with ExitStack() as stack:
        openbao = stack.enter_context(running_openbao()) if seed % 4 in {0, 1} else None
        yield Servers(openbao, redis if seed % 4 in {0, 2} else None)


async def soak(seeds: range, redis: RedisServer) -> Counter[str]:
    """Run seeds one after the other; return the sums."""
    sums: Counter[str] = Counter()
    for seed in seeds:
        with TemporaryDirectory(prefix="fxpool-tokens-") as folder, servers_of(seed, redis) as on:
            report = await TokenRun(seed, Path(folder), on).run()
        sums.update(report.counts)
        sums["violations"] += len(report.found)
        if report.found:
            print(report, flush=True)
    return sums


def main() -> int:
    """Soak as the arguments say; exit 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description="run seeds of the checker of tokens")
    parser.add_argument("--seeds", type=int, default=300, help="how many")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first one")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.monotonic()
    seeds = range(given.first, given.first + given.seeds)
    with running_redis() as redis:
        sums = asyncio.run(soak(seeds, redis))
    numbers = ", ".join(f"{sums[name]} {name}" for name in SUMMED)
    print(f"soak-tokens: {len(seeds)} runs, {numbers}; {time.monotonic() - began:.0f} s")
    return 1 if sums["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
