"""``/asyncapi.json``: the event streams as an AsyncAPI 3 document, made of the events' shapes.

Source: AsyncAPI 3.0.0; the query of both streams is ``StreamOptions``.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec

import fxpool
from fxpool.gateway.stream_options import StreamOptions
from fxpool.mapping.event_formats import EVENTS
from fxpool.mapping.spellings import spellings

Document = dict[str, Any]

_DESCRIPTION: Final = (
    "Every event is a JSON object with `type`, `ts` and `timestamp`; those of an account have "
    "`accountId`, and changes a `seq` that counts up by one per account within an `epoch`. A "
    "stream begins with a snapshot of each account."
)


@cache
def event_document() -> Document:
    """Return the document; treat it as read-only."""
    shapes = tuple(dict.fromkeys(EVENTS.values()))
    references, schemas = msgspec.json.schema_components(
        shapes, ref_template="#/components/schemas/{name}"
    )
    by_shape = dict(zip(shapes, references, strict=True))
    named = {name: {"$ref": f"#/components/messages/{name}"} for name in EVENTS}
    query = {"type": "object", "properties": _query()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "fxpool events",
            "version": fxpool.__version__,
            "description": _DESCRIPTION,
        },
        "defaultContentType": "application/json",
        "servers": {
            "websocket": {"host": "localhost:8088", "protocol": "ws"},
            "http": {"host": "localhost:8088", "protocol": "http"},
        },
        "channels": {
            "websocket": {
                "address": "/ws",
                "servers": [{"$ref": "#/servers/websocket"}],
                "description": "A client may send the query again, as JSON; the stream begins anew",
                "messages": named | {"options": {"$ref": "#/components/messages/options"}},
                "bindings": {"ws": {"method": "GET", "query": query}},
            },
            "serverSentEvents": {
                "address": "/events",
                "servers": [{"$ref": "#/servers/http"}],
                "description": "The same events; the `id` of a change is account:epoch:seq",
                "messages": named,
            },
        },
        "operations": {
            "pushToWebSocket": _operation("send", "websocket", list(EVENTS)),
            "pushServerSentEvents": _operation("send", "serverSentEvents", list(EVENTS))
            | {"bindings": {"http": {"method": "GET", "query": query}}},
            "beginAnew": _operation("receive", "websocket", ["options"]),
        },
        "components": {
            "messages": {name: _message(by_shape[shape], name) for name, shape in EVENTS.items()}
            | {"options": {"name": "options", "payload": query}},
            "schemas": schemas,
        },
    }


def _message(schema: Document, name: str) -> Document:
    """Return a message whose payload is a shape with its own word in ``type``."""
    own = {"type": "object", "properties": {"type": {"const": name}}}
    return {"name": name, "payload": {"allOf": [schema, own]}}


def _operation(action: str, channel: str, messages: list[str]) -> Document:
    where = f"#/channels/{channel}"
    return {
        "action": action,
        "channel": {"$ref": where},
        "messages": [{"$ref": f"{where}/messages/{name}"} for name in messages],
    }


def _query() -> Document:
    """Return the query of a stream: each option under the name to recommend."""
    return {
        spellings(name)[0]: {"type": "string", "description": field.description or ""}
        for name, field in StreamOptions.model_fields.items()
    }
