"""Switches of connections, tokens and rates: each option changes what a client sees."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto import model_pb2 as model
from fxpool.simulator import Scope
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.profile import RateError
from fxpool.simulator.switches import (
    EventOrder,
    ExpiredToken,
    HistoricalSet,
    LimitedAt,
    OldGrant,
    RateScope,
    RefreshedSession,
    RefreshReply,
    SecondSession,
    ViewScopeTrade,
)
from fxpool.simulator.venue import Venue
from harness.terminal import (
    ACCOUNT,
    EUR_ACCOUNT,
    EURUSD,
    NO_LIMITS,
    START_MS,
    Terminal,
    make_venue,
    ready_terminal,
)

REFRESH = m.ProtoOARefreshTokenReq(refreshToken="refresh-of-the-test")


def venue_with(**switches: Any) -> Venue:
    return make_venue(replace(NO_LIMITS, **switches))


def trader(account_id: int = ACCOUNT) -> m.ProtoOATraderReq:
    return m.ProtoOATraderReq(ctidTraderAccountId=account_id)


def names(terminal: Terminal) -> list[str]:
    return [type(message).__name__ for message, _ in terminal.heard()]


# -- SW-04, SW-05, SW-06


@pytest.mark.parametrize(
    ("tells", "heard"), [(False, []), (True, ["ProtoOAClientDisconnectEvent"])]
)
def test_a_silent_client_is_cut_with_or_without_a_word(tells: bool, heard: list[str]) -> None:
    terminal = ready_terminal(venue_with(tells_idle_cut=tells))
    terminal.heard()
    terminal.conversation.time_passed(terminal.now + 31)
    assert terminal.is_closed
    assert names(terminal) == heard


@pytest.mark.parametrize("limited_at", LimitedAt)
def test_a_connection_too_many_is_refused_at_once_or_at_its_authentication(
    limited_at: LimitedAt,
) -> None:
    venue = venue_with(max_connections=1, connections_limited_at=limited_at)
    first, second = Terminal(venue), Terminal(venue)
    first.authenticate()
    second.conversation.opened()
    assert second.is_closed is (limited_at is LimitedAt.CONNECT)
    if not second.is_closed:
        second.ask_all(m.ProtoOAApplicationAuthReq(clientId="client", clientSecret="secret"))
    assert b"CONNECTIONS_LIMIT_EXCEEDED" in second.sent


@pytest.mark.parametrize("second_session", SecondSession)
def test_a_second_session_leaves_the_first_or_ends_it(second_session: SecondSession) -> None:
    venue = venue_with(second_session=second_session)
    first = ready_terminal(venue)
    first.heard()
    ready_terminal(venue)
    ends = second_session is SecondSession.OLDER_ENDS
    assert names(first) == (["ProtoOAAccountDisconnectEvent"] if ends else [])
    assert (ACCOUNT in first.conversation.account_ids) is not ends


# -- SW-08, SW-09, SW-11, SW-12


@pytest.mark.parametrize(
    ("old_grant", "ended"),
    [
        (OldGrant.STAYS, set()),
        (OldGrant.DIES, {ACCOUNT, EUR_ACCOUNT}),
        (OldGrant.LOSES_UNTICKED, {EUR_ACCOUNT}),
    ],
)
def test_a_new_consent_harms_earlier_tokens(old_grant: OldGrant, ended: set[int]) -> None:
    venue = venue_with(old_grant=old_grant)
    terminal = ready_terminal(venue)
    terminal.authorise(EUR_ACCOUNT)
    new = venue.consent((ACCOUNT,), Scope.TRADE, START_MS)
    assert {ACCOUNT, EUR_ACCOUNT} - terminal.conversation.account_ids.keys() == ended
    told = [message for message, _ in terminal.heard()]
    assert {one for message in told for one in message.ctidTraderAccountIds} == ended
    listed = terminal.ask(m.ProtoOAGetAccountListByAccessTokenReq(accessToken=new.access_token))
    assert [one.ctidTraderAccountId for one in listed.ctidTraderAccount] == [ACCOUNT]


@pytest.mark.parametrize(
    ("fate", "events", "is_served"),
    [
        (RefreshedSession.ENDS_WITH_EVENTS, 2, False),
        (RefreshedSession.SURVIVES_EVENTS, 2, True),
        (RefreshedSession.SURVIVES_SILENTLY, 0, True),
    ],
)
def test_a_refresh_ends_sessions_or_not(
    fate: RefreshedSession, events: int, is_served: bool
) -> None:
    terminal = ready_terminal(venue_with(refreshed_session=fate))
    heard = terminal.ask_all(REFRESH)
    assert len(heard) == events + 1
    assert isinstance(terminal.ask(trader()), m.ProtoOATraderRes) is is_served


@pytest.mark.parametrize("fate", RefreshedSession)
@pytest.mark.parametrize("fails", [True, False])
def test_a_request_in_flight_at_a_refresh_fails_or_completes(
    fate: RefreshedSession, fails: bool
) -> None:
    venue = venue_with(refreshed_session=fate, refresh_fails_requests=fails)
    terminal, other = ready_terminal(venue), ready_terminal(venue, EUR_ACCOUNT)
    venue.faults.stand(Fault(FaultKind.DELAY_ANSWERS, 2121, times=2, seconds=1.0))
    assert terminal.ask_all(trader()) == []
    answers = [message for message, is_ours in other.ask_all(REFRESH) if is_ours]
    assert [type(one).__name__ for one in answers] == ["ProtoOARefreshTokenRes"]
    told = [message for message, request_id in terminal.heard() if request_id]
    assert [one.errorCode for one in told] == ["INVALID_REQUEST"] * fails
    terminal.arrive()
    late = [message for message, request_id in terminal.heard() if request_id]
    assert [type(one).__name__ for one in late] == ["ProtoOATraderRes"] * (not fails)


def test_an_answer_that_has_arrived_does_not_fail_at_a_refresh() -> None:
    venue = venue_with()
    terminal = ready_terminal(venue)
    venue.faults.stand(Fault(FaultKind.DELAY_ANSWERS, 2121, seconds=1.0))
    terminal.ask_all(trader())
    terminal.arrive()
    terminal.heard()
    venue.refresh("refresh-of-the-test", START_MS)
    assert not [message for message, request_id in terminal.heard() if request_id]


@pytest.mark.parametrize("expired_token", ExpiredToken)
@pytest.mark.parametrize("ends", [True, False])
def test_an_expired_token_is_refused_and_may_end_its_sessions(
    expired_token: ExpiredToken, ends: bool
) -> None:
    venue = venue_with(expired_token=expired_token, expiry_ends_sessions=ends, token_lifetime=60)
    grant = venue.tokens.grant((ACCOUNT,), at_ms=START_MS)
    terminal = Terminal(venue)
    terminal.authenticate()
    terminal.authorise(ACCOUNT, grant.access_token)
    terminal.at_ms = START_MS + 60_000
    venue.time_passed(terminal.at_ms)
    venue.time_passed(terminal.at_ms + 1)
    assert names(terminal).count("ProtoOAAccountsTokenInvalidatedEvent") == ends
    assert terminal.authorise(EUR_ACCOUNT, grant.access_token).errorCode == expired_token.value
    assert isinstance(terminal.ask(trader()), m.ProtoOATraderRes) is not ends


@pytest.mark.parametrize("told", ViewScopeTrade)
def test_an_order_with_a_token_that_only_reads_is_refused(told: ViewScopeTrade) -> None:
    terminal = Terminal(venue_with(view_scope_trade=told))
    terminal.authenticate()
    terminal.authorise(ACCOUNT, "view-token")
    ((answer, _),) = terminal.order()
    assert answer.errorCode == told.value


@pytest.mark.parametrize("hears", [True, False])
def test_a_token_that_only_reads_hears_executions_or_not(hears: bool) -> None:
    venue = venue_with(view_scope_hears_executions=hears)
    reader = Terminal(venue)
    reader.authenticate()
    reader.authorise(ACCOUNT, "view-token")
    reader.heard()
    assert len(ready_terminal(venue).order()) == 2
    assert len(reader.heard()) == (2 if hears else 0)


# -- SW-13 to SW-16


@pytest.mark.parametrize(
    ("scope", "refused_elsewhere"),
    [(RateScope.CONNECTION, False), (RateScope.APPLICATION, True), (RateScope.ACCOUNT, True)],
)
def test_connections_share_a_rate_or_not(scope: RateScope, refused_elsewhere: bool) -> None:
    venue = venue_with(requests_per_second=6, rate_scope=scope)
    one, other = ready_terminal(venue), ready_terminal(venue)
    for _ in range(10):
        one.ask(trader())
    refused = hasattr(other.ask(trader()), "errorCode")
    assert refused is refused_elsewhere


@pytest.mark.parametrize(
    ("scope", "refused"), [(RateScope.ACCOUNT, False), (RateScope.APPLICATION, True)]
)
def test_accounts_share_a_rate_or_not(scope: RateScope, refused: bool) -> None:
    venue = venue_with(requests_per_second=6, rate_scope=scope)
    one, other = ready_terminal(venue), ready_terminal(venue, EUR_ACCOUNT)
    for _ in range(10):
        one.ask(trader())
    assert hasattr(other.ask(trader(EUR_ACCOUNT)), "errorCode") is refused


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("name", ["requests_per_second", "history_per_second", "history_quota"])
def test_rates_and_quotas_may_be_none(name: str, limited: bool) -> None:
    terminal = ready_terminal(venue_with(**{name: 4 if limited else None}))
    deals = m.ProtoOADealListReq(ctidTraderAccountId=ACCOUNT, fromTimestamp=0, toTimestamp=1)
    request = trader() if name == "requests_per_second" else deals
    answers = [terminal.ask(request) for _ in range(60)]
    assert hasattr(answers[-1], "errorCode") is limited


@pytest.mark.parametrize("limited", [True, False])
def test_connections_and_subscriptions_may_be_without_limit(limited: bool) -> None:
    limit = 2 if limited else None
    venue = venue_with(max_connections=limit, max_subscriptions=limit)
    terminals = [Terminal(venue) for _ in range(30)]
    hello = m.ProtoOAApplicationAuthReq(clientId="client", clientSecret="secret")
    assert hasattr([one.ask(hello) for one in terminals][-1], "errorCode") is limited
    terminals[0].authorise()
    spots = m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=[1, 2, 3])
    answer, _ = terminals[0].ask_all(spots)[0]
    assert hasattr(answer, "errorCode") is limited


@pytest.mark.parametrize(
    ("counted", "historical"),
    [
        (HistoricalSet.ALL, {2133, 2143, 2175}),
        (HistoricalSet.WITHOUT_ORDERS, {2133, 2143}),
        (HistoricalSet.BARS_TICKS_DEALS, {2133}),
        (HistoricalSet.BARS_TICKS, set()),
    ],
)
def test_which_requests_count_as_historical(counted: HistoricalSet, historical: set[int]) -> None:
    venue = venue_with(history_per_second=1, historical_set=counted)
    terminal = ready_terminal(venue)
    window = {"ctidTraderAccountId": ACCOUNT, "fromTimestamp": 0, "toTimestamp": START_MS}
    asked = {
        2133: m.ProtoOADealListReq(**window),
        2143: m.ProtoOACashFlowHistoryListReq(**window),
        2175: m.ProtoOAOrderListReq(**window),
    }
    terminal.ask(m.ProtoOAGetTrendbarsReq(ctidTraderAccountId=ACCOUNT, symbolId=1, period=1))
    refused = {
        number
        for number, request in asked.items()
        if getattr(terminal.ask(request), "errorCode", "") == "BLOCKED_PAYLOAD_TYPE"
    }
    assert refused == historical


@pytest.mark.parametrize("error", RateError)
def test_the_excess_is_refused_with_or_without_a_hint(error: RateError) -> None:
    terminal = ready_terminal(venue_with(requests_per_second=3, rate_error=error))
    terminal.ask(trader())
    answer = terminal.ask(trader())
    code = "REQUEST_FREQUENCY_EXCEEDED"
    assert (answer.errorCode == code) is (error is RateError.FREQUENCY_EXCEEDED)
    assert answer.HasField("retryAfter") is (error is RateError.BLOCKED_WITH_HINT)


def test_the_excess_may_wait_for_its_turn() -> None:
    terminal = ready_terminal(venue_with(requests_per_second=3, queues_excess=True))
    assert [len(terminal.ask_all(trader())) for _ in range(3)] == [1, 0, 0]
    terminal.conversation.time_passed(terminal.now + 1.5)
    assert names(terminal) == ["ProtoOATraderRes"] * 2


def test_a_spent_quota_of_history_takes_minutes() -> None:
    venue = venue_with(history_quota=2, history_quota_window=60.0, history_quota_hold=120.0)
    terminal = ready_terminal(venue)
    deals = m.ProtoOADealListReq(ctidTraderAccountId=ACCOUNT, fromTimestamp=0, toTimestamp=1)

    def is_refused() -> bool:
        return hasattr(terminal.ask(deals), "errorCode")

    assert [is_refused() for _ in range(3)] == [False, False, True]
    terminal.now += 119
    assert is_refused()
    terminal.now += 2
    assert not is_refused()


# -- SW-23, SW-60, SW-61, SW-64


@pytest.mark.parametrize("leaks", [True, False])
def test_request_ids_may_leak_to_other_connections(leaks: bool) -> None:
    venue = venue_with(leaks_request_ids=leaks)
    other = ready_terminal(venue)
    other.heard()
    ready_terminal(venue).order()
    assert all(bool(request_id) is leaks for _, request_id in other.heard())


@pytest.mark.parametrize("sends", [True, False])
def test_messages_may_carry_fields_that_the_schema_lacks(sends: bool) -> None:
    terminal = ready_terminal(venue_with(sends_unknown_fields=sends))
    answer = terminal.ask(trader())
    known = m.ProtoOATraderRes()
    known.CopyFrom(answer)
    known.trader.DiscardUnknownFields()
    assert (known.SerializeToString() != answer.SerializeToString()) is sends


@pytest.mark.parametrize(
    ("reply", "at_once", "later"),
    [(RefreshReply.NORMAL, 1, 0), (RefreshReply.LATE, 0, 1), (RefreshReply.LOST, 0, 0)],
)
def test_the_reply_to_a_refresh_may_be_late_or_lost(
    reply: RefreshReply, at_once: int, later: int
) -> None:
    terminal = Terminal(venue_with(refresh_reply=reply, refresh_delay=3.0))
    terminal.authenticate()
    assert len(terminal.ask_all(REFRESH)) == at_once
    assert [seconds for seconds, _ in terminal.late] == [3.0] * later
    assert terminal.authorise(ACCOUNT).errorCode == "CH_ACCESS_TOKEN_INVALID"


@pytest.mark.parametrize("order", EventOrder)
def test_events_of_two_accounts_come_in_turn_or_one_after_the_other(order: EventOrder) -> None:
    venue = venue_with(event_order=order)
    terminal = ready_terminal(venue)
    terminal.authorise(EUR_ACCOUNT)
    for account_id in (ACCOUNT, EUR_ACCOUNT):
        for _ in range(2):
            terminal.order(ctidTraderAccountId=account_id, orderType=model.LIMIT, limitPrice=1.0)
    terminal.heard()
    venue.tick(EURUSD, 99_000, 99_010, START_MS + 1)
    told = [message.ctidTraderAccountId for message, _ in terminal.heard()]
    turns = sum(one != other for one, other in pairwise(told))
    assert turns > 1 if order is EventOrder.INTERLEAVED else turns == 1
