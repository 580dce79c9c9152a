"""Logging of a whole process: structlog and the standard library end in one stream on stderr.

People on a terminal get coloured lines, everything else gets one JSON object to a line. What
looks like a secret by its name is hidden before it is formatted.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN: Final = "[hidden]"

_SECRET_NAME: Final = re.compile(
    r"secret|password|passwd|token|authorization|api_?key|cookie|credential", re.IGNORECASE
)
_NOISY: Final = ("httpx", "httpcore", "websockets", "asyncio", "uvicorn.access")
"""Libraries whose INFO lines tell what ours tell already."""


def configure(level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send all log lines of the process from ``level`` on to ``stream``, stderr by default."""
    target = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                hide_secrets,
                *_renderers(target),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the value of every key, at any depth, whose name is that of a secret."""
    return {key: _hidden(key, value) for key, value in event.items()}


def _hidden(key: object, value: object) -> object:
    if isinstance(key, str) and _SECRET_NAME.search(key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {inner: _hidden(inner, part) for inner, part in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(None, part) for part in value]
    return value


def _renderers(stream: TextIO) -> list[Processor]:
    if stream.isatty():
        return [structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
