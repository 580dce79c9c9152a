"""The fields of a wire message: presence, units and enums of one field at a time. Pure.

What the domain cannot do without, and an enum number that this build does not know, raise
MappingError with the field's name. Proto2 keeps an unknown enum number among the unknown fields, so
such a field looks absent.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TypeVar

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from fxpool.domain.money import (
    DEFAULT_MONEY_DIGITS,
    decimal_from_double,
    money_from_wire,
    price_from_wire,
)
from fxpool.errors import MappingError
from fxpool.mapping.instants import instant_from_ms

_Enum = TypeVar("_Enum", bound=Enum)


def missing(message: Message, field: str) -> MappingError:
    return MappingError(f"{message.DESCRIPTOR.name}.{field} is absent, or unknown to this build")


def require(message: Message, field: str) -> None:
    if not message.HasField(field):
        raise missing(message, field)


def optional_int(message: Message, field: str) -> int | None:
    return int(getattr(message, field)) if message.HasField(field) else None


def optional_bool(message: Message, field: str) -> bool | None:
    return bool(getattr(message, field)) if message.HasField(field) else None


def required_int(message: Message, field: str) -> int:
    require(message, field)
    return int(getattr(message, field))


def optional_text(message: Message, field: str) -> str | None:
    return str(getattr(message, field)) if message.HasField(field) else None


def required_text(message: Message, field: str) -> str:
    require(message, field)
    return str(getattr(message, field))


def optional_price(message: Message, field: str) -> Decimal | None:
    return decimal_from_double(getattr(message, field)) if message.HasField(field) else None


def required_price(message: Message, field: str) -> Decimal:
    require(message, field)
    return decimal_from_double(getattr(message, field))


def optional_distance(message: Message, field: str) -> Decimal | None:
    return price_from_wire(getattr(message, field)) if message.HasField(field) else None


def money_digits(message: Message) -> int:
    digits = optional_int(message, "moneyDigits")
    return DEFAULT_MONEY_DIGITS if digits is None else digits


def optional_money(message: Message, field: str, digits: int) -> Decimal | None:
    return money_from_wire(getattr(message, field), digits) if message.HasField(field) else None


def required_money(message: Message, field: str, digits: int) -> Decimal:
    require(message, field)
    return money_from_wire(getattr(message, field), digits)


def optional_instant(message: Message, field: str) -> datetime | None:
    return instant_from_ms(getattr(message, field)) if message.HasField(field) else None


def required_instant(message: Message, field: str) -> datetime:
    require(message, field)
    return instant_from_ms(getattr(message, field))


def required_enum(message: Message, field: str, kind: type[_Enum]) -> _Enum:
    require(message, field)
    return kind(getattr(message, field))


def optional_enum(message: Message, field: str, kind: type[_Enum]) -> _Enum | None:
    return kind(getattr(message, field)) if message.HasField(field) else None


def schema_enum(message: Message, field: str, kind: type[_Enum]) -> _Enum:
    """Return the field, or the schema's own default where it is absent.

    Raises MappingError if it is there with a number that this build does not know.
    """
    if has_unknown_number(message, field):
        raise missing(message, field)
    return kind(getattr(message, field))


def has_unknown_number(message: Message, field: str) -> bool:
    """Whether an enum field is there with a number that this build does not know."""
    number = message.DESCRIPTOR.fields_by_name[field].number
    return not message.HasField(field) and number in _unknown_numbers(message)


def _unknown_numbers(message: Message) -> set[int]:
    fields = UnknownFieldSet(message)
    return {fields[index].field_number for index in range(len(fields))}
