"""Good bodies of orders, read by their models' own rules but without the models' machinery. Pure.

pydantic goes through all fields of a model, sent or not, and an order names four of some twenty:
its frame would leave that much later. Here only what was sent is read, by the same functions and
bounds, which are taken from the model's annotations. What is not plainly good, or is bounded by
what is not known here, is left to the model: it has the words for a refusal.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, Generic, TypeVar, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import BaseModel, BeforeValidator, WithJsonSchema
from pydantic.fields import FieldInfo

from fxpool.errors import InvalidCall
from fxpool.mapping.spellings import fold, names_of

Read = Callable[[Any], Any]
Limit = tuple[Callable[[Any, Any], bool], Any]

_set: Final = object.__setattr__  # models are frozen


class QuickModel(BaseModel):
    """A model of which good bodies can be read quickly.

    It has no validators but those in its fields' annotations, those of a field's default
    (``validate_default``), one that folds its names, and one that calls ``check_together``.
    """

    def check_together(self) -> None:
        """Return if the fields go together. Raises ValueError."""


Body = TypeVar("Body", bound=QuickModel)


class QuickReader(Generic[Body]):
    """Reads the good bodies of one model."""

    def __init__(self, model: type[Body]) -> None:
        fields = model.model_fields
        self._model, self._names = model, names_of(fields)
        self._read = {name: _reader_of(field) for name, field in fields.items()}
        self._defaults = {
            name: field.default
            for name, field in fields.items()
            if not field.is_required() and not field.validate_default
        }
        self._needed = fields.keys() - self._defaults.keys()

    def read(self, content: object) -> Body | None:
        """Return the body that a JSON value is; None where the model must look at it."""
        if not isinstance(content, dict):
            return None
        try:
            sent = fold(content, self._names)
            values = {name: self._read[name](value) for name, value in sent.items()}
            if not values.keys() >= self._needed:
                return None
            body = self._built(values)
            body.check_together()
        except (InvalidCall, ValueError):
            return None
        return body

    def _built(self, values: dict[str, Any]) -> Body:
        """Return a body of values that were read, as ``model_construct`` does; that one goes
        through all fields too."""
        body = self._model.__new__(self._model)
        _set(body, "__dict__", self._defaults | values)
        _set(body, "__pydantic_fields_set__", set(values))
        _set(body, "__pydantic_extra__", None)
        _set(body, "__pydantic_private__", None)
        return body


def _reader_of(field: FieldInfo) -> Read:
    """Return what reads a value of a field, or raises ValueError."""
    rules = _rules_of(field)
    readers: list[Any] = [rule.func for rule in rules if isinstance(rule, BeforeValidator)]
    limits = [_limit_of(rule) for rule in rules if not isinstance(rule, _NO_LIMITS)]
    if len(readers) == 1 and None not in limits:
        return _within(readers[0], [limit for limit in limits if limit is not None])
    return _true_or_false if field.annotation in (bool, bool | None) else _unread


def _rules_of(field: FieldInfo) -> list[Any]:
    """Return all that is annotated to a field, or to what it is if it is not None."""
    rules = list(field.metadata)
    for part in get_args(field.annotation):
        if get_origin(part) is Annotated:
            rules += part.__metadata__
    return [each for rule in rules for each in _flat(rule)]


def _flat(rule: Any) -> Iterable[Any]:
    return rule.metadata if isinstance(rule, FieldInfo) else [rule]


def _limit_of(rule: Any) -> Limit | None:
    match rule:
        case Gt(bound):
            return operator.gt, bound
        case Ge(bound):
            return operator.ge, bound
        case Lt(bound):
            return operator.lt, bound
        case Le(bound):
            return operator.le, bound
        case MaxLen(bound):
            return _is_as_short_as, bound
    return None


def _is_as_short_as(text: str, most: int) -> bool:
    return len(text) <= most


def _within(read: Read, limits: list[Limit]) -> Read:
    def read_within(value: object) -> object:
        found = read(value)
        for holds, bound in limits:
            if not holds(found, bound):
                raise ValueError
        return found

    return read_within


def _true_or_false(value: object) -> object:
    """Read no other words for them, which the model knows."""
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004 (so is everything that only the model reads)
    return value


def _unread(value: object) -> object:
    raise ValueError


_NO_LIMITS: Final = (BeforeValidator, WithJsonSchema)
