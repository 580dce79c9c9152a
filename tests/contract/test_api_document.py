"""``/openapi.json``: valid, and complete in statuses, errors, keys, spellings and examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from fxpool.gateway import create_app, schemas
from fxpool.gateway.api_document import ALIASES, camel_case, snake_case
from fxpool.gateway.errors import STATUSES
from fxpool.gateway.examples import examples
from fxpool.gateway.schemas import PoolBody
from harness.hub_platform import HubPlatform

DOCUMENT: dict[str, Any] = create_app(HubPlatform()).openapi()
BODIES = {
    "POST /trade/execute": schemas.OrderBody,
    "POST /trade/limit": schemas.LimitOrderBody,
    "POST /trade/stop": schemas.StopOrderBody,
    "POST /position/modify": schemas.PositionModifyBody,
    "POST /position/close": schemas.PositionCloseBody,
    "POST /order/modify": schemas.OrderModifyBody,
    "POST /order/cancel": schemas.OrderCancelBody,
    "POST /streaming/subscribe": schemas.SymbolBody,
    "POST /streaming/register-reconnection-callback": schemas.CallbackBody,
}


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def exact(body: dict[str, Any]) -> Any:
    """Return a body as the gateway decodes it: no number becomes a float."""
    return json.loads(json.dumps(body), parse_float=Decimal)


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)


def errors(operation: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the JSON of each status that is no success; a consent's page is none."""
    told = {int(status): response for status, response in operation["responses"].items()}
    return {
        status: response["content"]["application/json"]
        for status, response in told.items()
        if status not in {200, 302} and "text/html" not in response.get("content", {})
    }


def test_every_error_of_the_document_has_an_example_true_to_its_schema() -> None:
    for call, operation in operations():
        for status, content in errors(operation).items():
            schema = content["schema"] | {"components": DOCUMENT["components"]}
            jsonschema.validate(content["example"], schema, cls=jsonschema.Draft202012Validator)
            assert set(content["example"]) >= {"detail", "error", "code", "requestId"}, call
            assert status in STATUSES | {202}, call


def test_no_call_answers_with_a_status_that_is_left_open() -> None:
    for call, operation in operations():
        assert "default" not in operation["responses"], call


def test_errors_of_metaapis_paths_have_its_model() -> None:
    told = errors(dict(operations())["GET /users/current/accounts/{account_id}/positions"])
    assert told[404]["example"]["error"] == "NotFoundError"
    assert told[504]["example"]["message"] == told[504]["example"]["detail"]
    assert "recommendedRetryTime" in told[429]["example"]["metadata"]
    assert 502 not in told
    assert 503 not in told


def test_calls_have_the_statuses_that_they_may_answer_with() -> None:
    told = {call: set(operation["responses"]) for call, operation in operations()}
    assert {"200", "401", "403", "404", "409", "422", "429", "502", "503", "504"} <= told[
        "GET /account/{account_id}"
    ]
    assert {"400", "413", "422"} <= told["POST /trade/execute"]
    assert "401" not in told["GET /health"]


def test_what_may_be_tried_later_says_when() -> None:
    for call, operation in operations():
        for status in {"429", "503"} & set(operation["responses"]):
            assert "Retry-After" in operation["responses"][status]["headers"], call


def test_both_ways_to_show_a_key_are_told_and_open_calls_need_none() -> None:
    assert set(DOCUMENT["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    by_call = dict(operations())
    assert by_call["GET /health"]["security"] == []
    assert "security" not in by_call["POST /trade/execute"]


def test_fields_say_their_other_spellings() -> None:
    fields = DOCUMENT["components"]["schemas"]["OrderBody"]["properties"]
    assert "accountId" in fields["account_id"]["x-spellings"]
    assert {"actionType", "side"} <= set(fields["action"]["x-spellings"])


@pytest.mark.parametrize("call", BODIES)
def test_a_request_means_the_same_in_both_casings(call: str) -> None:
    model: type[PoolBody] = BODIES[call]
    request = examples()[call]["request"]
    snake = {snake_case(name): value for name, value in request.items()}
    camel = {camel_case(name): value for name, value in request.items()}
    assert model.model_validate(exact(snake)) == model.model_validate(exact(camel))
    shown = dict(operations())[call]["requestBody"]["content"]["application/json"]["examples"]
    assert [shown[casing]["value"] for casing in ("snake_case", "camelCase")] == [snake, camel]


def test_an_alias_is_documented_as_the_call_that_it_names() -> None:
    for alias, path in ALIASES.items():
        assert set(DOCUMENT["paths"][alias]) == set(DOCUMENT["paths"][path])
