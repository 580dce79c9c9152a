"""Who may ask what on a connection, and how a refusal travels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE
from fxpool.openapi.proto import common_pb2 as common
from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto import model_pb2 as model
from fxpool.simulator import Profile, RateError, UnauthorisedAccount, WrongEnvironment
from fxpool.simulator.handlers import HANDLERS
from fxpool.simulator.profile import UnknownInBatch
from harness.terminal import (
    ACCOUNT,
    EUR_ACCOUNT,
    EURUSD,
    GBPUSD,
    LIVE,
    NO_LIMITS,
    START_MS,
    TOKEN,
    Terminal,
    make_venue,
    ready_terminal,
)


def trader_request(account_id: int = ACCOUNT) -> m.ProtoOATraderReq:
    return m.ProtoOATraderReq(ctidTraderAccountId=account_id)


def subscribe(*symbol_ids: int) -> m.ProtoOASubscribeSpotsReq:
    return m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=symbol_ids)


def kinds(terminal: Terminal) -> list[str]:
    return [type(message).__name__.removeprefix("ProtoOA") for message, _ in terminal.heard()]


def test_nothing_is_answered_before_the_application_is_known() -> None:
    terminal = Terminal(make_venue())
    for request in (m.ProtoOAVersionReq(), trader_request()):
        assert terminal.ask(request).errorCode == "CH_CLIENT_NOT_AUTHENTICATED"


@pytest.mark.parametrize(
    ("client_id", "secret", "code"),
    [
        ("stranger", "secret", "CH_OA_CLIENT_NOT_FOUND"),
        ("client", "guess", "CH_CLIENT_AUTH_FAILURE"),
    ],
)
def test_an_unknown_application_is_refused(client_id: str, secret: str, code: str) -> None:
    terminal = Terminal(make_venue())
    answer = terminal.ask(m.ProtoOAApplicationAuthReq(clientId=client_id, clientSecret=secret))
    assert answer.errorCode == code


def test_a_second_application_authentication_says_so() -> None:
    terminal = ready_terminal(make_venue())
    answer = terminal.ask(m.ProtoOAApplicationAuthReq(clientId="client", clientSecret="secret"))
    assert answer.errorCode == "CH_CLIENT_ALREADY_AUTHENTICATED"


def test_connections_beyond_the_limit_are_refused_at_their_authentication() -> None:
    venue = make_venue(replace(NO_LIMITS, max_connections=1))
    ready_terminal(venue)
    answer = Terminal(venue).ask(
        m.ProtoOAApplicationAuthReq(clientId="client", clientSecret="secret")
    )
    assert answer.errorCode == "CONNECTIONS_LIMIT_EXCEEDED"


def test_a_token_lists_its_accounts_of_both_environments() -> None:
    terminal = ready_terminal(make_venue())
    answer = terminal.ask(m.ProtoOAGetAccountListByAccessTokenReq(accessToken=TOKEN))
    assert answer.permissionScope == model.SCOPE_TRADE
    assert [(one.traderLogin, one.isLive) for one in answer.ctidTraderAccount] == [
        (12_345, False),
        (12_346, False),
        (12_347, False),
        (22_345, True),
    ]


@pytest.mark.parametrize(
    ("account_id", "token", "code"),
    [
        (ACCOUNT, TOKEN, "ALREADY_LOGGED_IN"),
        (EUR_ACCOUNT, "nonsense", "CH_ACCESS_TOKEN_INVALID"),
        (12_345, TOKEN, "CH_CTID_TRADER_ACCOUNT_NOT_FOUND"),
        (LIVE, TOKEN, "CANT_ROUTE_REQUEST"),
    ],
)
def test_an_account_that_cannot_be_authorised_says_why(
    account_id: int, token: str, code: str
) -> None:
    assert ready_terminal(make_venue()).authorise(account_id, token).errorCode == code


@pytest.mark.parametrize("told", WrongEnvironment)
def test_a_wrong_environment_can_be_told_otherwise(told: WrongEnvironment) -> None:
    profile = replace(NO_LIMITS, wrong_environment=told)
    answer = ready_terminal(make_venue(profile)).authorise(LIVE)
    assert answer.errorCode == told.value


def test_an_account_without_a_session_is_not_served() -> None:
    terminal = ready_terminal(make_venue())
    for request in (trader_request(EUR_ACCOUNT), m.ProtoOACancelOrderReq(orderId=1)):
        request.ctidTraderAccountId = EUR_ACCOUNT
        answer = terminal.ask(request)
        assert isinstance(answer, m.ProtoOAErrorRes)
        assert answer.errorCode == "INVALID_REQUEST"
        assert answer.description == "Trading account is not authorized"


def test_an_account_without_a_session_can_be_told_by_the_documented_code() -> None:
    profile = replace(NO_LIMITS, unauthorised_account=UnauthorisedAccount.ACCOUNT_NOT_AUTHORIZED)
    terminal = ready_terminal(make_venue(profile))
    assert terminal.ask(trader_request(EUR_ACCOUNT)).errorCode == "ACCOUNT_NOT_AUTHORIZED"


def test_a_view_token_reads_and_does_not_trade() -> None:
    terminal = Terminal(make_venue())
    terminal.authenticate()
    terminal.authorise(ACCOUNT, "view-token")
    assert isinstance(terminal.ask(trader_request()), m.ProtoOATraderRes)
    ((refusal, _),) = terminal.order()
    assert refusal.errorCode == "ACCOUNT_NOT_AUTHORIZED"


def test_a_missing_field_is_named() -> None:
    terminal = ready_terminal(make_venue())
    answer = terminal.ask(m.ProtoOAExpectedMarginReq(ctidTraderAccountId=ACCOUNT))
    assert answer.errorCode == "INVALID_REQUEST"
    assert answer.description == "Message missing required fields: symbolId"


def test_a_payload_that_does_not_parse_is_refused() -> None:
    terminal = ready_terminal(make_venue())
    terminal.heard()
    terminal.tell(2121, b"\xff\xff\xff", "odd")
    ((answer, request_id),) = terminal.heard()
    assert (answer.errorCode, request_id) == ("INVALID_REQUEST", "odd")


def test_an_unknown_payload_type_is_unsupported() -> None:
    terminal = ready_terminal(make_venue())
    terminal.heard()
    terminal.tell(9999, b"", "q")
    ((answer, _),) = terminal.heard()
    assert answer.errorCode == "UNSUPPORTED_MESSAGE"


def test_bytes_that_are_no_frame_end_the_connection() -> None:
    terminal = Terminal(make_venue())
    terminal.conversation.receive(b"GET / HTTP/1.1\r\n\r\n", terminal.now, START_MS)
    ((answer, _),) = terminal.heard()
    assert isinstance(answer, common.ProtoErrorRes)
    assert answer.errorCode == "FRAME_TOO_LONG"
    assert terminal.is_closed


def test_every_answer_belongs_to_its_request() -> None:
    """The plain reads, asked with only what they require, answer with their own message."""
    terminal = ready_terminal(make_venue())
    plain = [2112, 2114, 2116, 2121, 2124, 2133, 2153, 2160, 2175, 2187]
    for payload_type in plain:
        request = MESSAGE_BY_PAYLOAD_TYPE[payload_type](ctidTraderAccountId=ACCOUNT)
        answer = terminal.ask(request)
        assert type(answer) is MESSAGE_BY_PAYLOAD_TYPE[payload_type + 1]
    assert set(plain) < set(HANDLERS)


# -- rates ---------------------------------------------------------------------------------


def codes(terminal: Terminal, request: Any, times: int) -> list[str]:
    answers = [terminal.ask(request) for _ in range(times)]
    return [getattr(answer, "errorCode", "") for answer in answers]


def test_requests_beyond_the_rate_block_their_payload_type_for_a_while() -> None:
    terminal = ready_terminal(make_venue(Profile(requests_per_second=5, hold_seconds=2)))
    assert codes(terminal, trader_request(), 4) == ["", "", "", "BLOCKED_PAYLOAD_TYPE"]
    terminal.now += 1.1
    assert terminal.ask(trader_request()).retryAfter == 2
    version = m.ProtoOAVersionReq()
    assert isinstance(terminal.ask(version), m.ProtoOAVersionRes)
    terminal.now += 2.0
    assert isinstance(terminal.ask(trader_request()), m.ProtoOATraderRes)


def test_history_has_a_rate_of_its_own() -> None:
    terminal = ready_terminal(make_venue(Profile(history_per_second=2)))
    deals = m.ProtoOADealListReq(ctidTraderAccountId=ACCOUNT)
    assert codes(terminal, deals, 3) == ["", "", "BLOCKED_PAYLOAD_TYPE"]
    assert isinstance(terminal.ask(trader_request()), m.ProtoOATraderRes)


@pytest.mark.parametrize(
    ("error", "code", "has_hint"),
    [
        (RateError.BLOCKED_WITH_HINT, "BLOCKED_PAYLOAD_TYPE", True),
        (RateError.BLOCKED_WITHOUT_HINT, "BLOCKED_PAYLOAD_TYPE", False),
        (RateError.FREQUENCY_EXCEEDED, "REQUEST_FREQUENCY_EXCEEDED", False),
    ],
)
def test_a_rate_refusal_has_the_form_of_the_profile(
    error: RateError, code: str, *, has_hint: bool
) -> None:
    terminal = ready_terminal(make_venue(Profile(history_per_second=0, rate_error=error)))
    answer = terminal.ask(m.ProtoOADealListReq(ctidTraderAccountId=ACCOUNT))
    assert (answer.errorCode, answer.HasField("retryAfter")) == (code, has_hint)


# -- sessions ------------------------------------------------------------------------------


def test_a_refresh_ends_the_sessions_of_the_old_token() -> None:
    terminal = ready_terminal(make_venue())
    answers = terminal.ask_all(m.ProtoOARefreshTokenReq(refreshToken="refresh-of-the-test"))
    assert [type(answer).__name__ for answer, _ in answers] == [
        "ProtoOAAccountsTokenInvalidatedEvent",
        "ProtoOAAccountDisconnectEvent",
        "ProtoOARefreshTokenRes",
    ]
    fresh = answers[-1][0]
    assert terminal.ask(trader_request()).errorCode == "INVALID_REQUEST"
    assert terminal.authorise().errorCode == "CH_ACCESS_TOKEN_INVALID"
    assert isinstance(terminal.authorise(ACCOUNT, fresh.accessToken), m.ProtoOAAccountAuthRes)
    spent = terminal.ask(m.ProtoOARefreshTokenReq(refreshToken="refresh-of-the-test"))
    assert spent.errorCode == "CH_ACCESS_TOKEN_INVALID"


def test_a_logout_ends_with_a_disconnect_event() -> None:
    terminal = ready_terminal(make_venue())
    answers = terminal.ask_all(m.ProtoOAAccountLogoutReq(ctidTraderAccountId=ACCOUNT))
    assert [(type(answer).__name__, is_ours) for answer, is_ours in answers] == [
        ("ProtoOAAccountLogoutRes", True),
        ("ProtoOAAccountDisconnectEvent", False),
    ]
    assert terminal.ask(trader_request()).errorCode == "INVALID_REQUEST"


def test_a_dropped_account_hears_it_and_no_more_quotes() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    terminal.ask_all(subscribe(EURUSD))
    venue.drop_account(ACCOUNT)
    venue.tick(EURUSD, 112_000, 112_010, START_MS)
    assert kinds(terminal) == ["AccountDisconnectEvent"]
    assert venue.faults.struck["drop_account"] == 1


def test_a_revoked_token_ends_its_sessions() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    terminal.authorise(EUR_ACCOUNT, "view-token")
    terminal.heard()
    venue.invalidate_token(TOKEN)
    assert kinds(terminal) == ["AccountsTokenInvalidatedEvent"]
    assert isinstance(terminal.ask(trader_request(EUR_ACCOUNT)), m.ProtoOATraderRes)
    assert terminal.ask(trader_request()).errorCode == "INVALID_REQUEST"


def test_idle_rules_beat_and_then_cut() -> None:
    terminal = ready_terminal(make_venue())
    terminal.heard()
    terminal.conversation.time_passed(terminal.now + 24.9)
    assert kinds(terminal) == []
    terminal.conversation.time_passed(terminal.now + 25.0)
    assert kinds(terminal) == ["ProtoHeartbeatEvent"]
    terminal.conversation.time_passed(terminal.now + 30.0)
    assert terminal.is_closed
    assert terminal.venue.listeners == []


# -- several connections -------------------------------------------------------------------


def test_every_connection_of_an_account_hears_a_trade_and_only_its_owner_the_id() -> None:
    venue = make_venue()
    one, two, other = ready_terminal(venue), ready_terminal(venue), Terminal(venue)
    other.authenticate()
    other.authorise(EUR_ACCOUNT)
    for terminal in (two, other):
        terminal.heard()
    assert [is_ours for _, is_ours in one.order()] == [True, True]
    assert [request_id for _, request_id in two.heard()] == ["", ""]
    assert other.heard() == []


# -- quotes --------------------------------------------------------------------------------


def test_a_subscription_begins_with_both_sides_and_goes_on_with_changes() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    venue.tick(EURUSD, 112_000, 112_010, START_MS)
    (_, is_ours), (first, _) = terminal.ask_all(subscribe(EURUSD))
    assert is_ours
    assert (first.bid, first.ask, first.HasField("timestamp")) == (112_000, 112_010, False)
    venue.tick(EURUSD, 112_001, 112_010, START_MS)
    venue.tick(EURUSD, 112_001, 112_010, START_MS)
    venue.tick(GBPUSD, 130_000, 130_010, START_MS)
    ((changed, _),) = terminal.heard()
    assert changed.bid == 112_001
    assert not changed.HasField("ask")


def test_timestamps_come_only_when_asked_for() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    request = subscribe(EURUSD)
    request.subscribeToSpotTimestamp = True
    first = terminal.ask_all(request)[1][0]
    assert first.timestamp == START_MS


def test_subscribing_twice_is_refused_as_a_whole() -> None:
    terminal = ready_terminal(make_venue())
    terminal.ask_all(subscribe(EURUSD))
    assert terminal.ask(subscribe(EURUSD, GBPUSD)).errorCode == "ALREADY_SUBSCRIBED"
    assert len(terminal.ask_all(subscribe(GBPUSD))) == 2


def test_a_mixed_subscription_can_take_the_new_symbols() -> None:
    terminal = ready_terminal(make_venue(replace(NO_LIMITS, refuses_mixed_subscribe=False)))
    terminal.ask_all(subscribe(EURUSD))
    assert [event.symbolId for event, _ in terminal.ask_all(subscribe(EURUSD, GBPUSD))[1:]] == [2]


@pytest.mark.parametrize("told", list(UnknownInBatch))
def test_an_unknown_symbol_in_a_batch(told: UnknownInBatch) -> None:
    terminal = ready_terminal(make_venue(replace(NO_LIMITS, unknown_in_batch=told)))
    request = m.ProtoOASymbolByIdReq(ctidTraderAccountId=ACCOUNT, symbolId=[EURUSD, 999])
    answer = terminal.ask(request)
    if told is UnknownInBatch.REFUSED:
        assert answer.errorCode == "SYMBOL_NOT_FOUND"
    else:
        found = [EURUSD] if told is UnknownInBatch.SKIPPED else []
        assert [one.symbolId for one in answer.symbol] == found


def test_unsubscribing_stops_the_quotes() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    terminal.ask_all(subscribe(EURUSD))
    request = m.ProtoOAUnsubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=[EURUSD])
    for _ in range(2):
        assert isinstance(terminal.ask(request), m.ProtoOAUnsubscribeSpotsRes)
    venue.tick(EURUSD, 112_000, 112_010, START_MS)
    assert terminal.heard() == []


def test_stalled_quotes_come_back_whole() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    terminal.ask_all(subscribe(EURUSD))
    venue.faults.spots_stalled = True
    venue.tick(EURUSD, 112_000, 112_010, START_MS)
    assert terminal.heard() == []
    venue.resume_spots(START_MS)
    ((event, _),) = terminal.heard()
    assert (event.bid, event.ask) == (112_000, 112_010)
    assert venue.faults.struck["stall_spots"] == 1


# -- lost answers --------------------------------------------------------------------------


def test_a_swallowed_answer_leaves_the_trade_done() -> None:
    venue = make_venue()
    terminal, watcher = ready_terminal(venue), ready_terminal(venue)
    watcher.heard()
    venue.faults.swallow_answers(2106)
    assert terminal.order() == []
    assert len(watcher.heard()) == 2
    assert len(terminal.ask(m.ProtoOAReconcileReq(ctidTraderAccountId=ACCOUNT)).position) == 1
    assert venue.faults.struck["swallow_answers"] == 1


def test_a_cut_before_the_answer_leaves_the_trade_done() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    venue.faults.cut_before_answer(2106)
    assert terminal.order() == []
    assert terminal.is_closed
    assert len(venue.engine.books[ACCOUNT].positions) == 1


# -- history -------------------------------------------------------------------------------


def test_history_is_newest_first_and_says_when_there_is_more() -> None:
    terminal = ready_terminal(make_venue())
    for minute in range(3):
        terminal.at_ms = START_MS + minute * 60_000
        terminal.order(label=f"order {minute}")
    window = {"fromTimestamp": START_MS + 60_000, "toTimestamp": START_MS + 120_000}
    deals = terminal.ask(m.ProtoOADealListReq(ctidTraderAccountId=ACCOUNT, maxRows=1, **window))
    assert [deal.executionTimestamp for deal in deals.deal] == [START_MS + 120_000]
    assert deals.hasMore
    orders = terminal.ask(m.ProtoOAOrderListReq(ctidTraderAccountId=ACCOUNT, **window))
    assert [one.tradeData.label for one in orders.order] == ["order 2", "order 1"]
    backwards = {"fromTimestamp": START_MS, "toTimestamp": START_MS - 1}
    refused = terminal.ask(m.ProtoOADealListReq(ctidTraderAccountId=ACCOUNT, **backwards))
    assert refused.errorCode == "INCORRECT_BOUNDARIES"


def test_an_order_is_found_again_with_its_deals() -> None:
    terminal = ready_terminal(make_venue())
    filled = terminal.order()[-1][0]
    details = terminal.ask(
        m.ProtoOAOrderDetailsReq(ctidTraderAccountId=ACCOUNT, orderId=filled.order.orderId)
    )
    assert details.order == filled.order
    assert list(details.deal) == [filled.deal]
    by_position = terminal.ask(
        m.ProtoOADealListByPositionIdReq(
            ctidTraderAccountId=ACCOUNT, positionId=filled.position.positionId
        )
    )
    assert list(by_position.deal) == [filled.deal]
    orders = terminal.ask(
        m.ProtoOAOrderListByPositionIdReq(
            ctidTraderAccountId=ACCOUNT, positionId=filled.position.positionId
        )
    )
    assert list(orders.order) == [filled.order]
    unknown = terminal.ask(m.ProtoOAOrderDetailsReq(ctidTraderAccountId=ACCOUNT, orderId=1))
    assert unknown.errorCode == "ORDER_NOT_FOUND"


def test_cash_flow_begins_with_the_first_deposit() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    terminal.heard()
    venue.deposit(ACCOUNT, -50_000, START_MS + 5, "withdrawal")
    ((event, _),) = terminal.heard()
    assert event.executionType == model.DEPOSIT_WITHDRAW
    assert event.depositWithdraw.balance == 950_000
    answer = terminal.ask(
        m.ProtoOACashFlowHistoryListReq(
            ctidTraderAccountId=ACCOUNT, fromTimestamp=START_MS, toTimestamp=START_MS + 5
        )
    )
    assert [(one.delta, one.balanceVersion) for one in answer.depositWithdraw] == [
        (1_000_000, 2),
        (-50_000, 3),
    ]
