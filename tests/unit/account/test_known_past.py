"""Which deals of a history are news to a book, whatever the clocks say."""

from __future__ import annotations

from fxpool.account.book import AccountBook
from fxpool.account.known_past import KnownPast
from harness.values import at, closing_deal, deal, live_book, position

HOUR = 3600.0


def past_of(book: AccountBook) -> KnownPast:
    return KnownPast.of(book, at(0))


def test_what_came_and_went_before_is_no_news_though_its_times_are_in_the_future() -> None:
    past = past_of(live_book(balance_version=2))
    opened, closed = deal(executed_at=at(HOUR)), closing_deal(executed_at=at(2 * HOUR), version=2)
    assert past.news([opened, closed]) == []


def test_what_came_and_went_since_is_news_though_its_times_are_in_the_past() -> None:
    past = past_of(live_book(balance_version=2))
    opened, closed = deal(executed_at=at(-2 * HOUR)), closing_deal(executed_at=at(-HOUR), version=3)
    assert past.news([opened, closed]) == [opened, closed]


def test_of_a_position_that_was_open_what_came_after_its_last_change_is_news() -> None:
    past = past_of(live_book(position(updated_at=at(HOUR))))
    known, more = deal(executed_at=at(HOUR)), deal(702, executed_at=at(HOUR + 1))
    assert past.news([known, more]) == [more]


def test_a_part_that_was_closed_before_is_no_news_and_the_rest_of_an_open_position_is() -> None:
    past = past_of(live_book(position(), balance_version=2))
    before, since = closing_deal(701, version=2), closing_deal(702, version=3)
    assert past.news([before, since]) == [since]


def test_where_the_broker_tells_no_version_clocks_decide() -> None:
    past = past_of(live_book())
    before = closing_deal(701, version=None, executed_at=at(-HOUR), position_id=501)
    since = closing_deal(702, version=None, executed_at=at(HOUR), position_id=502)
    assert past.news([before, since]) == [since]


def test_where_the_version_was_not_known_clocks_decide() -> None:
    past = past_of(live_book(balance_version=None))
    before = closing_deal(701, version=7, executed_at=at(-HOUR), position_id=501)
    since = closing_deal(702, version=8, executed_at=at(HOUR), position_id=502)
    assert past.news([before, since]) == [since]


def test_where_a_position_has_no_time_clocks_decide() -> None:
    past = past_of(live_book(position(updated_at=None)))
    before, since = deal(executed_at=at(-HOUR)), deal(702, executed_at=at(HOUR))
    assert past.news([before, since]) == [since]
