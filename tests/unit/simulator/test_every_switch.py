"""Every option of every switch, with the test that shows what it changes.

A name stands for all options of a switch where one test walks them; otherwise each option has its
own. Options of numbers are ``a number`` and, where there is one, ``none``. A switch or an option
without a test fails here, and so does a name that no test has.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from fxpool.simulator.profile_file import Switch, switches
from fxpool.simulator.tables import NONE, written

TESTS = Path(__file__).parents[2]
NUMBER = "a number"

CONVERSATION = "unit/simulator/test_conversation.py"
SESSIONS = "unit/simulator/test_session_switches.py"
DATA = "unit/simulator/test_market_data.py"
LISTS = "unit/simulator/test_lists.py"
STATE = "unit/simulator/test_account_state.py"
REFERENCE = "unit/simulator/test_reference.py"
FAULTS = "unit/simulator/test_faults.py"
RULES = "unit/simulator/test_engine_switches.py"
MESSAGES = "unit/simulator/test_engine_messages.py"
CHARGES = "unit/simulator/test_engine_charges.py"
LIQUIDITY = "unit/simulator/test_engine_liquidity.py"
MARGIN = "unit/simulator/test_engine_margin.py"
DELAY = "unit/simulator/test_execution_delay.py"
PORTS = "integration/test_simulator_ports.py"
SERVER = "integration/test_simulator_server.py"

Shown = str | Mapping[str, str]

UNLIMITED = f"{SESSIONS}::test_rates_and_quotas_may_be_none"
UNBOUNDED = f"{SESSIONS}::test_connections_and_subscriptions_may_be_without_limit"
TOKEN_RATE = "test_the_token_endpoint_says_no_with_status_200_and_too_often_with_429"

SHOWN: dict[str, Shown] = {
    # SW-01 to SW-07
    "wrong_environment": f"{CONVERSATION}::test_a_wrong_environment_can_be_told_otherwise",
    "raw_json": f"{PORTS}::test_raw_json_is_offered_as_the_profile_says",
    "json_needs_time_in_force": {
        "false": f"{PORTS}::test_a_json_client_trades_on_the_same_engine",
        "true": f"{PORTS}::test_a_market_order_in_json_may_need_its_time_in_force",
    },
    "idle_timeout": f"{SERVER}::test_a_silent_client_is_cut",
    "tells_idle_cut": f"{SESSIONS}::test_a_silent_client_is_cut_with_or_without_a_word",
    "heartbeat_after": f"{SERVER}::test_the_server_beats_when_it_has_nothing_to_say",
    "max_connections": UNBOUNDED,
    "connections_limited_at": (
        f"{SESSIONS}::test_a_connection_too_many_is_refused_at_once_or_at_its_authentication"
    ),
    "second_session": f"{SESSIONS}::test_a_second_session_leaves_the_first_or_ends_it",
    "answers_version_early": (
        f"{REFERENCE}::test_the_version_can_be_told_before_the_application_is_known"
    ),
    # SW-08 to SW-12
    "old_grant": f"{SESSIONS}::test_a_new_consent_harms_earlier_tokens",
    "refreshed_session": f"{SESSIONS}::test_a_refresh_ends_sessions_or_not",
    "refresh_fails_requests": (
        f"{SESSIONS}::test_a_request_in_flight_at_a_refresh_fails_or_completes"
    ),
    "unauthorised_account": {
        "INVALID_REQUEST": f"{CONVERSATION}::test_an_account_without_a_session_is_not_served",
        "ACCOUNT_NOT_AUTHORIZED": (
            f"{CONVERSATION}::test_an_account_without_a_session_can_be_told_by_the_documented_code"
        ),
    },
    "expired_token": f"{SESSIONS}::test_an_expired_token_is_refused_and_may_end_its_sessions",
    "expiry_ends_sessions": (
        f"{SESSIONS}::test_an_expired_token_is_refused_and_may_end_its_sessions"
    ),
    "token_lifetime": f"{SESSIONS}::test_an_expired_token_is_refused_and_may_end_its_sessions",
    "view_scope_trade": f"{SESSIONS}::test_an_order_with_a_token_that_only_reads_is_refused",
    # SW-13 to SW-21
    "rate_scope": {
        "connection": f"{SESSIONS}::test_connections_share_a_rate_or_not",
        "application": f"{SESSIONS}::test_connections_share_a_rate_or_not",
        "account": f"{SESSIONS}::test_accounts_share_a_rate_or_not",
    },
    "requests_per_second": UNLIMITED,
    "history_per_second": UNLIMITED,
    "historical_set": f"{SESSIONS}::test_which_requests_count_as_historical",
    "rate_error": f"{SESSIONS}::test_the_excess_is_refused_with_or_without_a_hint",
    "queues_excess": {
        "false": f"{SESSIONS}::test_the_excess_is_refused_with_or_without_a_hint",
        "true": f"{SESSIONS}::test_the_excess_may_wait_for_its_turn",
    },
    "hold_seconds": (
        f"{CONVERSATION}::test_requests_beyond_the_rate_block_their_payload_type_for_a_while"
    ),
    "history_quota": UNLIMITED,
    "history_quota_window": f"{SESSIONS}::test_a_spent_quota_of_history_takes_minutes",
    "history_quota_hold": f"{SESSIONS}::test_a_spent_quota_of_history_takes_minutes",
    "too_wide_window": f"{LISTS}::test_a_list_whose_window_is_too_wide",
    "m1_window_ms": f"{DATA}::test_the_old_limit_has_two_readings",
    "trendbar_count": f"{DATA}::test_a_full_page_can_be_one_bar_short",
    "count_ignores_from": {
        "true": f"{DATA}::test_a_count_looks_back_from_the_end_of_the_window",
        "false": f"{DATA}::test_a_count_can_be_bounded_by_the_beginning_of_the_window",
    },
    "includes_bar_at_to": {
        "true": f"{DATA}::test_a_count_looks_back_from_the_end_of_the_window",
        "false": f"{DATA}::test_the_bar_at_the_end_of_the_window_can_be_left_out",
    },
    "deals_of_position_newest_first": (
        f"{LISTS}::test_the_deals_of_a_position_come_in_the_order_of_the_profile"
    ),
    "max_subscriptions": UNBOUNDED,
    "bar_delay": f"{DATA}::test_a_bar_that_just_closed_is_not_there_yet",
    "deal_delay": f"{LISTS}::test_a_deal_can_be_missing_from_the_history_for_a_while",
    # SW-22 to SW-29
    "repeats_fills": f"{MESSAGES}::test_a_fill_may_come_a_second_time_without_its_id",
    "leaks_request_ids": f"{SESSIONS}::test_request_ids_may_leak_to_other_connections",
    "serves_pnl_stream": {
        "false": f"{STATE}::test_the_stream_of_profits_is_unsupported_unless_it_is_served",
        "true": f"{STATE}::test_a_served_stream_tells_the_profit_now_and_when_it_changes",
    },
    "extra_digits": f"{MESSAGES}::test_a_price_with_too_many_decimals_is_refused_or_rounded",
    "tier_leverage_unit": f"{MARGIN}::test_a_tier_counts_hundredths_or_plain_leverage",
    "maintenance_unit": (
        f"{FAULTS}::test_maintenance_answers_with_its_end_in_the_unit_of_the_message"
    ),
    "live_bar_close": {
        "omitted": f"{DATA}::test_a_live_bar_comes_inside_the_quotes_without_its_close",
        "present": f"{DATA}::test_a_live_bar_can_carry_its_close",
        "stale": f"{DATA}::test_a_live_bar_can_carry_its_close",
    },
    "has_zero_delta_high": {
        "true": f"{DATA}::test_some_bars_that_close_on_their_low_lack_their_high",
        "false": f"{DATA}::test_bars_are_told_as_a_low_and_what_is_above_it",
    },
    # SW-30 to SW-39
    "conversion_side": f"{CHARGES}::test_a_profit_in_yen_is_converted_at_its_side",
    "conversion_fee": f"{CHARGES}::test_converting_a_profit_costs_a_fee",
    "shows_created_position": (f"{RULES}::test_an_acceptance_shows_the_position_to_come_or_none"),
    "names_own_orders": f"{RULES}::test_the_server_names_its_own_orders_or_not",
    "market_range_takes_levels": dict.fromkeys(
        ("false", "true"),
        f"{RULES}::test_a_market_range_order_with_prices_is_refused_or_protected_by_them",
    ),
    "stop_limit_form": f"{RULES}::test_a_stop_limit_order_is_limited_by_slippage_or_price",
    "pending_levels": (
        f"{MESSAGES}::test_prices_of_a_pending_order_are_shown_as_given_or_as_distances"
    ),
    "ioc_remainder": f"{LIQUIDITY}::test_the_rest_of_an_immediate_limit_goes_or_works",
    "partial_fills": {
        "partial_then_filled": f"{LIQUIDITY}::test_a_market_order_walks_the_levels",
        "always_filled": f"{LIQUIDITY}::test_fills_may_all_be_called_filled",
    },
    "triggered_fill": f"{RULES}::test_a_triggered_order_is_told_in_one_of_three_ways",
    # SW-40 to SW-51
    "first_protection_accepted": f"{RULES}::test_first_levels_are_accepted_or_replaced",
    "removal_cancels": f"{RULES}::test_removed_levels_are_cancelled_or_replaced",
    "bare_close_is_closed": f"{RULES}::test_a_bare_position_ends_closed_or_created",
    "cancels_after_hit": f"{RULES}::test_after_a_hit_nothing_more_or_a_cancellation",
    "netted_excess": f"{RULES}::test_a_netted_excess_opens_flips_or_goes",
    "stop_out_tells_margin_call": f"{MARGIN}::test_a_stop_out_is_told_as_the_switch_says",
    "stop_out_order": dict.fromkeys(
        ("market", "stop_loss_take_profit"),
        f"{MARGIN}::test_a_stop_out_is_told_as_the_switch_says",
    ),
    "lost_execution_chance": f"{RULES}::test_executions_may_be_lost_but_not_undone",
    "amend_delay_ms": f"{RULES}::test_an_amendment_may_come_too_early",
    "wrong_side_stops": {
        "trading_bad_stops": (
            f"{RULES}::test_levels_on_the_wrong_side_are_refused_by_one_of_two_messages"
        ),
        "invalid_request": (
            f"{RULES}::test_levels_on_the_wrong_side_are_refused_by_one_of_two_messages"
        ),
        "accepted": f"{RULES}::test_levels_on_the_wrong_side_may_fill_at_once",
    },
    "market_closed_carrier": {
        "order_error": f"{RULES}::test_a_closed_market_is_told_by_an_error",
        "error_res": f"{RULES}::test_a_closed_market_is_told_by_an_error",
        "execution": f"{RULES}::test_a_closed_market_may_be_told_by_a_rejected_order",
    },
    "pushes_account_changes": f"{RULES}::test_changes_of_the_account_may_be_pushed",
    "bonus_counts": f"{MARGIN}::test_a_bonus_may_count_as_equity",
    # SW-52 to SW-57
    "unknown_in_batch": f"{CONVERSATION}::test_an_unknown_symbol_in_a_batch",
    "session_close": f"{DATA}::test_the_session_close_comes_as_the_profile_says",
    "refuses_mixed_subscribe": {
        "true": f"{CONVERSATION}::test_subscribing_twice_is_refused_as_a_whole",
        "false": f"{CONVERSATION}::test_a_mixed_subscription_can_take_the_new_symbols",
    },
    "without_spots": f"{DATA}::test_live_bars_and_depth_need_the_quotes",
    "spots_under_bars": f"{DATA}::test_quotes_unsubscribed_under_live_bars",
    "refuses_idle_unsubscribe": f"{DATA}::test_unsubscribing_what_was_not_subscribed",
    # SW-58 to SW-64
    "feed_dies_after": {
        NONE: f"{SERVER}::test_quotes_flow_to_those_who_subscribed",
        NUMBER: f"{PORTS}::test_the_feed_dies_without_a_word_when_the_profile_says_so",
    },
    "maintenance": f"{PORTS}::test_maintenance_looks_in_four_ways_and_ends",
    "sends_unknown_fields": (f"{SESSIONS}::test_messages_may_carry_fields_that_the_schema_lacks"),
    "refresh_reply": f"{SESSIONS}::test_the_reply_to_a_refresh_may_be_late_or_lost",
    "refresh_delay": f"{SESSIONS}::test_the_reply_to_a_refresh_may_be_late_or_lost",
    "cut_write_chance": f"{FAULTS}::test_the_profile_may_cut_any_order_before_its_answer",
    "view_scope_hears_executions": (
        f"{SESSIONS}::test_a_token_that_only_reads_hears_executions_or_not"
    ),
    "event_order": (f"{SESSIONS}::test_events_of_two_accounts_come_in_turn_or_one_after_the_other"),
    # without a number
    "token_requests_per_minute": {
        NUMBER: f"{PORTS}::{TOKEN_RATE}",
        NONE: f"{PORTS}::test_token_requests_may_be_without_limit",
    },
    "margin_basis": (f"{RULES}::test_margin_keeps_the_rate_of_the_opening_or_follows_each_event"),
    "execution_delay_ms": f"{DELAY}::test_a_market_order_fills_later_at_the_price_of_then",
}


def options_of(switch: Switch) -> set[str]:
    """Return the words that a file may give a switch; a number of any size is one."""
    words = {written(one).strip('"') for one in switch.field.options}
    return words or {NUMBER, *({NONE} if switch.field.may_be_none else ())}


def named_in(shown: Shown) -> Iterator[str]:
    yield from [shown] if isinstance(shown, str) else shown.values()


@cache
def sources_of(path: Path) -> dict[str, str]:
    """Return the source of a file's tests by name, their parameters with them."""
    text = path.read_text()
    lines = text.splitlines()
    return {
        one.name: "\n".join(
            lines[min(each.lineno for each in (*one.decorator_list, one)) - 1 : one.end_lineno]
        )
        for one in ast.parse(text).body
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name.startswith("test_")
    }


def test_every_switch_is_in_the_table_and_nothing_else() -> None:
    assert {one.field.name for one in switches()} == SHOWN.keys()


@pytest.mark.parametrize("switch", list(switches()), ids=lambda one: one.field.name)
def test_every_option_of_a_switch_has_a_test_that_exists(switch: Switch) -> None:
    shown = SHOWN[switch.field.name]
    if not isinstance(shown, str):
        assert shown.keys() == options_of(switch)
    for name in named_in(shown):
        file, _, test = name.partition("::")
        assert test in sources_of(TESTS / file), name


@pytest.mark.parametrize("switch", list(switches()), ids=lambda one: one.field.name)
def test_a_test_that_stands_for_all_options_names_them_all(switch: Switch) -> None:
    """By their words, by the members of their Enum, or as the Enum itself."""
    shown = SHOWN[switch.field.name]
    if not isinstance(shown, str) or not switch.field.options:
        return
    file, _, test = shown.partition("::")
    source = sources_of(TESTS / file)[test]
    kind = switch.field.kind.__name__
    words = [str(one) for one in switch.field.options]
    members = [f"{kind}.{one}" for one in getattr(switch.field.kind, "__members__", ())]
    walks_all = f", {kind})" in source or f"list({kind})" in source
    is_in_members = bool(members) and all(one in source for one in members)
    assert walks_all or is_in_members or all(one in source for one in words), shown
