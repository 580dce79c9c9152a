"""Log lines: one stream, JSON off a terminal, and no secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from fxpool import context
from fxpool.cli import logs
from fxpool.redaction import HIDDEN


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    logs.configure("INFO", stream=stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_structured_line_is_one_json_object(stream: io.StringIO) -> None:
    structlog.get_logger("fxpool.pool").info("session opened", environment="demo")

    (line,) = lines(stream)
    assert line["event"] == "session opened"
    assert line["environment"] == "demo"
    assert line["level"] == "info"
    assert line["logger"] == "fxpool.pool"


def test_lines_of_the_standard_library_take_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("fxpool.simulator").warning("cut", extra={"peer": "1.2.3.4"})

    (line,) = lines(stream)
    assert (line["event"], line["peer"]) == ("cut", "1.2.3.4")


def test_what_is_named_like_a_secret_is_hidden_at_any_depth(stream: io.StringIO) -> None:
    structlog.get_logger().info(
        "asked", access_token="planted", body={"client_secret": "planted", "headers": [1]}
    )

    assert "planted" not in stream.getvalue()
    assert lines(stream)[0]["body"]["client_secret"] == HIDDEN


@pytest.mark.parametrize("code", ["CH_ACCESS_TOKEN_INVALID", "OA_AUTH_TOKEN_EXPIRED"])
def test_what_the_broker_says_of_a_token_is_read_whole(stream: io.StringIO, code: str) -> None:
    told = f"{code}: Invalid access token"
    structlog.get_logger().info("account", reason=told, error=f"access_token=planted-{code}")

    assert lines(stream)[0]["reason"] == told
    assert "planted" not in stream.getvalue()


def test_libraries_tell_what_they_did_and_not_that_they_looked(stream: io.StringIO) -> None:
    migrations = logging.getLogger("alembic.runtime.migration")
    migrations.info("Context impl %s.", "SQLiteImpl")
    migrations.info("Running upgrade %s -> %s", "0004", "0005")
    logging.getLogger("uvicorn.of_the_test").info("up", extra={"color_message": "\x1b[36mup"})

    first, second = lines(stream)
    assert first["event"] == "Running upgrade 0004 -> 0005"
    assert "color_message" not in second


def test_a_traceback_is_part_of_the_json_line(stream: io.StringIO) -> None:
    try:
        int("broken")
    except ValueError:
        logging.getLogger("fxpool").exception("failed")

    (line,) = lines(stream)
    assert "ValueError: invalid literal" in line["exception"]


def test_lines_below_the_level_are_not_written(stream: io.StringIO) -> None:
    structlog.get_logger().debug("detail")

    assert stream.getvalue() == ""


def test_another_level_holds_at_once_for_loggers_in_use_too(stream: io.StringIO) -> None:
    log, library = structlog.get_logger(), logging.getLogger("httpx")
    log.debug("unseen")
    logs.set_level("DEBUG")
    log.debug("detail")
    library.info("still unseen")
    logs.set_level("ERROR")
    log.warning("unseen")
    library.warning("unseen")

    assert [line["event"] for line in lines(stream)] == ["detail"]


def test_every_line_of_a_call_shows_its_ids_and_the_next_call_has_its_own(
    stream: io.StringIO,
) -> None:
    with context.call("the-request"):
        context.add(caller="key:0123", account="alpha")
        structlog.get_logger().info("asked")
        logging.getLogger("library").warning("slow", extra={"account": "its own"})
    with context.call("another"):
        structlog.get_logger().info("asked")
    structlog.get_logger().info("nobody asks")

    first, second, third, fourth = lines(stream)
    assert (first["request"], first["caller"], first["account"]) == (
        "the-request",
        "key:0123",
        "alpha",
    )
    assert (second["request"], second["account"]) == ("the-request", "its own")
    assert third["request"] == "another"
    assert "caller" not in third
    assert "request" not in fourth
