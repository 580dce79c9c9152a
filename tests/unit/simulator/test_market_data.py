"""Historical bars and ticks, live bars, depth: what a client is told, switch by switch."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import Any

import pytest

from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto import model_pb2 as model
from fxpool.simulator import Profile
from fxpool.simulator.engine.symbols import Interval
from fxpool.simulator.handlers.market_data import PAGE_BARS, PAGE_TICKS
from fxpool.simulator.market.bars import Bar
from fxpool.simulator.market.past import TICKS_PER_MINUTE, Past
from fxpool.simulator.market.periods import Period, span_at
from fxpool.simulator.protocol import market_data
from fxpool.simulator.venue import Venue
from harness.terminal import (
    ACCOUNT,
    EURUSD,
    GBPUSD,
    NO_LIMITS,
    START_MS,
    Terminal,
    make_venue,
    ready_terminal,
)

MINUTE_MS = 60_000
FIRST_MINUTE = START_MS // MINUTE_MS
"""START_MS is 40 seconds into it."""


def profile(**switches: Any) -> Profile:
    return replace(NO_LIMITS, **switches)


def bars(terminal: Terminal, **fields: Any) -> Any:
    request = {"ctidTraderAccountId": ACCOUNT, "symbolId": EURUSD, "period": model.M1} | fields
    return terminal.ask(m.ProtoOAGetTrendbarsReq(**request))


def ticks(terminal: Terminal, **fields: Any) -> Any:
    request = {"ctidTraderAccountId": ACCOUNT, "symbolId": EURUSD, "type": model.BID} | fields
    return terminal.ask(m.ProtoOAGetTickDataReq(**request))


def decoded(answer: m.ProtoOAGetTickDataRes) -> list[tuple[int, int]]:
    """Return times and prices, newest first, as a client sums them up."""
    times = accumulate(one.timestamp for one in answer.tickData)
    prices = accumulate(one.tick for one in answer.tickData)
    return list(zip(times, prices, strict=True))


def minutes(answer: m.ProtoOAGetTrendbarsRes) -> list[int]:
    return [one.utcTimestampInMinutes for one in answer.trendbar]


def play(venue: Venue, terminal: Terminal, *quotes: tuple[int, int]) -> None:
    """Publish EURUSD bids at times after the start, and let the terminal's time go along."""
    for after_ms, bid in quotes:
        venue.tick(EURUSD, bid, bid + 6, START_MS + after_ms)
        terminal.at_ms = START_MS + after_ms


# -- bars ----------------------------------------------------------------------------------


def test_bars_are_told_as_a_low_and_what_is_above_it() -> None:
    venue = make_venue(profile(bar_delay=0.0, has_zero_delta_high=False))
    terminal = ready_terminal(venue)
    play(
        venue, terminal, (20_000, 112_600), (30_000, 112_630), (40_000, 112_590), (70_000, 112_610)
    )
    terminal.at_ms = START_MS + 2 * MINUTE_MS
    answer = bars(terminal, count=1, toTimestamp=(FIRST_MINUTE + 1) * MINUTE_MS)
    (bar,) = answer.trendbar
    assert (answer.period, answer.symbolId, answer.hasMore) == (model.M1, EURUSD, True)
    assert not bar.HasField("period")
    assert bar.utcTimestampInMinutes == FIRST_MINUTE + 1
    assert (bar.low, bar.deltaOpen, bar.deltaHigh, bar.deltaClose) == (112_590, 10, 40, 20)
    assert bar.volume == 4


def test_the_made_up_past_joins_the_first_quote() -> None:
    terminal = ready_terminal(make_venue())
    last = bars(terminal, count=1, toTimestamp=(FIRST_MINUTE - 1) * MINUTE_MS).trendbar[0]
    assert last.utcTimestampInMinutes == FIRST_MINUTE - 1
    assert last.low + last.deltaClose == 112_568


@pytest.mark.parametrize("period", list(Period))
def test_every_period_has_bars_that_follow_each_other(period: Period) -> None:
    terminal = ready_terminal(make_venue())
    answer = bars(terminal, period=int(period), count=50)
    expected, minute = list[int](), FIRST_MINUTE
    for _ in range(50):
        expected.append(span_at(period, minute).first)
        minute = expected[-1] - 1
    assert minutes(answer) == expected[::-1]
    assert answer.period == period


def test_the_same_question_has_the_same_answer_in_every_order() -> None:
    one, two = ready_terminal(make_venue()), ready_terminal(make_venue())
    days = bars(one, period=model.D1, count=30)
    bars(two, count=500)
    assert bars(two, period=model.D1, count=30) == days


def test_a_count_looks_back_from_the_end_of_the_window() -> None:
    to = (FIRST_MINUTE - 100) * MINUTE_MS
    terminal = ready_terminal(make_venue())
    answer = bars(terminal, count=3, toTimestamp=to, fromTimestamp=to - MINUTE_MS)
    assert minutes(answer) == [FIRST_MINUTE - 102, FIRST_MINUTE - 101, FIRST_MINUTE - 100]
    assert answer.hasMore


def test_a_count_can_be_bounded_by_the_beginning_of_the_window() -> None:
    to = (FIRST_MINUTE - 100) * MINUTE_MS
    terminal = ready_terminal(make_venue(profile(count_ignores_from=False)))
    answer = bars(terminal, count=3, toTimestamp=to, fromTimestamp=to - MINUTE_MS)
    assert minutes(answer) == [FIRST_MINUTE - 101, FIRST_MINUTE - 100]
    assert not answer.hasMore


def test_the_bar_at_the_end_of_the_window_can_be_left_out() -> None:
    to = (FIRST_MINUTE - 100) * MINUTE_MS
    terminal = ready_terminal(make_venue(profile(includes_bar_at_to=False)))
    assert minutes(bars(terminal, count=1, toTimestamp=to)) == [FIRST_MINUTE - 101]


@pytest.mark.parametrize(("told", "given"), [("one_less_when_full", 4999), ("exact", 5000)])
def test_a_full_page_can_be_one_bar_short(told: str, given: int) -> None:
    count = type(NO_LIMITS.trendbar_count)(told)
    answer = bars(ready_terminal(make_venue(profile(trendbar_count=count))), count=PAGE_BARS)
    assert len(answer.trendbar) == given
    assert answer.hasMore


@pytest.mark.parametrize(
    ("told", "period", "code"),
    [
        ("truncated", model.M1, ""),
        ("INCORRECT_BOUNDARIES", model.M1, "INCORRECT_BOUNDARIES"),
        ("INCORRECT_BOUNDARIES", model.H1, ""),
        ("INVALID_REQUEST", model.H1, "INVALID_REQUEST"),
    ],
)
def test_a_window_that_is_too_wide(told: str, period: int, code: str) -> None:
    window = type(NO_LIMITS.too_wide_window)(told)
    terminal = ready_terminal(make_venue(profile(too_wide_window=window)))
    begin = START_MS - 31 * 24 * 60 * MINUTE_MS
    answer = bars(terminal, period=period, fromTimestamp=begin, toTimestamp=START_MS)
    assert getattr(answer, "errorCode", "") == code
    if not code:
        assert answer.hasMore == (period == model.M1)


def test_the_old_limit_has_two_readings() -> None:
    window = type(NO_LIMITS.too_wide_window)("INCORRECT_BOUNDARIES")
    wide = profile(too_wide_window=window, m1_window_ms=3_024_000_000)
    begin = START_MS - 3_024_000_000
    answer = bars(ready_terminal(make_venue(wide)), fromTimestamp=begin, toTimestamp=START_MS)
    assert answer.hasMore


def test_a_bar_that_just_closed_is_not_there_yet() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    play(venue, terminal, (25_000, 112_600))
    terminal.at_ms = (FIRST_MINUTE + 1) * MINUTE_MS + 400
    assert minutes(bars(terminal, count=1)) == [FIRST_MINUTE - 1]
    terminal.at_ms += 100
    assert minutes(bars(terminal, count=1)) == [FIRST_MINUTE + 1]


def test_some_bars_that_close_on_their_low_lack_their_high() -> None:
    found = [
        market_data.bar(Bar(minute, 110, 120, 100, 100, 5), has_zero_delta_high=True).deltaHigh
        for minute in range(700)
    ]
    assert set(found) == {0, 20}
    assert 0 < found.count(0) < 70
    sound = market_data.bar(Bar(0, 110, 120, 100, 101, 5), has_zero_delta_high=True)
    assert sound.deltaHigh == 20


def test_minutes_in_which_the_market_is_closed_have_no_bar() -> None:
    """A market that is open on Wednesdays only, in UTC; the start is on a Sunday."""
    wednesdays = (Interval(3 * 86_400, 4 * 86_400),)
    symbol = replace(make_venue().engine.symbols[EURUSD], schedule=wednesdays)
    past = Past(symbol, 1, bid=112_568, spread=6, at_ms=START_MS)
    wednesday = FIRST_MINUTE - FIRST_MINUTE % 1440 - 4 * 1440
    assert past.bar(span_at(Period.M1, wednesday - 1)) is None
    assert past.bar(span_at(Period.M1, wednesday)) is not None
    week = past.bar(span_at(Period.W1, wednesday))
    assert week is not None
    assert week.volume == 1440 * TICKS_PER_MINUTE


def test_an_unknown_symbol_has_no_history() -> None:
    terminal = ready_terminal(make_venue())
    assert bars(terminal, symbolId=999).errorCode == "UNKNOWN_SYMBOL"
    assert ticks(terminal, symbolId=999).errorCode == "UNKNOWN_SYMBOL"


# -- ticks ---------------------------------------------------------------------------------


def test_ticks_are_told_newest_first_as_differences() -> None:
    venue = make_venue(profile(bar_delay=0.0))
    terminal = ready_terminal(venue)
    play(venue, terminal, (10, 112_600), (25, 112_590), (25, 112_597))
    answer = ticks(terminal, fromTimestamp=START_MS + 1, toTimestamp=START_MS + 100)
    assert [(one.timestamp, one.tick) for one in answer.tickData] == [
        (START_MS + 25, 112_597),
        (0, -7),
        (-15, 10),
    ]
    assert not answer.hasMore


def test_each_side_is_a_series_of_its_own() -> None:
    venue = make_venue(profile(bar_delay=0.0))
    terminal = ready_terminal(venue)
    venue.tick(EURUSD, 112_600, 112_610, START_MS + 10)
    venue.tick(EURUSD, 112_600, 112_611, START_MS + 20)
    terminal.at_ms = START_MS + 30
    window = {"fromTimestamp": START_MS + 1, "toTimestamp": START_MS + 100}
    assert decoded(ticks(terminal, **window)) == [(START_MS + 10, 112_600)]
    asks = ticks(terminal, type=model.ASK, **window)
    assert decoded(asks) == [(START_MS + 20, 112_611), (START_MS + 10, 112_610)]


def test_a_page_of_ticks_says_that_there_are_more() -> None:
    terminal = ready_terminal(make_venue())
    answer = ticks(terminal, fromTimestamp=START_MS - 86_400_000, toTimestamp=START_MS)
    found = decoded(answer)
    assert len(found) == PAGE_TICKS
    assert answer.hasMore
    assert found == sorted(found, key=lambda tick: -tick[0])
    older = ticks(terminal, fromTimestamp=START_MS - 86_400_000, toTimestamp=found[-1][0] - 1)
    assert decoded(older)[0][0] < found[-1][0]


def test_the_bars_of_the_past_are_what_its_ticks_add_up_to() -> None:
    terminal = ready_terminal(make_venue(profile(has_zero_delta_high=False)))
    first = FIRST_MINUTE - 15 - FIRST_MINUTE % 15
    window = {
        "fromTimestamp": first * MINUTE_MS,
        "toTimestamp": (first + 15) * MINUTE_MS - 1,
    }
    prices = [price for _, price in reversed(decoded(ticks(terminal, **window)))]
    (bar,) = bars(terminal, period=model.M15, **window).trendbar
    assert bar.volume == len(prices)
    assert bar.low + bar.deltaOpen == prices[0]
    assert bar.low + bar.deltaHigh == max(prices)
    assert bar.low == min(prices)
    assert bar.low + bar.deltaClose == prices[-1]


# -- live bars -----------------------------------------------------------------------------


def subscribe_spots(terminal: Terminal, *symbol_ids: int) -> None:
    terminal.ask_all(m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=symbol_ids))


def unsubscribe_spots(terminal: Terminal, *symbol_ids: int) -> Any:
    return terminal.ask(
        m.ProtoOAUnsubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=symbol_ids)
    )


def subscribe_bars(terminal: Terminal, period: int = model.M1) -> Any:
    return terminal.ask(
        m.ProtoOASubscribeLiveTrendbarReq(
            ctidTraderAccountId=ACCOUNT,
            period=model.ProtoOATrendbarPeriod.ValueType(period),
            symbolId=EURUSD,
        )
    )


def unsubscribe_bars(terminal: Terminal, period: int = model.M1) -> Any:
    return terminal.ask(
        m.ProtoOAUnsubscribeLiveTrendbarReq(
            ctidTraderAccountId=ACCOUNT,
            period=model.ProtoOATrendbarPeriod.ValueType(period),
            symbolId=EURUSD,
        )
    )


def events(terminal: Terminal) -> list[Any]:
    return [message for message, _ in terminal.heard()]


def with_live_bars(**switches: Any) -> tuple[Venue, Terminal]:
    venue = make_venue(profile(**switches))
    terminal = ready_terminal(venue)
    subscribe_spots(terminal, EURUSD)
    assert isinstance(subscribe_bars(terminal), m.ProtoOASubscribeLiveTrendbarRes)
    return venue, terminal


def test_a_live_bar_comes_inside_the_quotes_without_its_close() -> None:
    venue, terminal = with_live_bars()
    play(venue, terminal, (10, 112_600), (20, 112_590))
    _, event = events(terminal)
    (bar,) = event.trendbar
    assert (event.bid, bar.period, bar.utcTimestampInMinutes) == (112_590, model.M1, FIRST_MINUTE)
    assert (bar.low, bar.deltaOpen, bar.deltaHigh, bar.volume) == (112_568, 0, 32, 3)
    assert not bar.HasField("deltaClose")


@pytest.mark.parametrize(("told", "close"), [("present", 22), ("stale", 32)])
def test_a_live_bar_can_carry_its_close(told: str, close: int) -> None:
    venue, terminal = with_live_bars(live_bar_close=type(NO_LIMITS.live_bar_close)(told))
    play(venue, terminal, (10, 112_600), (20, 112_590))
    assert events(terminal)[-1].trendbar[0].deltaClose == close


def test_a_quote_that_moves_only_the_ask_carries_no_bar() -> None:
    venue, terminal = with_live_bars()
    venue.tick(EURUSD, 112_568, 112_580, START_MS + 10)
    (event,) = events(terminal)
    assert (event.ask, list(event.trendbar)) == (112_580, [])


def test_a_new_minute_begins_a_new_bar() -> None:
    venue, terminal = with_live_bars()
    play(venue, terminal, (10, 112_600), (MINUTE_MS, 112_610))
    bar = events(terminal)[-1].trendbar[0]
    assert (bar.utcTimestampInMinutes, bar.low, bar.volume) == (FIRST_MINUTE + 1, 112_610, 1)


def test_a_live_bar_of_a_day_goes_on_from_its_past() -> None:
    venue = make_venue(profile(bar_delay=0.0))
    terminal = ready_terminal(venue)
    subscribe_spots(terminal, EURUSD)
    subscribe_bars(terminal, model.D1)
    play(venue, terminal, (10, 112_600))
    live = events(terminal)[-1].trendbar[0]
    told = bars(terminal, period=model.D1, count=1).trendbar[0]
    assert (live.low, live.volume, live.deltaHigh) == (told.low, told.volume, told.deltaHigh)
    assert live.period == model.D1


def test_several_periods_come_in_one_event_and_end_one_by_one() -> None:
    venue, terminal = with_live_bars()
    subscribe_bars(terminal, model.H1)
    play(venue, terminal, (10, 112_600))
    assert [bar.period for bar in events(terminal)[-1].trendbar] == [model.M1, model.H1]
    assert isinstance(unsubscribe_bars(terminal), m.ProtoOAUnsubscribeLiveTrendbarRes)
    play(venue, terminal, (20, 112_601))
    assert [bar.period for bar in events(terminal)[-1].trendbar] == [model.H1]


def test_another_connection_of_the_account_hears_no_bars_that_it_did_not_ask_for() -> None:
    venue, terminal = with_live_bars()
    other = ready_terminal(venue)
    subscribe_spots(other, EURUSD)
    play(venue, terminal, (10, 112_600))
    assert [len(event.trendbar) for event in events(other)] == [0]
    assert [len(event.trendbar) for event in events(terminal)] == [1]


def test_live_bars_twice_are_refused() -> None:
    _, terminal = with_live_bars()
    assert subscribe_bars(terminal).errorCode == "ALREADY_SUBSCRIBED"


@pytest.mark.parametrize("code", ["INVALID_REQUEST", "NOT_SUBSCRIBED_TO_SPOTS"])
def test_live_bars_and_depth_need_the_quotes(code: str) -> None:
    told = type(NO_LIMITS.without_spots)(code)
    terminal = ready_terminal(make_venue(profile(without_spots=told)))
    assert subscribe_bars(terminal).errorCode == code
    assert subscribe_depth(terminal, EURUSD)[0].errorCode == code


@pytest.mark.parametrize("told", ["all_stop", "trendbars_continue", "refused"])
def test_quotes_unsubscribed_under_live_bars(told: str) -> None:
    venue, terminal = with_live_bars(spots_under_bars=type(NO_LIMITS.spots_under_bars)(told))
    answer = unsubscribe_spots(terminal, EURUSD)
    play(venue, terminal, (10, 112_600))
    heard = events(terminal)
    if told == "refused":
        assert answer.errorCode == "INVALID_REQUEST"
        assert [event.bid for event in heard] == [112_600]
    elif told == "trendbars_continue":
        ((event,),) = (heard,)
        assert (event.HasField("bid"), len(event.trendbar)) == (False, 1)
        assert isinstance(unsubscribe_bars(terminal), m.ProtoOAUnsubscribeLiveTrendbarRes)
        play(venue, terminal, (20, 112_601))
        assert events(terminal) == []
    else:
        assert heard == []


# -- depth ---------------------------------------------------------------------------------


def subscribe_depth(terminal: Terminal, *symbol_ids: int) -> list[Any]:
    request = m.ProtoOASubscribeDepthQuotesReq(ctidTraderAccountId=ACCOUNT, symbolId=symbol_ids)
    return [message for message, _ in terminal.ask_all(request)]


def unsubscribe_depth(terminal: Terminal, *symbol_ids: int) -> Any:
    return terminal.ask(
        m.ProtoOAUnsubscribeDepthQuotesReq(ctidTraderAccountId=ACCOUNT, symbolId=symbol_ids)
    )


class Ladder:
    """What a client knows of a market's depth."""

    def __init__(self) -> None:
        self.levels: dict[int, Any] = {}

    def apply(self, event: m.ProtoOADepthEvent) -> None:
        for quote_id in event.deletedQuotes:
            del self.levels[quote_id]
        self.levels |= {one.id: one for one in event.newQuotes}

    def bids(self) -> list[int]:
        found = [one.bid for one in self.levels.values() if one.HasField("bid")]
        return sorted(found, reverse=True)

    def asks(self) -> list[int]:
        return sorted(one.ask for one in self.levels.values() if one.HasField("ask"))


def test_depth_begins_whole_and_goes_on_with_what_changes() -> None:
    venue = make_venue()
    terminal, ladder = ready_terminal(venue), Ladder()
    venue.tick(EURUSD, 112_500, 112_510, START_MS)
    subscribe_spots(terminal, EURUSD)
    answer, snapshot = subscribe_depth(terminal, EURUSD)
    assert isinstance(answer, m.ProtoOASubscribeDepthQuotesRes)
    ladder.apply(snapshot)
    assert ladder.bids() == [112_500, 112_499, 112_498, 112_497, 112_496]
    assert ladder.asks() == [112_510, 112_511, 112_512, 112_513, 112_514]
    venue.tick(EURUSD, 112_501, 112_510, START_MS + 1)
    _, change = events(terminal)
    gone = next(one.id for one in snapshot.newQuotes if one.bid == 112_496)
    assert list(change.deletedQuotes) == [gone]
    ladder.apply(change)
    assert ladder.bids() == [112_501, 112_500, 112_499, 112_498, 112_497]
    assert ladder.asks() == [112_510, 112_511, 112_512, 112_513, 112_514]
    sizes = {one.bid: one.size for one in ladder.levels.values() if one.HasField("bid")}
    assert sizes[112_501] < sizes[112_500] < sizes[112_497]


def test_depth_ends_with_its_unsubscription_or_that_of_the_quotes() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    subscribe_spots(terminal, EURUSD, GBPUSD)
    subscribe_depth(terminal, EURUSD, GBPUSD)
    assert isinstance(unsubscribe_depth(terminal, EURUSD), m.ProtoOAUnsubscribeDepthQuotesRes)
    venue.tick(EURUSD, 112_500, 112_510, START_MS)
    assert [type(one) for one in events(terminal)] == [m.ProtoOASpotEvent]
    unsubscribe_spots(terminal, GBPUSD)
    venue.tick(GBPUSD, 130_500, 130_510, START_MS)
    assert events(terminal) == []


def test_depth_twice_is_refused() -> None:
    terminal = ready_terminal(make_venue())
    subscribe_spots(terminal, EURUSD)
    subscribe_depth(terminal, EURUSD)
    assert subscribe_depth(terminal, EURUSD)[0].errorCode == "ALREADY_SUBSCRIBED"


def test_a_lost_connection_ends_its_depth() -> None:
    venue = make_venue()
    terminal = ready_terminal(venue)
    subscribe_spots(terminal, EURUSD)
    subscribe_depth(terminal, EURUSD)
    terminal.conversation.lost()
    assert not venue.depths.is_subscribed(terminal.conversation, ACCOUNT, EURUSD)
    assert not venue.spots.has_subscribers(EURUSD)


# -- what subscriptions share --------------------------------------------------------------


@pytest.mark.parametrize("refuses", [False, True])
def test_unsubscribing_what_was_not_subscribed(*, refuses: bool) -> None:
    terminal = ready_terminal(make_venue(profile(refuses_idle_unsubscribe=refuses)))
    answers = [
        unsubscribe_spots(terminal, EURUSD),
        unsubscribe_bars(terminal),
        unsubscribe_depth(terminal, EURUSD),
    ]
    assert [hasattr(answer, "errorCode") for answer in answers] == [refuses] * 3


def test_subscriptions_can_be_limited() -> None:
    terminal = ready_terminal(make_venue(profile(max_subscriptions=1)))
    subscribe_spots(terminal, EURUSD)
    request = m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=[GBPUSD])
    assert terminal.ask(request).errorCode == "INVALID_REQUEST"
    unsubscribe_spots(terminal, EURUSD)
    assert len(terminal.ask_all(request)) == 2


@pytest.mark.parametrize(
    ("told", "carried"),
    [("first_event", [True, False]), ("each_event", [True, True]), ("never", [False, False])],
)
def test_the_session_close_comes_as_the_profile_says(told: str, carried: list[bool]) -> None:
    venue = make_venue(profile(session_close=type(NO_LIMITS.session_close)(told)))
    terminal = ready_terminal(venue)
    request = m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=[EURUSD])
    (_, first) = (message for message, _ in terminal.ask_all(request))
    play(venue, terminal, (10, 112_600))
    (second,) = events(terminal)
    assert [one.HasField("sessionClose") for one in (first, second)] == carried
    if carried[0]:
        today = span_at(Period.D1, FIRST_MINUTE).first
        yesterday = bars(terminal, period=model.D1, toTimestamp=today * MINUTE_MS - 1, count=1)
        (day,) = yesterday.trendbar
        assert first.sessionClose == day.low + day.deltaClose
