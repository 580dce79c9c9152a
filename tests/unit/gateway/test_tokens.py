"""Tokens of our API: what is good, and the known ways to forge one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest

from fxpool.domain.permissions import Permissions, Role
from fxpool.gateway.access.tokens import OwnIssuer, SigningKey, TokenRefused, TokenVerifier
from harness.clock import ManualClock

KEY = SigningKey.generate()
READER = Permissions(Role.READ, frozenset({"alpha"}))


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.verifier = TokenVerifier([OwnIssuer(self._load, clock=self.clock)], clock=self.clock)

    async def _load(self) -> SigningKey:
        return SigningKey.from_pem(KEY.pem())

    def claims(self, **changes: Any) -> dict[str, Any]:
        exp = int(self.clock.at().timestamp()) + 60
        base = {"iss": "fxpool", "aud": "fxpool", "sub": "web", "exp": exp, "role": "read"}
        return {name: value for name, value in (base | changes).items() if value is not None}


async def test_our_token_is_its_holder_until_it_ends() -> None:
    desk = Desk()
    ends = desk.clock.at() + timedelta(minutes=1)
    token = KEY.issue("web", READER, desk.clock.at(), ends)
    principal = await desk.verifier.verify(token)
    assert (principal.name, principal.permissions) == ("web", READER)
    desk.clock.advance(91)
    with pytest.raises(TokenRefused, match="expired"):
        await desk.verifier.verify(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other"},
        {"aud": None},
        {"iss": "other"},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1e300},
        {"role": "king"},
        {"role": None},
        {"accounts": "alpha"},
        {"max_day_lots": "-1"},
        {"networks": ["nowhere"]},
        {"nbf": 4_000_000_000},
    ],
)
async def test_a_claim_that_is_wrong_or_cannot_be_read_refuses_the_token(
    changes: dict[str, Any],
) -> None:
    desk = Desk()
    token = jwt.encode(desk.claims(**changes), KEY.private, algorithm="EdDSA")
    with pytest.raises(TokenRefused):
        await desk.verifier.verify(token)


async def test_no_algorithm_a_shared_secret_and_another_key_are_refused() -> None:
    desk = Desk()
    secret = b"x" * 64
    forged = [
        jwt.encode(desk.claims(), None, algorithm="none"),
        jwt.encode(desk.claims(), secret, algorithm="HS256"),
        jwt.encode(desk.claims(), SigningKey.generate().private, algorithm="EdDSA"),
        "a.b.c",
    ]
    for token in forged:
        with pytest.raises(TokenRefused):
            await desk.verifier.verify(token)
