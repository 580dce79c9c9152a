"""Bodies: decimals as written, and each name once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from starlette.exceptions import HTTPException

from fxpool.gateway.exact_json import exact_json


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"volume": 0.10}', {"volume": Decimal("0.10")}),
        (b'{"comment": "a: b", "at": "09:15:27"}', {"comment": "a: b", "at": "09:15:27"}),
        (b'{"a": {"x": 1}, "b": [{"x": 1}, {"x": 2}]}', {"a": {"x": 1}, "b": [{"x": 1}, {"x": 2}]}),
        (b"[]", []),
    ],
)
def test_a_body_whose_names_come_once_is_read_as_it_is(body: bytes, value: object) -> None:
    assert exact_json(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"volume": 0.1, "volume": 0.1}',
        b'{"symbol": "a:b", "volume": 0.1, "volume" : 1}',
        b'{"x": {"volume": 1, "volum\\u0065": 2}}',
    ],
)
def test_a_name_that_comes_twice_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(HTTPException, match="volume: the body has it more than once") as refused:
        exact_json(body)
    assert refused.value.status_code == 400
