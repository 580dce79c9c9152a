"""Values as callers write them: exact numbers, ids, times, lists. Pure.

Numbers arrive as int, Decimal or text and never pass through binary floating point: 0.29 lots are
0.29 lots. Every refusal is a ValueError, wrong types too, because pydantic turns no other error
into an answer.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AwareDatetime, BeforeValidator, Field, WithJsonSchema

_NUMBER: Final = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,4})?", re.ASCII)
_LARGEST_EXPONENT: Final = 15  # 10**15 lots or price units is no trade; it bounds later arithmetic
_MAX_NAME: Final = 100


def exact_number(value: object) -> Decimal:
    """Return a JSON number, or one in a string, as it was written.

    Raises ValueError for booleans, NaN, infinities, and sizes that no order has.
    """
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise ValueError("must be a number, or a string that holds one")  # noqa: TRY004 (see above)
    text = str(value).strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r:.40} is not a decimal number")
    number = Decimal(text)
    if number and abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError(f"{text!r:.40} is out of range")
    return number


def identifier(value: object) -> str:
    """Return an id or a name, given as a string or as a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a non-empty string or a whole number")
    return _storable(value.strip())


def label(value: object) -> str:
    """Return a text as it came, blanks included, or a whole number as text."""
    return _storable(value) if isinstance(value, str) else identifier(value)


def _storable(text: str) -> str:
    """Return a text that every database takes."""
    if "\0" in text:
        raise ValueError("must not hold the character NUL")
    return text


def iso_time(value: object) -> datetime:
    """Return an ISO 8601 time. Raises ValueError if it has no UTC offset: it would be a guess."""
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 time, such as 2026-03-02T09:15:27.481Z")  # noqa: TRY004 (see above)
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"{value!r:.40} is not an ISO 8601 time") from None
    if at.tzinfo is None:
        raise ValueError(f"{value!r:.40} has no UTC offset; end it with Z")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value!r:.40} is no year of UTC's") from None


def word_list(value: object) -> frozenset[str] | None:
    """Return the words of a comma-separated text or of an array; None and empty mean no limit."""
    if value is None:
        return None
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list):
        raise ValueError("must be an array, or words with commas between")  # noqa: TRY004 (see above)
    return frozenset(identifier(item) for item in items if item != "") or None


def whole_number(value: object) -> int:
    """Return a whole number, given as a number or in a string."""
    number = exact_number(value)
    if number != number.to_integral_value():
        raise ValueError(f"{number} is not a whole number")
    return int(number)


_NUMBER_SCHEMA: Final = WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})
_ID_SCHEMA: Final = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]})
_LIST_SCHEMA: Final = WithJsonSchema(
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
)

Id = Annotated[str, Field(max_length=_MAX_NAME), BeforeValidator(identifier), _ID_SCHEMA]
Name = Annotated[str, Field(max_length=_MAX_NAME), BeforeValidator(identifier)]
Key = Annotated[str, Field(max_length=512), BeforeValidator(identifier), _ID_SCHEMA]
Label = Annotated[str, Field(max_length=512), BeforeValidator(label), _ID_SCHEMA]
Lots = Annotated[Decimal, Field(gt=0), BeforeValidator(exact_number), _NUMBER_SCHEMA]
Price = Annotated[Decimal, Field(gt=0), BeforeValidator(exact_number), _NUMBER_SCHEMA]
Protection = Annotated[Decimal, Field(ge=0), BeforeValidator(exact_number), _NUMBER_SCHEMA]
"""A price, or a number in units that the request names; what 0 means is the request's own."""
Percent = Annotated[Decimal, Field(gt=0, le=100), BeforeValidator(exact_number), _NUMBER_SCHEMA]
Points = Annotated[int, Field(ge=0, lt=2**31), BeforeValidator(whole_number), _NUMBER_SCHEMA]
Expiry = Annotated[AwareDatetime, BeforeValidator(iso_time)]
Words = Annotated[frozenset[str] | None, BeforeValidator(word_list), _LIST_SCHEMA]
