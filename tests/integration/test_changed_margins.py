"""Margins that the broker works out anew and tells nobody of."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from fxpool.domain.trades import Side
from fxpool.simulator import Profile, SimulatorOptions
from fxpool.simulator.engine.rules import MarginBasis, Rules
from harness.accounts import USD_ACCOUNT, market, open_desk
from harness.wait import wait_until


@pytest.mark.parametrize("basis", MarginBasis)
async def test_margins_are_read_again_when_the_leverage_of_the_account_changes(
    basis: MarginBasis,
) -> None:
    profile = Profile(rules=Rules(margin_basis=basis))
    async with open_desk(options=SimulatorOptions(ticks_per_second=0, profile=profile)) as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY))
        broker = desk.simulator.venue.engine.books[USD_ACCOUNT]
        desk.simulator.amend_account(replace(broker.spec, leverage_cents=5_000))
        await desk.trading.place(market(Side.BUY, "0.01"))
        desk.account._trader_due = True  # what happens every minute
        desk.account._work.set()
        expected = Decimal(broker.worth.margin_total()).scaleb(-2)
        assert expected == Decimal("247.65" if basis is MarginBasis.AT_EACH_EVENT else "135.08"), (
            "what the broker made of it"
        )
        await wait_until(lambda: desk.account.book.totals().margin == expected)
