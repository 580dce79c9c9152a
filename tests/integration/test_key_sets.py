"""Tokens of an external issuer, whose key set is on a real server that changes and goes away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from fxpool.domain.permissions import Role
from fxpool.errors import SettingsError
from fxpool.gateway.access.key_sets import KEEP_SECONDS, KeySetIssuer
from fxpool.gateway.access.tokens import TokenRefused, TokenVerifier
from harness.clock import ManualClock
from harness.http_server import serving

FIRST, SECOND = (generate_private_key(65537, 2048) for _ in range(2))


class Issuer:
    """An issuer's web server.

    Attributes:
        answer: what it sends instead of its set, status and body.
        asked: how often it was asked.
    """

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.keys = {"one": FIRST}
        self.answer: tuple[int, bytes] | None = None
        self.asked = 0
        self.verifier: TokenVerifier

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.asked += 1
        rows = [
            {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": name}
            | {"alg": "RS256", "use": "sig"}
            for name, key in self.keys.items()
        ]
        status, body = self.answer or (200, json.dumps({"keys": rows}).encode())
        headers = [(b"location", b"http://127.0.0.1:1/")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def token(self, kid: str | None, key: RSAPrivateKey, **more: Any) -> str:
        claims = {
            "iss": "https://issuer.example",
            "aud": "pool",
            "sub": "somebody",
            "role": "read",
            "exp": int(self.clock.at().timestamp()) + 100_000,
        }
        headers = None if kid is None else {"kid": kid}
        return jwt.encode(claims | more, key, algorithm="RS256", headers=headers)

    async def is_good(self, token: str) -> bool:
        try:
            principal = await self.verifier.verify(token)
        except TokenRefused:
            return False
        return principal.permissions.role is Role.READ


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running() as issuer:
        yield issuer


@asynccontextmanager
async def running() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    async with serving(issuer) as url:
        keys = KeySetIssuer("https://issuer.example", "pool", url, clock=issuer.clock)
        issuer.verifier = TokenVerifier([keys], clock=issuer.clock)
        yield issuer


async def test_the_set_is_read_once_for_many_tokens_and_again_when_it_is_old(
    issuer: Issuer,
) -> None:
    for number in range(20):
        assert await issuer.is_good(issuer.token("one", FIRST, sub=f"user-{number}"))
    assert issuer.asked == 1
    issuer.clock.advance(KEEP_SECONDS + 1)
    assert await issuer.is_good(issuer.token("one", FIRST, sub="later"))
    assert issuer.asked == 2


async def test_a_new_key_is_fetched_when_its_first_token_comes_and_an_old_one_ends(
    issuer: Issuer,
) -> None:
    assert await issuer.is_good(issuer.token("one", FIRST))
    issuer.keys = {"two": SECOND}
    issuer.clock.advance(11)
    assert await issuer.is_good(issuer.token("two", SECOND))
    assert not await issuer.is_good(issuer.token("one", FIRST, sub="not seen before"))


async def test_tokens_with_made_up_key_names_do_not_make_us_flood_the_issuer(
    issuer: Issuer,
) -> None:
    for number in range(50):
        assert not await issuer.is_good(issuer.token(f"made-up-{number}", SECOND))
    assert issuer.asked == 1


@pytest.mark.parametrize(
    "answer",
    [
        (503, b""),
        (302, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": 1}'),
        (200, b" " * 300_000),
    ],
)
async def test_while_the_set_cannot_be_read_the_known_keys_go_on_and_no_others(
    issuer: Issuer, answer: tuple[int, bytes]
) -> None:
    assert await issuer.is_good(issuer.token("one", FIRST))
    issuer.answer = answer
    issuer.clock.advance(KEEP_SECONDS + 1)
    assert await issuer.is_good(issuer.token("one", FIRST, sub="another"))
    assert not await issuer.is_good(issuer.token("two", SECOND))
    issuer.answer, issuer.keys = None, {"two": SECOND}
    issuer.clock.advance(11)
    assert await issuer.is_good(issuer.token("two", SECOND))


async def test_an_issuer_that_is_down_from_the_start_lets_nobody_in() -> None:
    async with running() as issuer:
        token = issuer.token("one", FIRST)
    assert not await issuer.is_good(token)


async def test_a_token_for_somebody_else_or_by_a_key_of_another_name_is_refused(
    issuer: Issuer,
) -> None:
    assert await issuer.is_good(issuer.token(None, FIRST))
    assert not await issuer.is_good(issuer.token("one", SECOND))
    assert not await issuer.is_good(issuer.token("one", FIRST, aud="other"))
    assert not await issuer.is_good(issuer.token("one", FIRST, iss="https://else.example"))


@pytest.mark.parametrize(
    ("name", "audience", "url"),
    [
        ("i", "a", "http://issuer.example/keys"),
        ("", "a", "https://issuer.example/keys"),
        ("i", "", "https://issuer.example/keys"),
    ],
)
def test_an_address_that_anybody_could_change_and_a_half_configured_issuer_are_refused(
    name: str, audience: str, url: str
) -> None:
    with pytest.raises(SettingsError, match="CTRADER_POOL_J"):
        KeySetIssuer(name, audience, url, clock=ManualClock())
