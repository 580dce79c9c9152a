"""A scan of the whole API by its own document: drawn requests to every route, in every role.

No answer is a 500, has a status, a type or a shape that the document does not know, or tells of an
account to who may not see it. The gateway serves a real platform on the simulated broker, and keeps
an audit log.
"""

from __future__ import annotations

import ast
import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from fxpool.clock import SystemClock
from fxpool.domain.permissions import Permissions, Role
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.access import Access
from fxpool.gateway.access.key_ring import KeyRing
from fxpool.gateway.audit.setup import audit_trail_from
from fxpool.gateway.rate_limits import Rate, RateLimits, RateTable
from fxpool.gateway.rates import ProcessCounters
from fxpool.settings import Settings
from fxpool.store.access import SqlAccessStore
from harness.spy_platform import new_key
from harness.stack import running_stack

ROLES = ("nobody", "read", "close_only", "trade", "admin")
EXAMPLES = 8
"""Drawn requests per route; each in a drawn role."""

ENDLESS = {"/events"}
SECONDS = 20
CONFORMANCE = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@dataclass(frozen=True, slots=True)
class Scanned:
    """A gateway that is scanned.

    Attributes:
        keys: the key of each role but ``nobody``.
        secrets: what no answer may hold.
    """

    url: str
    document: dict[str, Any]
    keys: dict[str, str]
    secrets: tuple[str, ...]


@dataclass(slots=True)
class Seen:
    """What a scan did, and what it found wrong."""

    roles: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


async def _serve(folder: Path, ready: Future[Scanned], ending: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(running_stack())
        store = SqlAccessStore(SecretStr(f"sqlite:///{folder / 'keys.sqlite3'}"))
        stack.push_async_callback(store.close)
        keys = {}
        for role in Role:
            keys[role.value], key = new_key(len(keys) + 1, Permissions(role))
            await store.add(key)
        clock = SystemClock()
        ring = KeyRing(store, clock=clock)
        await ring.refresh()
        patient = RateTable(strangers=Rate(100_000, 1.0))
        log = Settings(data_dir=folder, database_url=SecretStr(""), vault_addr="")
        app = create_app(
            running.platform,
            access=Access(ring=ring),
            rates=RateLimits(ProcessCounters(clock.now), patient),
            trail=await stack.enter_async_context(audit_trail_from(log, clock=clock)),
        )
        server = await stack.enter_async_context(GatewayServer(app, port=0, drain_seconds=1))
        broker = running.simulator
        secrets = (broker.credentials.client_secret, broker.grant.access_token, *keys.values())
        ready.set_result(Scanned(server.url, app.openapi(), keys, secrets))
        await ending.wait()


@contextmanager
def scanned(folder: Path) -> Iterator[Scanned]:
    """Run a gateway in a thread of its own, since the scanner's calls block."""
    ready: Future[Scanned] = Future()
    loop = asyncio.new_event_loop()
    ending = asyncio.Event()

    def run() -> None:
        try:
            loop.run_until_complete(_serve(folder, ready, ending))
        except BaseException as exc:
            if ready.done():
                raise
            ready.set_exception(exc)
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="scanned-gateway")
    thread.start()
    try:
        yield ready.result(60)
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(60)


@pytest.fixture
def parsing_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep threads from parsing at the same time, which fails in Python before 3.11.8 (SystemError,
    "AST constructor recursion depth mismatch", gh-106905): pytest parses parts of schemathesis when
    they are first used, and of anyio in the gateway's thread."""
    parse, turn = ast.parse, threading.RLock()

    def parse_in_turn(*arguments: Any, **options: Any) -> ast.AST:
        with turn:
            return parse(*arguments, **options)

    monkeypatch.setattr(ast, "parse", parse_in_turn)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("parsing_in_turns")
def test_no_drawn_request_breaks_the_gateway_or_is_told_too_much(tmp_path: Path) -> None:
    seen = Seen()
    with scanned(tmp_path) as gateway:
        schema = schemathesis.openapi.from_dict(gateway.document)
        for drawn in schema.get_all_operations():
            operation = drawn.ok()
            if operation.path not in ENDLESS:
                _scan(operation, gateway, seen)
    assert not seen.faults, "\n".join(dict.fromkeys(seen.faults))
    assert min(seen.roles[role] for role in ROLES) > 20
    assert seen.statuses[200] > 50
    assert {401, 403, 404, 422} <= {*seen.statuses}


def _scan(operation: Any, gateway: Scanned, seen: Seen) -> None:
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, role=st.sampled_from(ROLES), is_known=st.booleans())
    def scan(case: Any, role: str, is_known: bool) -> None:
        if is_known:
            _aim_at_alpha(case)
        headers = {} if role == "nobody" else {"X-API-Key": gateway.keys[role]}
        response = case.call(base_url=gateway.url, headers=headers, timeout=SECONDS)
        seen.roles[role] += 1
        seen.statuses[response.status_code] += 1
        about = f"{operation.label} as {role}: {response.status_code}"
        if response.status_code == 500:
            seen.faults.append(f"{about}: {response.text[:300]}\n  {case.as_curl_command()[:600]}")
        if [secret for secret in gateway.secrets if secret in response.text]:
            seen.faults.append(f"{about}: a secret is in the answer")
        if role == "nobody" and ("10012345" in response.text or '"beta"' in response.text):
            seen.faults.append(f"{about}: tells a stranger of accounts")
        try:
            case.validate_response(response, checks=CONFORMANCE)
        except (AssertionError, BaseExceptionGroup) as exc:
            told = exc.exceptions if isinstance(exc, BaseExceptionGroup) else [exc]
            seen.faults.extend(f"{about}: {str(one)[:300]}" for one in told)

    scan()


def _aim_at_alpha(case: Any) -> None:
    """Make a drawn request one about an account that there is."""
    if isinstance(case.path_parameters, dict) and "account_id" in case.path_parameters:
        case.path_parameters["account_id"] = "alpha"
    if isinstance(case.query, dict) and "account_id" in case.query:
        case.query["account_id"] = "alpha"
    if isinstance(case.body, dict):
        for name in ("account_id", "accountId"):
            if name in case.body:
                case.body[name] = "alpha"
