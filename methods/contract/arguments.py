"""What functions of the kit are called with: numbers lie in the ranges of their signatures, as settings do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, ParamSpec, TypeVar, get_args, get_origin, get_type_hints

from benchmarks.common import fit, misfit, refuse, type_words

P = ParamSpec("P")
R = TypeVar("R")


def in_range(function: Callable[P, R]) -> Callable[P, R]:
    """A function that raises BadInput, which lists them, for arguments out of the ranges in its signature."""

    @wraps(function)
    def checked(*args: P.args, **named: P.kwargs) -> R:
        hints = get_type_hints(function, include_extras=True)
        ranges = {name: hint for name, hint in hints.items() if _has_range(hint)}
        given = inspect.signature(function).bind(*args, **named).arguments
        mistakes = []
        for name, value in ((name, given[name]) for name in ranges if name in given):
            try:
                fit(value, ranges[name])
            except TypeError:
                mistakes.append(f"{name}: {misfit(value, ranges[name])}")
        expected = "; ".join(f"{name}: {type_words(hint)}" for name, hint in ranges.items())
        refuse(f"arguments of {function.__name__}", mistakes, expected)
        return function(*args, **named)

    return checked


def _has_range(hint: object) -> bool:
    return any(get_origin(kind) is Annotated for kind in (hint, *get_args(hint)))
