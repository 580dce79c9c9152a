"""Logging of a whole process: structlog and the standard library end in one stream on stderr.

People on a terminal get coloured lines, everything else gets one JSON object to a line. What
is a secret by its name or its looks, or is known to be one, is hidden before it is written.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from fxpool import context
from fxpool.redaction import hidden, hidden_text, learn

_NOISY: Final = ("httpx", "httpcore", "websockets", "asyncio", "uvicorn.access")
"""Libraries whose INFO lines tell what ours tell already."""
_MIGRATIONS: Final = "alembic.runtime.migration"


def configure(
    level: str = "INFO", *, stream: TextIO | None = None, secrets: Iterable[str] = ()
) -> None:
    """Send all log lines of the process from ``level`` on to ``stream``, stderr by default.

    ``secrets`` are hidden wherever they appear, in what ends the process too.
    """
    learn(secrets)
    sys.excepthook = _print_crash
    target = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        add_ids,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_colours,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    handler.addFilter(_tells_something)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(target),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    set_level(level)


def set_level(level: str) -> None:
    """Write the process's log lines from ``level`` on, from now on."""
    root = logging.getLogger()
    root.setLevel(level)
    for handler in root.handlers:
        handler.setLevel(level)  # loggers that others listen to may take more than is printed
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def add_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the ids of the call that is being served; what the line says itself stays."""
    return {**context.ids(), **event}


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide what is a secret by its name or its looks, at any depth, tracebacks included."""
    return {key: hidden(value, key) for key, value in event.items()}


def _tells_something(record: logging.LogRecord) -> bool:
    """Leave out what alembic says each time that it only looks; migrations that run are told."""
    return record.name != _MIGRATIONS or record.getMessage().startswith("Running")


def _without_colours(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Leave out uvicorn's second text of a line, which is for its own printer."""
    event.pop("color_message", None)
    return event


def _print_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print what ends the process without the secrets that a traceback may quote."""
    sys.stderr.write(hidden_text("".join(traceback.format_exception(kind, error, trace))))


def _renderers(stream: TextIO) -> list[Processor]:
    if stream.isatty():
        return [structlog.processors.format_exc_info, hide_secrets, structlog.dev.ConsoleRenderer()]
    return [
        structlog.processors.format_exc_info,  # before what hides: a traceback may quote a secret
        hide_secrets,
        structlog.processors.JSONRenderer(),
    ]
