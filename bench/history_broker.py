"""The broker of the history bench: `python -m bench.history_broker DEALS DAYS SEED`.

The simulator with a past that was traded on its own engine before anybody connects, and with its
rate limits on. Prints one line to connect with. Each line on standard input is a command with one
line as its answer: ``cut`` closes all links, ``ledger`` tells what its books say.
Run it with ``tests`` on the path: the past is made as the tests make theirs.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import uvloop

from fxpool.mapping.instants import ms_from_instant
from fxpool.simulator import Simulator, SimulatorOptions
from fxpool.simulator.engine.book import Book
from harness.accounts import USD_ACCOUNT
from harness.past import trade_at_random
from harness.past_desk import EarlierClock

DEALS_PER_STEP = 0.9
"""What a step of random trading gives on average; some are refused, some are deposits."""

_MINUTE_MS = 60_000


def make_past(book: Book, simulator: Simulator, deals: int, days: int, seed: int) -> None:
    """Trade until there are so many deals, evenly over the days."""
    now = datetime.now(UTC)
    begin, end = (
        ms_from_instant(at) for at in (now - timedelta(days=days), now - timedelta(minutes=1))
    )
    chance, pieces = Random(seed), 50
    begin += _MINUTE_MS
    length = (end - begin) // pieces
    for piece in range(pieces):
        missing = deals * (piece + 1) // pieces - len(book.deals)
        trade_at_random(
            simulator.venue.engine,
            USD_ACCOUNT,
            begin_ms=begin + piece * length,
            end_ms=begin + (piece + 1) * length,
            steps=max(0, round(missing / DEALS_PER_STEP)),
            chance=chance,
        )


def ledger_of(book: Book) -> dict[str, Any]:
    """Return the books: the ids of all deals and of all cash flow, and the balance in cents."""
    return {
        "deals": [deal.deal_id for deal in book.deals],
        "cash": [entry.entry_id for entry in book.ledger.cash_entries],
        "balance": book.ledger.balance,
    }


async def serve(deals: int, days: int, seed: int) -> None:
    """Serve until standard input ends.

    The doors open in the present: a certificate of two years ago would have expired.
    """
    ago = timedelta(days=days)
    simulator = Simulator(SimulatorOptions(ticks_per_second=20.0), EarlierClock(ago))
    book = simulator.venue.engine.books[USD_ACCOUNT]
    make_past(book, simulator, deals, days, seed)
    simulator.jump_clock(ago.total_seconds())
    async with simulator:
        grant, application = simulator.new_grant((USD_ACCOUNT,)), simulator.credentials
        about = {
            "port": simulator.port,
            "ca_file": str(simulator.ca_file),
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "access_token": grant.access_token,
            "deals": len(book.deals),
        }
        print(json.dumps(about), flush=True)
        loop = asyncio.get_running_loop()
        while command := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
            if command == "cut":
                simulator.cut_all()
            print(json.dumps(ledger_of(book) if command == "ledger" else {}), flush=True)


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:4])))
