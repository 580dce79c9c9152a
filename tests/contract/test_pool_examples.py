"""Every example that the documents show: true to its schema, and what a running pool answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import jsonschema
import pytest
import pytest_asyncio

from fxpool.gateway.api_document import ALIASES
from fxpool.gateway.examples import examples
from harness.pool_walk import ACCOUNTS, PoolWalk
from harness.stack import running_stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELSEWHERE = {
    "GET /audit",
    "POST /oauth/refresh",
    "DELETE /oauth/{account_id}",
    "DELETE /streaming/reconnection-callbacks/{callback_id}",
}
"""Calls that need a token service, a listener or an audit log: their own tests make them."""

WALKED = sorted(set(examples()) - ELSEWHERE)
BY_NAME = {"details", "accounts", "checks", "alerts", "intent", "result"}
"""Objects whose keys are names (of accounts, symbols, parts), or differ from ticket to ticket."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walk() -> AsyncIterator[PoolWalk]:
    async with (
        running_stack(accounts=ACCOUNTS) as stack,
        httpx.AsyncClient(base_url=stack.url, timeout=30) as http,
    ):
        walk = PoolWalk(stack, http)
        await walk.get("/openapi.json")
        await walk.whole_day()
        yield walk


def missing_keys(example: Any, answer: Any, where: str = "") -> Iterator[str]:
    """Return the keys of an example that an answer does not have, at any depth."""
    if isinstance(example, list) and isinstance(answer, list):
        if example and answer:
            yield from missing_keys(example[0], answer[0], f"{where}[]")
    elif isinstance(example, dict) and isinstance(answer, dict):
        for key, value in example.items():
            if key not in answer:
                yield f"{where}.{key}"
            elif key not in BY_NAME:
                yield from missing_keys(value, answer[key], f"{where}.{key}")


def validate(document: dict[str, Any], call: str, answer: Any) -> None:
    """Raise unless an answer is what the OpenAPI document says of the call."""
    method, path = call.split()
    content = document["paths"][path][method.lower()]["responses"]["200"]["content"]
    schema = content["application/json"]["schema"] | {"components": document["components"]}
    jsonschema.validate(answer, schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("call", sorted(examples()))
async def test_an_example_is_true_to_its_schema(walk: PoolWalk, call: str) -> None:
    validate(walk.answers["GET /openapi.json"], call, examples()[call]["answer"])


@pytest.mark.parametrize("call", WALKED)
async def test_an_answer_has_the_keys_and_types_of_its_example(walk: PoolWalk, call: str) -> None:
    example, answer = examples()[call]["answer"], walk.answers[call]
    validate(walk.answers["GET /openapi.json"], call, answer)
    if "ct-demo-alpha" in example:  # a map of accounts
        example, answer = example["ct-demo-alpha"], answer["ct-demo-alpha"]
    if call == "GET /prices":
        example, answer = example["EURUSD"], answer["EURUSD"]
    assert list(missing_keys(example, answer)) == []


async def test_every_call_of_the_pool_has_an_example(walk: PoolWalk) -> None:
    """All but those below ``/users/current``, which MetaApi documents."""
    document = walk.answers["GET /openapi.json"]
    calls = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        if not path.startswith("/users/current") and path not in ALIASES
        for method in item
        if "application/json" in item[method]["responses"].get("200", {}).get("content", {})
    }
    assert calls - set(examples()) == set()
