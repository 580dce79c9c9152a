"""The broker's unrealised profit on recorded quotes, recomputed in plain decimals."""

from __future__ import annotations

import os
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto import model_pb2 as model
from fxpool.simulator import Replay
from harness.terminal import EUR_ACCOUNT, EURUSD, START_MS, make_venue, ready_terminal

UNITS = Decimal(10_000)


def _expected_gross(entry: Decimal, bid: Decimal, ask: Decimal) -> int:
    """Return the profit of a long position in cents of EUR: gains are sold, losses bought."""
    dollars = (bid - entry) * UNITS
    euros = dollars / (ask if dollars >= 0 else bid)
    return int((euros * 100).quantize(Decimal(1), ROUND_HALF_UP))


def test_profit_on_recorded_quotes_equals_an_independent_recomputation() -> None:
    folder = os.environ.get("FXPOOL_TEST_DATA")
    if not folder:
        pytest.skip("FXPOOL_TEST_DATA is not set: no recorded quotes to trade on")
    quotes = list(Replay("EURUSD", Path(folder) / "eurusd-ticks.csv").quotes())
    venue = make_venue()
    terminal = ready_terminal(venue, EUR_ACCOUNT)
    venue.tick(EURUSD, quotes[0].bid, quotes[0].ask, START_MS)
    opened = terminal.order(
        ctidTraderAccountId=EUR_ACCOUNT, tradeSide=model.BUY, volume=int(UNITS * 100)
    )[-1][0].position
    entry, seen = Decimal(quotes[0].ask) / 100_000, set()
    for _, bid, ask in quotes[::10]:
        venue.tick(EURUSD, bid, ask, START_MS)
        answer = terminal.ask(m.ProtoOAGetPositionUnrealizedPnLReq(ctidTraderAccountId=EUR_ACCOUNT))
        (profit,) = answer.positionUnrealizedPnL
        gross = _expected_gross(entry, Decimal(bid) / 100_000, Decimal(ask) / 100_000)
        assert profit.grossUnrealizedPnL == gross
        assert profit.netUnrealizedPnL == gross + opened.commission
        seen.add(gross > 0)
    assert seen == {True, False}
