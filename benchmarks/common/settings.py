"""The types of settings: what fits one, what lies in its range, and how it is called when something does not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from math import inf
from numbers import Number
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

LARGEST = 2**31 - 1
"""The largest whole number that can be set [choice]: no setting counts as far, and numpy's seeds end at 2**32."""


@dataclass(frozen=True)
class Range:
    """Where a number must lie: `Annotated[int, Range(1)]` is at least 1, `Range(0, 1)` from 0 to 1 with both ends, and
    `Range(above=0)` anything above 0."""

    low: float = -inf
    high: float = inf
    above: float = -inf

    def __contains__(self, value: float) -> bool:
        return self.above < value and self.low <= value <= self.high

    def __str__(self) -> str:
        """
        >>> f"{Range(1)}; {Range(0, 1)}; {Range(above=0)}; {Range(above=0, high=1)}"
        'of at least 1; from 0 to 1; above 0; above 0, of at most 1'
        """
        if self.low > -inf and self.high < inf:
            return f"from {self.low:.10g} to {self.high:.10g}"
        limits = (("above", self.above), ("of at least", self.low), ("of at most", self.high))
        return ", ".join(f"{words} {limit:.10g}" for words, limit in limits if abs(limit) < inf)


@dataclass(frozen=True)
class Said:
    """A text that says something: `Annotated[str, Said()]` is neither empty nor spaces alone."""

    def __contains__(self, value: str) -> bool:
        return bool(value.strip(" "))

    def __str__(self) -> str:
        return "that is not empty"


@dataclass(frozen=True)
class Search:
    """Where `moa tune` looks for a number: `Annotated[float, Range(0, 1), Search(1e-6, 1e-3, log=True)]`.

    Both ends are in it, and the field's default. With `log` all orders of magnitude are as likely.
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Choices:
    """Among which values `moa tune` looks: `Annotated[Literal["a", "b", "c"], Choices("a", "b")]`."""

    values: tuple[str | int | float | bool, ...]

    def __init__(self, *values: str | int | float | bool):
        object.__setattr__(self, "values", values)


class Answering:
    """Marks a setting that acts only when a policy answers: `Annotated[Literal["a", "b"], Answering]`.

    Without the mark a setting is one of training. What is marked can be changed without training anew.
    """


@cache
def field_types(kind: type) -> Mapping[str, Any]:
    """The types of a dataclass's fields, with their ranges."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def fit(value: Any, hint: Any) -> Any:
    """The value as a setting of this type takes it. TypeError if it does not fit.

    Lists become tuples, tables those of their items, "none" and "null" None, numbers of numpy Python's. No whole number
    is beyond `LARGEST`.
    """
    if isinstance(value, Number) and hasattr(value, "item"):
        value = value.item()
    if get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
    elif get_origin(hint) is Annotated:
        fitted = fit(value, hint.__origin__)
        if all(fitted in room for room in _rooms(hint)):
            return fitted
    elif get_origin(hint) in (UnionType, Union):
        for kind in sorted(get_args(hint), key=lambda kind: kind is not NoneType):  # "none" would also be a text
            try:
                return fit(value, kind)
            except TypeError:
                continue
    elif _is_table(hint) and isinstance(value, Mapping):
        return fit(tuple(value.items()), hint)
    elif get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(fit(item, get_args(hint)[0]) for item in value)
    elif hint is NoneType:
        if value in (None, "none", "None", "null"):
            return None
    elif hint is float and type(value) in (int, float):
        with suppress(OverflowError):  # of an int beyond all floats
            if math.isfinite(value):
                return float(value)
    elif hint is int and type(value) is int:
        if abs(value) <= LARGEST:
            return value
    elif type(value) is hint and hint is not float:
        return value
    raise TypeError


def misfit(value: Any, hint: Any) -> str:
    """What is said of a value that does not fit.

    >>> misfit(2**31, int)
    'expected a whole number, found 2147483648; the largest is 2147483647'
    >>> misfit(2**31, Annotated[int, Range(1, 9)])
    'expected a whole number from 1 to 9, found 2147483648'
    """
    said = f"expected {type_words(hint)}, found {value!r}"
    with suppress(TypeError):
        if type(value) is int and value > LARGEST and type(fit(LARGEST, hint)) is int:
            said += f"; the largest is {LARGEST}"
    return said


def settable(hint: Any) -> bool:
    """Whether `fit` knows values of this type.

    >>> [settable(hint) for hint in (Annotated[int, Range(1)] | None, tuple[str, ...], list[int], tuple[int, str])]
    [True, True, False, False]
    """
    if get_origin(hint) is Annotated:
        return settable(hint.__origin__)
    if get_origin(hint) in (UnionType, Union):
        return all(map(settable, get_args(hint)))
    if get_origin(hint) is tuple:
        kinds = [kind for kind in dict.fromkeys(get_args(hint)) if kind is not ...]
        return len(kinds) == 1 and settable(kinds[0])
    return get_origin(hint) is Literal or hint in (int, float, str, bool, NoneType)


def type_words(hint: Any) -> str:
    """A type in the user's words.

    >>> type_words(Annotated[int, Range(1)] | None), type_words(tuple[float, ...]), type_words(Literal["a", "b"])
    ('a whole number of at least 1 or none', 'a list, each item a number', 'one of a, b')
    >>> type_words(tuple[tuple[str, str], ...])
    'a table, each value a text'
    """
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if get_origin(hint) is Annotated:
        return " ".join([type_words(hint.__origin__), *map(str, _rooms(hint))])
    if get_origin(hint) in (UnionType, Union):
        return " or ".join(type_words(kind) for kind in get_args(hint))
    if _is_table(hint):
        return f"a table, each value {type_words(get_args(get_args(hint)[0])[1])}"
    if get_origin(hint) is tuple:
        return f"a list, each item {type_words(get_args(hint)[0])}"
    known = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", NoneType: "none"}
    return known.get(hint, str(hint))


def _is_table(hint: Any) -> bool:
    """Whether a type is that of a table's items: pairs, as in `tuple[tuple[str, str], ...]`."""
    item = get_args(hint)[0] if get_origin(hint) is tuple else None
    return get_origin(item) is tuple and ... not in get_args(item)


def is_answering(hint: Any) -> bool:
    """Whether a setting of this type acts only when a policy answers.

    >>> is_answering(Annotated[int, Range(1), Answering]), is_answering(Annotated[int, Range(1)]), is_answering(int)
    (True, False, False)
    """
    return get_origin(hint) is Annotated and Answering in hint.__metadata__


def search_of(hint: Any) -> Search | Choices | None:
    """Where a setting of this type is searched, None where it is not.

    >>> search_of(Annotated[int, Range(1), Search(1, 9)] | None), search_of(Annotated[int, Range(1)])
    (Search(low=1, high=9, log=False), None)
    """
    return next((note for note in notes_of(hint) if isinstance(note, Search | Choices)), None)


def notes_of(hint: Any) -> list[Any]:
    """What is noted at a type, and at those that it is a union of.

    >>> notes_of(Annotated[int, Range(1), Search(1, 9)] | None)
    [Range(low=1, high=inf, above=-inf), Search(low=1, high=9, log=False)]
    """
    if get_origin(hint) in (UnionType, Union):
        return [note for kind in get_args(hint) for note in notes_of(kind)]
    return [*hint.__metadata__] if get_origin(hint) is Annotated else []


def _rooms(hint: Any) -> list[Range | Said]:
    """Where a value of an annotated type must lie."""
    return [note for note in hint.__metadata__ if isinstance(note, Range | Said)]
