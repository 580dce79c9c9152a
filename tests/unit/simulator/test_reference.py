"""Assets, symbols, their groups and leverage: what a client learns before it trades."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE
from fxpool.openapi.proto import messages_pb2 as m
from fxpool.simulator import Profile
from fxpool.simulator.catalogue import DEFAULT_CATALOGUE, ArchivedSymbol
from fxpool.simulator.engine.symbols import DynamicLeverage, LeverageTier
from fxpool.simulator.handlers import HANDLERS
from harness.terminal import (
    ACCOUNT,
    EUR_ACCOUNT,
    EURUSD,
    NO_LIMITS,
    START_MS,
    TOKEN,
    Terminal,
    make_venue,
)
from harness.terminal import ready_terminal as terminal_of


def ready_terminal(**switches: Any) -> Terminal:
    return terminal_of(make_venue(replace(NO_LIMITS, **switches)))


@pytest.mark.parametrize("early", [False, True])
def test_the_version_can_be_told_before_the_application_is_known(*, early: bool) -> None:
    profile: Profile = replace(NO_LIMITS, answers_version_early=early)
    answer = Terminal(make_venue(profile)).ask(m.ProtoOAVersionReq())
    assert hasattr(answer, "version") is early


def test_every_request_of_the_protocol_has_a_handler() -> None:
    requests = {
        number for number, one in MESSAGE_BY_PAYLOAD_TYPE.items() if one.__name__.endswith("Req")
    }
    assert set(HANDLERS) == requests


def test_symbols_lead_through_categories_to_classes_and_to_their_assets() -> None:
    terminal = ready_terminal()
    classes = terminal.ask(m.ProtoOAAssetClassListReq(ctidTraderAccountId=ACCOUNT)).assetClass
    categories = terminal.ask(
        m.ProtoOASymbolCategoryListReq(ctidTraderAccountId=ACCOUNT)
    ).symbolCategory
    assets = terminal.ask(m.ProtoOAAssetListReq(ctidTraderAccountId=ACCOUNT)).asset
    symbols = terminal.ask(m.ProtoOASymbolsListReq(ctidTraderAccountId=ACCOUNT)).symbol
    class_names = {one.id: one.name for one in classes}
    class_of = {one.id: class_names[one.assetClassId] for one in categories}
    asset_names = {one.assetId: one.name for one in assets}
    told = {
        one.symbolName: (
            class_of[one.symbolCategoryId],
            asset_names[one.baseAssetId],
            asset_names[one.quoteAssetId],
        )
        for one in symbols
    }
    assert told["EURUSD"] == ("Forex", "EUR", "USD")
    assert told["GOLD"] == ("Metals", "XAU", "USD")
    assert told["GER40.cash"] == ("Indices", "GER40.cash", "EUR")


def test_a_profile_is_a_user_id() -> None:
    answer = ready_terminal().ask(m.ProtoOAGetCtidProfileByTokenReq(accessToken=TOKEN))
    assert answer.profile.userId == 1


GONE = ArchivedSymbol(77, "EURLTL", "Euro vs Lithuanian Litas", START_MS)
TIERS = DynamicLeverage(3, (LeverageTier(10_000_000, 333), LeverageTier(50_000_000, 100)))


def terminal_with_more() -> Terminal:
    venue = make_venue()
    venue.catalogue = replace(DEFAULT_CATALOGUE, archived=(GONE,), leverages=(TIERS,))
    return terminal_of(venue)


def test_archived_symbols_come_only_when_asked_for() -> None:
    terminal = terminal_with_more()
    plain = terminal.ask(m.ProtoOASymbolsListReq(ctidTraderAccountId=ACCOUNT))
    assert list(plain.archivedSymbol) == []
    request = m.ProtoOASymbolsListReq(ctidTraderAccountId=ACCOUNT, includeArchivedSymbols=True)
    (gone,) = terminal.ask(request).archivedSymbol
    assert (gone.symbolId, gone.name, gone.utcLastUpdateTimestamp) == (77, "EURLTL", START_MS)
    by_id = terminal.ask(m.ProtoOASymbolByIdReq(ctidTraderAccountId=ACCOUNT, symbolId=[EURUSD, 77]))
    assert [one.symbolId for one in by_id.symbol] == [EURUSD]
    assert list(by_id.archivedSymbol) == [gone]


def test_a_symbol_that_changes_is_told_to_every_account() -> None:
    venue = make_venue()
    terminal = terminal_of(venue)
    terminal.authorise(EUR_ACCOUNT)
    terminal.heard()
    changed = replace(venue.engine.symbols[EURUSD], max_volume=500_000)
    venue.change_symbol(changed)
    events = [message for message, _ in terminal.heard()]
    assert [one.ctidTraderAccountId for one in events] == [ACCOUNT, EUR_ACCOUNT]
    assert [list(one.symbolId) for one in events] == [[EURUSD], [EURUSD]]
    request = m.ProtoOASymbolByIdReq(ctidTraderAccountId=ACCOUNT, symbolId=[EURUSD])
    assert terminal.ask(request).symbol[0].maxVolume == 500_000
    ((refused, _),) = terminal.order(volume=600_000)
    assert refused.errorCode == "TRADING_BAD_VOLUME"


def test_dynamic_leverage_is_told_by_its_id() -> None:
    terminal = terminal_with_more()
    request = m.ProtoOAGetDynamicLeverageByIDReq(ctidTraderAccountId=ACCOUNT, leverageId=3)
    leverage = terminal.ask(request).leverage
    assert leverage.leverageId == 3
    assert [(one.volume, one.leverage) for one in leverage.tiers] == [
        (10_000_000, 333),
        (50_000_000, 100),
    ]
    request.leverageId = 4
    assert terminal.ask(request).errorCode == "ENTITY_NOT_FOUND"
